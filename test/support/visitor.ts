import { request } from "node:http";

export interface VisitorAnswer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly setCookies: readonly string[];
  readonly body: string;
  readonly location: string | null;
}
export interface VisitOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
}

/**
 * A person with a browser, as far as HTTP goes: cookies kept by host and path, redirects followed like a navigation,
 * forms sent. Every name is reached at 127.0.0.1, so that several root domains need no name server.
 */
export interface Visitor {
  /** One request, no redirect followed. Navigation headers are sent unless `headers` says otherwise. */
  visit(url: string, options?: VisitOptions): Promise<VisitorAnswer>;
  /** Follows redirects to the end (20 at most) and answers the last page. */
  browse(url: string, options?: VisitOptions): Promise<VisitorAnswer>;
  /** A script's request: no HTML wanted. */
  fetch(url: string, options?: VisitOptions): Promise<VisitorAnswer>;
  /** Cookies of a host by name. */
  cookies(hostname: string): ReadonlyMap<string, string>;
  setCookie(hostname: string, name: string, value: string): void;
  /** The URLs of the last `browse`, in order. */
  readonly trail: readonly string[];
}

const navigation = {
  accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
};

export function newVisitor({ onAnswer }: { readonly onAnswer?: (answer: VisitorAnswer) => void } = {}): Visitor {
  const jar = new Map<string, Map<string, { value: string; path: string }>>();
  const trail: string[] = [];

  const visit = async (url: string, options: VisitOptions = {}): Promise<VisitorAnswer> => {
    const target = new URL(url);
    const answer = await send(target, { ...options, headers: { ...navigation, ...cookieHeader(jar, target), ...options.headers } });
    for (const line of answer.setCookies) keepCookie(jar, target, line);
    onAnswer?.(answer);
    return answer;
  };
  const browse = async (url: string, options: VisitOptions = {}): Promise<VisitorAnswer> => {
    trail.length = 0;
    trail.push(url);
    let answer = await visit(url, options);
    for (let hop = 0; answer.location !== null && hop < 20; hop += 1) {
      const next = new URL(answer.location, answer.url).href;
      trail.push(next);
      answer = await visit(next, options.headers === undefined ? {} : { headers: options.headers });
    }
    return answer;
  };
  return {
    visit,
    browse,
    fetch: (url, options = {}) =>
      visit(url, {
        ...options,
        headers: {
          accept: "application/json",
          "sec-fetch-mode": "cors",
          "sec-fetch-dest": "empty",
          "sec-fetch-site": "same-origin",
          ...options.headers,
        },
      }),
    cookies: (hostname) => new Map([...(jar.get(hostname) ?? [])].map(([name, cookie]) => [name, cookie.value])),
    setCookie: (hostname, name, value) => {
      const cookies = jar.get(hostname) ?? new Map<string, { value: string; path: string }>();
      jar.set(hostname, cookies.set(name, { value, path: "/" }));
    },
    trail,
  };
}

/** The first form of a page: where it goes and its hidden or filled-in fields. */
export function firstForm(page: VisitorAnswer): { action: string; method: string; fields: Record<string, string> } {
  const form = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(page.body);
  if (form === null) throw new Error(`no form on ${page.url.href} (${page.status}): ${page.body.slice(0, 400)}`);
  const fields: Record<string, string> = {};
  for (const [input] of (form[2] ?? "").matchAll(/<input\b[^>]*>/gi)) {
    const name = attribute(input, "name");
    if (name !== null) fields[name] = attribute(input, "value") ?? "";
  }
  const action = attribute(form[1] ?? "", "action") ?? page.url.href;
  return { action: new URL(action, page.url).href, method: (attribute(form[1] ?? "", "method") ?? "get").toLowerCase(), fields };
}

function attribute(tag: string, name: string): string | null {
  const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, "i").exec(tag);
  const text = found?.[1] ?? found?.[2];
  return text === undefined
    ? null
    : text.replaceAll("&amp;", "&").replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">");
}

function cookieHeader(jar: Map<string, Map<string, { value: string; path: string }>>, url: URL): Record<string, string> {
  const pairs = [...(jar.get(url.hostname) ?? [])]
    .filter(([, cookie]) => url.pathname.startsWith(cookie.path))
    .map(([name, cookie]) => `${name}=${cookie.value}`);
  return pairs.length === 0 ? {} : { cookie: pairs.join("; ") };
}

function keepCookie(jar: Map<string, Map<string, { value: string; path: string }>>, url: URL, line: string): void {
  const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
  const at = pair.indexOf("=");
  const name = pair.slice(0, at);
  const find = (key: string) => attributes.find((part) => part.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1) ?? null;
  const cookies = jar.get(url.hostname) ?? new Map<string, { value: string; path: string }>();
  jar.set(url.hostname, cookies);
  const expires = find("expires");
  const gone = find("max-age") === "0" || (expires !== null && Date.parse(expires) <= Date.now());
  if (gone) cookies.delete(name);
  else cookies.set(name, { value: pair.slice(at + 1), path: find("path") ?? "/" });
}

function send(url: URL, options: VisitOptions): Promise<VisitorAnswer> {
  const body = options.form === undefined ? null : new URLSearchParams(options.form).toString();
  const headers: Record<string, string> = { host: url.host, ...options.headers };
  if (body !== null) {
    headers["content-type"] = "application/x-www-form-urlencoded";
    headers["content-length"] = String(Buffer.byteLength(body));
  }
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port: url.port === "" ? 80 : Number(url.port),
        path: url.pathname + url.search,
        method: options.method ?? (body === null ? "GET" : "POST"),
        headers,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            url,
            status: response.statusCode ?? 0,
            headers: response.headers,
            setCookies: response.headers["set-cookie"] ?? [],
            body: Buffer.concat(chunks).toString("utf8"),
            location:
              response.statusCode !== undefined && response.statusCode >= 300 && response.statusCode < 400
                ? (response.headers.location ?? null)
                : (/^0;url=(.+)$/.exec(String(response.headers.refresh ?? ""))?.[1] ?? null),
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body ?? undefined);
  });
}
