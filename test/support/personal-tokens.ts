import type { Visitor } from "./visitor.ts";

/** What the sessions page of a visitor shows, and its forms as a browser sends them. */
export interface TokensPage {
  readonly status: number;
  readonly body: string;
  /** The token that was just made, shown this once. */
  readonly token: string | null;
  /** Handles of the tokens that are listed, by name. */
  readonly handles: ReadonlyMap<string, string>;
}

/** Opens the page, or sends one of its forms with the page's own guard; `auth` is the auth origin. */
export async function tokensPage(visitor: Visitor, auth: string, form?: Readonly<Record<string, string>>): Promise<TokensPage> {
  const url = `${auth}/_vestibule/sessions`;
  const shown = await visitor.visit(url);
  const guard = /name="guard" value="([^"]+)"/.exec(shown.body)?.[1] ?? "";
  const answer =
    form === undefined ? shown : await visitor.visit(url, { method: "POST", form: { guard, ...form }, headers: { origin: auth } });
  const entries = answer.body.split('<li class="entry">').filter((entry) => entry.includes('name="endToken"'));
  return {
    status: answer.status,
    body: answer.body,
    token: /<pre[^>]*>(vst_[A-Za-z0-9_-]{43})<\/pre>/.exec(answer.body)?.[1] ?? null,
    handles: new Map(
      entries.map((entry) => [/<h3>(.*?)<\/h3>/.exec(entry)?.[1] ?? "", /name="endToken" value="([^"]+)"/.exec(entry)?.[1] ?? ""]),
    ),
  };
}

/** Makes a token of this name as a person does. */
export async function makeToken(visitor: Visitor, auth: string, name: string): Promise<string> {
  const { token, status } = await tokensPage(visitor, auth, { name });
  if (token === null) throw new Error(`no token was made: ${status}`);
  return token;
}

export const bearer = (token: string) => `Bearer ${token}`;
export const basic = (user: string, token: string) => `Basic ${Buffer.from(`${user}:${token}`).toString("base64")}`;
