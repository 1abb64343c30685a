import type { LoginProvider } from "../../core/ports/login-provider.ts";
import type { PageModel } from "../../core/ports/pages.ts";
import { onlyParameter } from "../control-request.ts";

/** What a login URL already says: which provider, which address, whether with another account. */
export interface Choices {
  readonly provider: string | null;
  readonly hint: string | null;
  readonly another: boolean;
}

const maxChoice = 320;

export function readChoices(query: URLSearchParams): Choices {
  const short = (name: string) => {
    const value = onlyParameter(query, name);
    return value !== null && value.length <= maxChoice ? value : null;
  };
  return { provider: short("provider"), hint: short("login_hint"), another: onlyParameter(query, "another") === "1" };
}

/** The choices as parameters, to take along through another host. */
export function passedOn(choices: Choices): readonly [name: string, value: string][] {
  const pairs: [string, string][] = [];
  if (choices.provider !== null) pairs.push(["provider", choices.provider]);
  if (choices.hint !== null) pairs.push(["login_hint", choices.hint]);
  if (choices.another) pairs.push(["another", "1"]);
  return pairs;
}

type Chooser = PageModel & { readonly page: "chooser" };

/** The page that asks for the address, with the providers below. Works without a script: a GET form and links. */
export function chooserModel(asked: {
  readonly app: string;
  readonly sealed: string;
  readonly choices: Choices;
  readonly providers: readonly LoginProvider[];
  readonly problem: Chooser["problem"];
}): Chooser {
  const { app, sealed, choices, providers, problem } = asked;
  const kept: Record<string, string> = choices.another ? { wish: sealed, another: "1" } : { wish: sealed };
  const urlOf = (id: string) => `/_vestibule/login?${new URLSearchParams({ ...kept, provider: id })}`;
  return {
    page: "chooser",
    app,
    action: "/_vestibule/login",
    fields: kept,
    providers: providers.map(({ id, name }) => ({ id, name, url: urlOf(id) })),
    email: choices.hint ?? "",
    problem,
  };
}
