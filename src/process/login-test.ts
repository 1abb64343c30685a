import type { IncomingMessage, ServerResponse } from "node:http";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import { formatOrigin } from "../core/origin.ts";
import type { LoginProvider, Vouched } from "../core/ports/login-provider.ts";
import type { Settings } from "../core/settings.ts";
import { readQuestion } from "../gateway/explain/question.ts";
import { compileRules } from "../gateway/judge.ts";
import { createListener, type Listener } from "../http/listener/server.ts";
import type { OidcProvider } from "../login/oidc/method.ts";
import type { SamlProvider } from "../login/saml/context.ts";
import { openForCheck, quietLog } from "./check.ts";

/** What one real login gave. The claims are everything that the provider said of the person, before the mapping. */
export type LoginTestOutcome = { readonly ok: true; readonly vouched: Vouched } | { readonly ok: false; readonly error: GatewayError };

/** A login under way in the operator's browser. */
export interface LoginTest {
  /** Where the browser begins. */
  readonly url: string;
  /** Our address that the provider answers at. */
  readonly answersAt: string;
  /** False: another process has the listeners, the running gateway as a rule; the answer must be brought by hand. */
  readonly listens: boolean;
  /** The first answer that belongs to this login. */
  readonly outcome: Promise<LoginTestOutcome>;
  /** What the provider said, as far as it came. */
  claims(): Readonly<Record<string, unknown>> | null;
  /** An answer by hand: the address that the browser ended at, or the value of `SAMLResponse`. */
  bring(text: string): void;
  close(): Promise<void>;
}

/**
 * Begins one login with the very code of the gateway, and reads its answer in full. No session is made and the sessions' store is not opened.
 * Rejects with a GatewayError where the login cannot begin.
 */
export async function beginLoginTest(settings: Settings, id: string): Promise<LoginTest> {
  let claims: Readonly<Record<string, unknown>> | null = null;
  const own: Settings = { ...settings, sessions: { ...settings.sessions, store: { kind: "memory" } } };
  const parts = openForCheck(own, { tellClaims: (said) => (claims = said) });
  const state = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
  const listeners: Listener[] = [];
  const close = async () => {
    await Promise.all(listeners.map((listener) => listener.close(0)));
    await parts.close();
  };
  try {
    const provider = parts.providers.find((one) => one.id === id);
    if (provider === undefined) throw new GatewayError("login.provider-unknown", `there is no provider ${id}`);
    if (provider.kind !== "oidc" && provider.kind !== "saml")
      throw new GatewayError(
        "config.invalid",
        `a login by ${provider.kind} happens on the gateway's own pages: open one of its apps${provider.kind === "ldap" ? ", or look with vestibule ldap-test LOGIN" : ""}`,
      );
    const { go, memory } = await provider.begin(requestOf(own, state));
    if (go.kind !== "redirect")
      throw new GatewayError("config.invalid", `${id} takes requests by form only, which this command cannot send`);
    const conclude = concluder(provider, state, memory);
    const { promise: outcome, resolve } = Promise.withResolvers<LoginTestOutcome>();
    const take = async (parameters: URLSearchParams) => {
      const found = await conclude(parameters).then(
        (vouched): LoginTestOutcome => ({ ok: true, vouched }),
        (error: unknown): LoginTestOutcome => ({ ok: false, error: asGatewayError(error) }),
      );
      resolve(found);
    };
    const path = provider.kind === "saml" ? `/_vestibule/saml/${id}/acs` : `/_vestibule/oidc/${id}/callback`;
    const listens = await listenFor(own, path, take, listeners);
    return {
      url: go.url,
      answersAt: `${formatOrigin(own.auth.origin)}${path}`,
      listens,
      outcome,
      claims: () => claims,
      bring: (text) => void take(broughtParameters(text.trim())),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** As a visitor who opens the auth origin would begin it. */
function requestOf(settings: Settings, state: string): Parameters<LoginProvider["begin"]>[0] {
  const url = `${formatOrigin(settings.auth.origin)}/`;
  const question = { url, method: "GET", as: null, address: null, at: Date.now(), websocket: false };
  const asked = readQuestion(compileRules(settings), question, null);
  if (asked.kind === "malformed") throw new GatewayError("config.invalid", asked.why);
  return { state, loginHint: null, acr: [], reauthenticate: false, incoming: asked.incoming, urlOf: () => "", wasChallenged: false };
}

/** How an answer of this provider becomes a person, by the same steps as at the gateway. */
function concluder(
  provider: LoginProvider,
  state: string,
  memory: Readonly<Record<string, string>>,
): (parameters: URLSearchParams) => Promise<Vouched> {
  const asked = { acr: [], reauthenticate: false };
  if (provider.kind === "oidc") return (parameters) => (provider as OidcProvider).finish(parameters, state, memory, asked);
  return async (parameters) => {
    const received = await (provider as SamlProvider).receive(parameters);
    return (provider as SamlProvider).conclude(received.parcel, { state, memory, request: asked });
  };
}

function broughtParameters(text: string): URLSearchParams {
  const address = URL.parse(text);
  return address === null ? new URLSearchParams({ SAMLResponse: text.replaceAll(/\s/g, "") }) : address.searchParams;
}

const mostFormBytes = 512 * 1024;

/** True when the listeners of the configuration are ours for the while. */
async function listenFor(
  settings: Settings,
  path: string,
  take: (parameters: URLSearchParams) => Promise<void>,
  listeners: Listener[],
): Promise<boolean> {
  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    void answer(req, path, take).then((words) => {
      res.writeHead(words === null ? 404 : 200, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
      res.end(words ?? "Only a login is being tried here: the gateway is not running.\n");
    });
  };
  try {
    for (const one of settings.listen) {
      const shared = { settings: one, log: quietLog, onRequest, newRequestId: () => "login-test" };
      listeners.push(await createListener({ ...shared, onUpgrade: (_req, socket) => void socket.destroy() }));
    }
    return true;
  } catch (error) {
    if (asGatewayError(error).code !== "listener.failed") throw error;
    await Promise.all(listeners.splice(0).map((listener) => listener.close(0)));
    return false;
  }
}

async function answer(req: IncomingMessage, path: string, take: (parameters: URLSearchParams) => Promise<void>): Promise<string | null> {
  const url = URL.parse(req.url ?? "/", "http://localhost");
  if (url?.pathname !== path) return null;
  await take(req.method === "POST" ? new URLSearchParams(await bodyOf(req)) : url.searchParams);
  return "The answer has arrived: the terminal shows what it says. Nobody was signed in here.\n";
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > mostFormBytes) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
