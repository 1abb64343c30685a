import { failureAnswer, redirectTo } from "../../control/answers.ts";
import { isText, type ReturnTarget, readReturnPath, readReturnUrl } from "../../control/browser-state.ts";
import { type ControlRequest, type Endpoint, onlyParameter, readForm } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { asGatewayError, GatewayError } from "../../core/errors.ts";
import { formatOrigin } from "../../core/origin.ts";
import { continueLogin, loginOrigin } from "../../core/ports/tracing.ts";
import type { Site } from "../../core/route.ts";
import { type Attempt, attemptOf, completeLogin, noteFailedLogin, useLogin } from "../flow/complete-login.ts";
import type { LoginState } from "../flow/login-state.ts";
import type { Needs } from "../flow/parts.ts";
import { oneMoreTry, type StartNeeds } from "../flow/start-login.ts";
import { wayOn } from "../flow/wanted-page.ts";
import type { ReceivedAnswer, SamlProvider } from "./context.ts";
import { maxMessageFormBytes, type SloNeeds, singleLogout } from "./slo-endpoint.ts";

type Providers = ReadonlyMap<string, SamlProvider>;
type AcsNeeds = Needs<"facts" | "settings" | "clock" | "renderPage" | "log" | "metrics" | "audit">;
type FinishNeeds = StartNeeds & Needs<"table" | "settings">;

/** Where the providers' answers and logout messages arrive, and what they must know of us. */
export function samlEndpoints(parts: AcsNeeds & FinishNeeds & SloNeeds, providers: Providers): readonly Endpoint[] {
  const under = "/saml/:provider";
  return [
    {
      ...{ path: `${under}/metadata`, on: "auth", methods: ["GET", "HEAD"], limited: false, urgent: false },
      run: (request) => metadataAnswer(providerOf(providers, request)),
    },
    {
      ...{ path: `${under}/acs`, on: "auth", methods: ["POST"], limited: true, urgent: false },
      run: (request) => receiveAnswer(parts, providerOf(providers, request), request),
    },
    {
      ...{ path: `${under}/finish`, on: "auth", methods: ["GET"], limited: false, urgent: false },
      run: (request) => finishLogin(parts, providerOf(providers, request), request),
    },
    // Verifying a signature costs the same whether the message begins a session or ends one.
    {
      ...{ path: `${under}/slo`, on: "auth", methods: ["GET", "POST"], limited: true, urgent: true },
      run: (request) => singleLogout(parts, providerOf(providers, request), request),
    },
  ];
}

function providerOf(providers: Providers, { provider: id }: ControlRequest): SamlProvider {
  const provider = providers.get(id);
  if (provider === undefined) throw new GatewayError("login.provider-unknown", "no SAML provider of that name");
  return provider;
}

/**
 * `POST /_vestibule/saml/<provider>/acs` (Profiles 4.1.4): the answer arrives by cross-site POST, on which Lax cookies are absent. It
 * is verified here, parked once, and finished on a same-site GET that brings the cookies, so no cookie needs SameSite=None. Nothing
 * is stored for an answer that does not verify.
 */
async function receiveAnswer(parts: AcsNeeds, provider: SamlProvider, request: ControlRequest): Promise<Answer> {
  const finish = `${formatOrigin(parts.settings.auth.origin)}/_vestibule/saml/${encodeURIComponent(provider.id)}/finish`;
  let form = new URLSearchParams();
  try {
    form = await readForm(request.request, maxMessageFormBytes);
    const received = await provider.receive(form);
    await refuseReplay(parts, provider.id, received);
    const bringer = loginOrigin(request.visit.incoming.trace);
    const handle = await parkAnswer(parts, provider.id, { ...received, bringer });
    return redirectTo(`${finish}?answer=${encodeURIComponent(handle)}`);
  } catch (error) {
    const { code, message } = asGatewayError(error);
    const state = form.get("RelayState") ?? "";
    // The cookies say whose login it is. RelayState is not signed: it only chooses among this browser's own.
    if (code === "login.provider-busy" && handleShape.test(state)) return redirectTo(`${finish}?busy=${state}`);
    noteFailedLogin(parts, request, provider.id, { code, detail: message });
    return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl: "/_vestibule/login", isNoted: true });
  }
}

