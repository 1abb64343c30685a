import { failureAnswer, redirectTo } from "../../control/answers.ts";
import { type ControlRequest, onlyParameter } from "../../control/control-request.ts";
import type { ControlParts } from "../../control/parts.ts";
import { readForm } from "../../control/read-form.ts";
import { type ReturnTarget, readReturnPath, readReturnUrl } from "../../control/return-to.ts";
import { isText } from "../../control/sealed-json.ts";
import type { Answer } from "../../core/answer.ts";
import { asGatewayError, GatewayError } from "../../core/errors.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Site } from "../../core/route.ts";
import { type Attempt, attemptOf, completeLogin, noteFailedLogin, recallLogin } from "../flow/complete-login.ts";
import { isSamlProvider, type ReceivedAnswer, type SamlProvider } from "./port.ts";

/**
 * `POST /_vestibule/saml/<provider>/acs` (Profiles 4.1.4): the answer arrives by cross-site POST, on which Lax cookies are absent. It
 * is verified here, parked once, and finished on a same-site GET that brings the cookies, so no cookie needs SameSite=None. Nothing
 * is stored for an answer that does not verify.
 */
export async function acsEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const provider = samlProviderOf(parts, request);
  try {
    const received = await provider.receive(await readForm(request.request, maxMessageFormBytes));
    await refuseReplay(parts, provider.id, received);
    const handle = await parkAnswer(parts, provider.id, received);
    const here = `${formatOrigin(parts.settings.auth.origin)}/_vestibule/saml/${encodeURIComponent(provider.id)}`;
    return redirectTo(`${here}/finish?answer=${encodeURIComponent(handle)}`);
  } catch (error) {
    const { code, message } = asGatewayError(error);
    noteFailedLogin(parts, request, provider.id, { code, detail: message });
    return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl: "/_vestibule/login" });
  }
}

/** Of two posts of one assertion, in parallel and in different processes, exactly one goes on (Profiles 4.1.4.5). */
async function refuseReplay(parts: ControlParts, provider: string, { replay }: ReceivedAnswer): Promise<void> {
  const ttlMs = Math.max(replay.until - parts.clock(), 1_000);
  if (await parts.sessions.once("assertion", `${provider} ${replay.id}`, ttlMs)) return;
  throw new GatewayError("saml.replayed", `the assertion ${replay.id} has been used already`);
}

/**
 * `GET /_vestibule/saml/<provider>/finish`: binds a parked answer to the login that this browser began, and makes a session of it.
 * An answer that somebody else's login brought here belongs to no login of this browser, and signs nobody in (login CSRF).
 */
export async function finishEndpoint(parts: ControlParts, request: ControlRequest): Promise<Answer> {
  const provider = samlProviderOf(parts, request);
  const parked = await takeAnswer(parts, provider.id, onlyParameter(request.query, "answer"));
  try {
    if (parked === null) throw new GatewayError("login.stale", "the answer is used, too old or not ours");
    return await completeLogin(parts, request, attemptFor(parts, request, provider, parked));
  } catch (error) {
    const { code, message } = asGatewayError(error);
    noteFailedLogin(parts, request, provider.id, { code, detail: message });
    return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl: "/_vestibule/login" });
  }
}

function attemptFor(parts: ControlParts, request: ControlRequest, provider: SamlProvider, parked: ParkedAnswer): Attempt {
  const { state, parcel } = parked;
  if (state === null) return unasked(parts, provider, parked);
  if (parts.loginStates.recall(request.visit.incoming.cookie, state) === null) throw notAsked();
  const login = recallLogin(parts, request, provider, state);
  const { memory, acr, reauthenticate } = login;
  return attemptOf(parts, login, () => provider.conclude(parcel, { state, memory, request: { acr, reauthenticate } }));
}

const notAsked = () =>
  new GatewayError(
    "saml.request-expired",
    "this browser has no login under way that the answer is for: older than 10 minutes, or another's",
  );

