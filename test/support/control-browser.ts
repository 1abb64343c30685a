import type { Answer } from "../../src/core/answer.ts";
import type { Incoming } from "../../src/core/incoming.ts";
import { formatOrigin } from "../../src/core/origin.ts";
import type { Site } from "../../src/core/route.ts";
import type { ControlRig } from "./control-rig.ts";
import { type CookieJar, createCookieJar } from "./cookie-jar.ts";
import { anIncoming } from "./policy-builders.ts";

export interface Reply {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly setCookies: readonly string[];
  readonly location: string | null;
  readonly body: string;
}
export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/**
 * A browser before the gateway, without a network between: control URLs go to the control plane, every other page of an app
 * is either "the page" (signed in) or goes through the login redirect. Providers answer at once.
 */
export interface ControlBrowser {
  readonly jar: CookieJar;
  /** One request. */
  ask(url: string, ask?: Ask): Promise<Reply>;
  /** A navigation, redirects followed, providers' pages answered by a sign-in. */
  go(url: string, ask?: Ask): Promise<Reply>;
  /** Every URL of the last `go`. */
  readonly trail: string[];
}

const navigation = {
  accept: "text/html",
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
  "user-agent": "the browser of these tests",
};

export function createControlBrowser(rig: ControlRig, jar: CookieJar = createCookieJar()): ControlBrowser {
  const trail: string[] = [];
  const ask = async (url: string, request: Ask = {}): Promise<Reply> => {
    const { hostname } = new URL(url);
    const reply = await answer(rig, url, { ...request, headers: { ...navigation, ...request.headers } }, jar.header(hostname));
    jar.absorb(hostname, reply.setCookies);
    return reply;
  };
  const go = async (url: string, request: Ask = {}): Promise<Reply> => {
    trail.length = 0;
    trail.push(url);
    let reply = await ask(url, request);
    for (let hop = 0; reply.location !== null && hop < 30; hop += 1) {
      const next = throughProvider(reply.location, rig);
      trail.push(next);
      reply = await ask(next);
    }
    return reply;
  };
  return { jar, ask, go, trail };
}

/** Where a provider sends the browser after its sign-in; any other URL stays as it is. */
export function throughProvider(url: string, rig: ControlRig): string {
  const { hostname, searchParams, pathname } = new URL(url);
  const id = /^([a-z]+)\.idp\.example$/.exec(hostname)?.[1];
  if (id === undefined || pathname !== "/authorize") return url;
  const query = new URLSearchParams({ code: "code-1", state: searchParams.get("state") ?? "", iss: `https://${id}.idp.example` });
  return `${formatOrigin(rig.settings.auth.origin)}/_vestibule/oidc/${id}/callback?${query}`;
}

async function answer(rig: ControlRig, url: string, ask: Ask, cookie: string | null): Promise<Reply> {
  const target = new URL(url);
  const site = rig.table.findSite(target.hostname);
  if (site === null) throw new Error(`the browser left for ${url}`);
  const incoming = incomingFor(target, ask, cookie);
  if (target.pathname.startsWith("/_vestibule")) return fromResponse(url, await rig.control(requestFor(url, ask), { incoming, site }));
  return page(rig, url, incoming, site);
}

/** What the data plane would do: the page for whoever has a session here, else the redirect. */
async function page(rig: ControlRig, url: string, incoming: Incoming, site: Site): Promise<Reply> {
  const id = rig.cookies.read(incoming.cookie, site.hostname);
  const session = id === null ? null : await rig.store.find(id);
  if (session !== null && site.app?.settings.providers.includes(session.principal.provider)) {
    const body = `the page of ${session.principal.subject} by ${session.principal.provider}`;
    return { url, status: 200, headers: new Headers(), setCookies: [], location: null, body };
  }
  return fromAnswer(url, rig.loginRedirect.answer({ incoming, site }, { acr: [] }));
}

function requestFor(url: string, { method = "GET", headers = {}, body }: Ask): Request {
  return new Request(url, { method, headers, ...(body === undefined ? {} : { body }) });
}

export function incomingFor(target: URL, { method = "GET", headers = {} }: Ask, cookie: string | null): Incoming {
  const fields = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const field = (name: string) => fields.find(([candidate]) => candidate === name)?.[1] ?? null;
  return anIncoming({
    method,
    hostname: target.hostname,
    path: target.pathname,
    query: target.search,
    rawHeaders: fields.flat(),
    cookie: field("cookie") ?? cookie,
    wantsPage: method === "GET" && (field("accept")?.includes("text/html") ?? false),
    origin: field("origin"),
    fetchSite: field("sec-fetch-site"),
    acceptLanguage: field("accept-language"),
    userAgent: field("user-agent"),
  });
}

async function fromResponse(url: string, response: Response): Promise<Reply> {
  return {
    url,
    status: response.status,
    headers: response.headers,
    setCookies: response.headers.getSetCookie(),
    location: response.headers.get("location"),
    body: await response.text(),
  };
}

export function fromAnswer(url: string, { status, headers, body }: Answer): Reply {
  const fields = new Headers();
  for (const [name, value] of headers) fields.append(name, value);
  return { url, status, headers: fields, setCookies: fields.getSetCookie(), location: fields.get("location"), body };
}