/** Of two posts of one assertion, in parallel and in different processes, exactly one goes on (Profiles 4.1.4.5). */
async function refuseReplay(parts: Needs<"facts" | "clock">, provider: string, { replay }: ReceivedAnswer): Promise<void> {
  const ttlMs = Math.max(replay.until - parts.clock(), 1_000);
  if (await parts.facts.once("assertion", `${provider} ${replay.id}`, ttlMs)) return;
  throw new GatewayError("saml.replayed", `the assertion ${replay.id} has been used already`);
}

/**
 * `GET /_vestibule/saml/<provider>/finish`: binds a parked answer to the login that this browser began, and makes a session of it.
 * An answer that another person's login brought here belongs to no login of this browser, and gives no session (login CSRF).
 */
async function finishLogin(parts: FinishNeeds, provider: SamlProvider, request: ControlRequest): Promise<Answer> {
  const busy = onlyParameter(request.query, "busy");
  if (busy !== null) return tryAgain(parts, provider, request, busy);
  const handle = onlyParameter(request.query, "answer");
  const parked = await takeAnswer(parts, provider.id, handle);
  if (parked !== null) continueLogin(request.visit.incoming.trace, parked);
  try {
    if (parked === null) throw new GatewayError("login.stale", "the answer is used, too old or not ours");
    return await completeLogin(parts, request, attemptFor(parts, request, provider, { ...parked, handle: handle ?? "" }));
  } catch (error) {
    const { code, message } = asGatewayError(error);
    noteFailedLogin(parts, request, provider.id, { code, detail: message });
    // A person who is signed in finds the apps on the start page; a login from here each time would look like a loop.
    const isSignedIn = parts.browserSessions.read(request.visit.incoming.cookie).length > 0;
    const startAgainUrl = wayOn(parts, request, handle ?? "") ?? (isSignedIn ? null : "/_vestibule/login");
    return failureAnswer(parts, request.visit.incoming, error, { startAgainUrl, isNoted: true });
  }
}

/** The provider said "later": one new try of the login that this browser began with that state, then the page that says so. */
async function tryAgain(parts: FinishNeeds, provider: SamlProvider, request: ControlRequest, state: string): Promise<Answer> {
  const busy = new GatewayError("login.provider-busy", "the provider asks for another try, by its status");
  let login: LoginState;
  try {
    login = useLogin(parts, request, provider, state);
  } catch (error) {
    const detail = `${busy.message}; no new try, because ${asGatewayError(error).message}`;
    noteFailedLogin(parts, request, provider.id, { code: busy.code, detail });
    const startAgainUrl = wayOn(parts, request, state) ?? "/_vestibule/login";
    return failureAnswer(parts, request.visit.incoming, busy, { startAgainUrl, isNoted: true });
  }
  const attempt = attemptOf(parts, login, () => Promise.reject(busy));
  return completeLogin(parts, request, { ...attempt, ...oneMoreTry(parts, request, provider, login) });
}

function attemptFor(
  parts: FinishNeeds,
  request: ControlRequest,
  provider: SamlProvider,
  parked: ParkedAnswer & { readonly handle: string },
): Attempt {
  const { state, parcel, handle } = parked;
  if (state === null) return unasked(parts, provider, parked);
  if (parts.loginStates.recall(request.visit.incoming.cookie, state) === null) throw notAsked();
  const login = useLogin(parts, request, provider, state);
  const { memory, acr, reauthenticate } = login;
  return attemptOf(parts, login, () => provider.conclude(parcel, { state, memory, request: { acr, reauthenticate } }), handle);
}