/** IdP-initiated, where the configuration allows it: bound to no browser, which is the price of that switch. */
function unasked(parts: ControlParts, provider: SamlProvider, { parcel, relayState }: ParkedAnswer): Attempt {
  const { site, path } = unsolicitedTarget(parts, provider.id, relayState);
  const at = parts.clock();
  const wish = { host: site.hostname, path, binding: null, acr: [], rounds: 0, at };
  return {
    login: { provider: provider.id, acr: [], reauthenticate: false, wish, at },
    cookies: [],
    prove: () => provider.conclude(parcel, null),
  };
}

/** A verified answer on its way to the same-site page that has the browser's cookies. */
type ParkedAnswer = Pick<ReceivedAnswer, "state" | "relayState" | "parcel">;

const kind = "saml-answer";
const parkedLimitMs = 120_000;
const handleShape = /^[A-Za-z0-9_-]{16,128}$/;

/** Keeps it under a random handle, for this provider's finish page only. */
function parkAnswer(parts: ControlParts, provider: string, { state, relayState, parcel }: ParkedAnswer): Promise<string> {
  return parts.sessions.park(kind, JSON.stringify([provider, state, relayState, parcel]), parkedLimitMs);
}

/** Takes it back, once; null for an unknown, used or late handle, and for one of another provider. */
async function takeAnswer(parts: ControlParts, provider: string, handle: string | null): Promise<ParkedAnswer | null> {
  const text = handle !== null && handleShape.test(handle) ? await parts.sessions.unpark(kind, handle) : null;
  const [owner, state, relayState, parcel] = text === null ? [] : (JSON.parse(text) as unknown[]);
  if (owner !== provider || !isTextOrNull(state) || !isTextOrNull(relayState) || !isText(parcel)) return null;
  return { state, relayState, parcel };
}

const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);

/** The SAML provider that the path names. */
export function samlProviderOf(parts: ControlParts, { provider: id }: ControlRequest): SamlProvider {
  const provider = parts.providers.get(id);
  if (provider !== undefined && isSamlProvider(provider)) return provider;
  throw new GatewayError("login.provider-unknown", "no SAML provider of that name");
}

/**
 * A document of 256 KiB as base64 in a form: a third more, and a little for `+`, `/` and line ends, each three characters then.
 * What is longer is refused before it is read.
 */
export const maxMessageFormBytes = 480 * 1024;

/**
 * Where a login that nobody asked for leads: the page that RelayState names, when it is one of an app that accepts this provider; a
 * mere path is one of the provider's first app; anything else is that app's root. RelayState is unsigned, so it chooses among our
 * own pages and never an address.
 */
function unsolicitedTarget(parts: ControlParts, provider: string, relayState: string | null): ReturnTarget {
  const named = readReturnUrl(relayState, parts);
  if (named !== null && accepts(named.site, provider)) return named;
  const site = firstSiteFor(parts, provider);
  return { site, path: named === null ? readReturnPath(relayState, site) : "/" };
}

const accepts = ({ app }: Site, provider: string) => app?.settings.providers.includes(provider) === true;

function firstSiteFor({ settings, table }: ControlParts, provider: string): Site {
  const hosts = settings.apps
    .filter((app) => app.providers.includes(provider))
    .flatMap((app) => app.hosts)
    .filter((host) => !host.startsWith("*"));
  const [host] = hosts;
  const site = host === undefined ? null : table.findSite(host);
  if (site === null) throw new GatewayError("login.return-refused", `no app with a host name of its own accepts ${provider}`);
  return site;
}

/** `GET /_vestibule/saml/<provider>/metadata`: what the provider must know of us. Public, the same for everybody. */
export function metadataEndpoint(parts: ControlParts, request: ControlRequest): Answer {
  return {
    status: 200,
    headers: [
      ["Content-Type", "application/samlmetadata+xml; charset=utf-8"],
      ["Cache-Control", "public, max-age=300"],
      ["Cross-Origin-Resource-Policy", "cross-origin"],
    ],
    body: samlProviderOf(parts, request).metadataDocument(),
    close: false,
  };
}