const notAsked = () =>
  new GatewayError(
    "saml.request-expired",
    "this browser has no login under way that the answer is for: older than 10 minutes, or another's",
  );

/** IdP-initiated, where the configuration allows it: bound to no browser, which is the price of that switch. */
function unasked(parts: Needs<"table" | "settings" | "clock">, provider: SamlProvider, { parcel, relayState }: ParkedAnswer): Attempt {
  const { site, path } = unsolicitedTarget(parts, provider.id, relayState);
  const at = parts.clock();
  const wanted = { host: site.hostname, path, binding: null, acr: [], rounds: 0, at };
  return {
    login: { provider: provider.id, acr: [], reauthenticate: false, wanted, at },
    cookies: [],
    prove: () => provider.conclude(parcel, null),
  };
}

/** A verified answer on its way to the same-site page that has the browser's cookies. */
interface ParkedAnswer extends Pick<ReceivedAnswer, "state" | "relayState" | "parcel"> {
  /** The recorded request that brought it, see `RequestTrace`; the login's own name is in a cookie that did not come with it. */
  readonly bringer: string | null;
}

const kind = "saml-answer";
const parkedLimitMs = 120_000;
const handleShape = /^[A-Za-z0-9_-]{16,128}$/;

/** Keeps it under a random handle, for this provider's finish page only. */
function parkAnswer(parts: Needs<"facts">, provider: string, { state, relayState, parcel, bringer }: ParkedAnswer): Promise<string> {
  return parts.facts.park(kind, JSON.stringify([provider, state, relayState, parcel, bringer]), parkedLimitMs);
}

/** Takes it back, once; null for an unknown, used or late handle, and for one of another provider. */
async function takeAnswer(parts: Needs<"facts">, provider: string, handle: string | null): Promise<ParkedAnswer | null> {
  const text = handle !== null && handleShape.test(handle) ? await parts.facts.unpark(kind, handle) : null;
  const [owner, state, relayState, parcel, bringer] = text === null ? [] : (JSON.parse(text) as unknown[]);
  if (owner !== provider || !isTextOrNull(state) || !isTextOrNull(relayState) || !isText(parcel)) return null;
  return { state, relayState, parcel, bringer: isText(bringer) ? bringer : null };
}

const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);

/**
 * Where a login that was not asked for leads: the page that RelayState names, when it is one of an app that accepts this provider; a
 * mere path is one of the provider's first app; anything else is that app's root. RelayState is unsigned, so it chooses among our
 * own pages and never an address.
 */
function unsolicitedTarget(parts: Needs<"table" | "settings">, provider: string, relayState: string | null): ReturnTarget {
  const named = readReturnUrl(relayState, parts);
  if (named !== null && accepts(named.site, provider)) return named;
  const site = firstSiteFor(parts, provider);
  return { site, path: named === null ? readReturnPath(relayState, site) : "/" };
}

const accepts = ({ app }: Site, provider: string) => app?.settings.providers.includes(provider) === true;

function firstSiteFor({ settings, table }: Needs<"table" | "settings">, provider: string): Site {
  const hosts = settings.apps
    .filter((app) => app.providers.includes(provider))
    .flatMap((app) => app.hosts)
    .filter((host) => !host.startsWith("*"));
  const [host] = hosts;
  const site = host === undefined ? null : table.findSite(host);
  if (site === null) throw new GatewayError("login.return-refused", `no app with a host name of its own accepts ${provider}`);
  return site;
}

/** `GET /_vestibule/saml/<provider>/metadata`: what the provider must know of us. Public, the same for everyone. */
function metadataAnswer(provider: SamlProvider): Answer {
  return {
    status: 200,
    headers: [
      ["Content-Type", "application/samlmetadata+xml; charset=utf-8"],
      ["Cache-Control", "public, max-age=300"],
      ["Cross-Origin-Resource-Policy", "cross-origin"],
    ],
    body: provider.metadataDocument(),
    close: false,
  };
}
