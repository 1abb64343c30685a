import type { Clock } from "../../core/clock.ts";
import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import { noTracing, type Tracing } from "../../core/ports/tracing.ts";
import type { ProviderSettings } from "../../core/settings.ts";
import { createFaults, messageOf, ProtocolFailure, unavailable } from "../remote/provider-errors.ts";
import { createKeptDocument, createProviderFetch, jsonObject, type LoadReason, type ProviderFetch } from "../remote/provider-fetch.ts";
import { verifyBearer } from "./bearer.ts";
import { beginLogin, readMemory } from "./begin-login.ts";
import { createLibraryConfiguration, noteFault, type OidcContext, wordsOf } from "./context.ts";
import { discoveryUrl, readMetadata } from "./discovery.ts";
import { finishLogin } from "./finish-login.ts";
import { createGraph } from "./graph.ts";
import { createDecrypt, publicKeysOf } from "./id-token.ts";
import { acceptedAlgorithms, createProviderKeys, readKeys } from "./keys.ts";
import { acceptFrontchannelLogout, acceptLogoutToken, leaveProvider } from "./logout.ts";
import type { OidcProvider } from "./method.ts";
import { refreshLogin } from "./refresh-login.ts";
import { type OidcSettings, oidcOf } from "./settings.ts";
import { createSharedKeys, type SharedKeysDeps } from "./shared-keys.ts";

export interface OidcProviderDeps {
  readonly settings: ProviderSettings;
  /** Claims that some rule asks about: recorded at login. */
  readonly claimNames: readonly string[];
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
  /** `insecure.httpProviders`: issuer and endpoints may be http. */
  readonly allowHttp: boolean;
  readonly ownerOfDomain: (domain: string) => string | null;
  readonly isUnproven?: (domain: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tellClaims?: (claims: Readonly<Record<string, unknown>>) => void;
  readonly tracing?: Tracing;
  /** Where processes tell each other of the provider's keys; without it each asks for itself. */
  readonly store?: SharedKeysDeps["store"];
  readonly fetch?: typeof fetch;
}

const minuteMs = 60_000;
const accept = { accept: "application/json" };

/**
 * An OpenID Connect provider. Nothing is fetched before it is needed, so that the gateway starts without its providers; what was
 * fetched once outlives the provider's troubles.
 */
export function createOidcProvider(deps: OidcProviderDeps): OidcProvider {
  const { settings } = deps;
  const oidc = oidcOf(settings.protocol);
  if (oidc === null) throw new GatewayError("config.invalid", `provider ${settings.id} is not an OpenID Connect provider`);
  const closing = new AbortController();
  const fetchOne = createProviderFetch({
    provider: settings.id,
    allowHttp: deps.allowHttp,
    fetch: deps.fetch ?? fetch,
    metrics: deps.metrics,
    tracing: deps.tracing ?? noTracing,
    closing: closing.signal,
  });
  const documents = createDocuments(deps, oidc, fetchOne);
  const faults = createFaults();
  const { tenants } = oidc;
  const publicKeys = publicKeysOf(oidc);
  const configure = createLibraryConfiguration({ oidc, allowHttp: deps.allowHttp, fetch: fetchOne, clock: deps.clock });
  const context: OidcContext = {
    ...documents,
    settings,
    oidc,
    redirectUri: deps.redirectUri,
    postLogoutRedirectUri: deps.postLogoutRedirectUri,
    mapping: {
      provider: settings.id,
      // Of several tenants the account is the oid; a sub is made for each of our registrations.
      attributes:
        tenants.length > 0 && settings.attributes.subject === "sub" ? { ...settings.attributes, subject: "oid" } : settings.attributes,
      groupNames: settings.groupNames,
      groupsSeparator: settings.groupsSeparator ?? null,
      groupsPrefix: settings.groupsPrefix ?? null,
      claimNames: deps.claimNames,
      ownerOfDomain: deps.ownerOfDomain,
      ...(deps.isUnproven === undefined ? {} : { isUnproven: deps.isUnproven }),
    },
    keys: createProviderKeys({ document: documents.jwks, news: documents.newKeys, clock: deps.clock }),
    decrypt: createDecrypt(oidc),
    faults,
    fetch: fetchOne,
    configure,
    graph:
      settings.graph === null
        ? null
        : createGraph({ ...deps, ...graphParts(settings), configure, closing: closing.signal, fetch: deps.fetch ?? fetch }),
    clock: deps.clock,
    log: deps.log,
    tellClaims: deps.tellClaims,
  };
  return {
    id: settings.id,
    name: settings.name,
    kind: "oidc",
    emailDomains: settings.emailDomains,
    // Of several tenants there are several issuers: whose a token is can only be asked.
    ...(tenants.length === 0 ? { issuer: oidc.issuer } : {}),
    responseMode: oidc.responseMode,
    publicKeys: () => publicKeys,
    begin: (request) => inLogin(context, beginLogin(context, request)),
    finish: async (answer, state, memory, request) => {
      const remembered = readMemory(memory);
      if (remembered === null) throw new GatewayError("login.stale", "nothing was remembered of this login");
      const vouched = await inLogin(context, finishLogin(context, answer, state, remembered, request));
      faults.clear();
      return vouched;
    },
    refresh: (session) => refreshLogin(context, session),
    leave: (session, state, uiLocales) => leaveProvider(context, session, state, uiLocales),
    acceptLogoutToken: (token) => acceptLogoutToken(context, token).catch(asCode("logout.token-rejected", "logout.token-rejected")),
    acceptFrontchannelLogout: (query) => {
      try {
        return acceptFrontchannelLogout(context, query);
      } catch (error) {
        return asCode("logout.token-rejected", "logout.token-rejected")(error);
      }
    },
    verifyBearer: (token) => verifyBearer(context, token).catch(asBearerFailure),
    health: () => {
      const failure = documents.metadata.lastFailure() ?? documents.jwks.lastFailure() ?? faults.last();
      const dates = [...documents.metadata.dated(), ...documents.jwks.dated()];
      return { ok: failure === null, detail: failure ?? "no failure known", documents: dates };
    },
    probe: () => probe(context, documents.jwks),
    firstLook: () => firstLook(context),
    tryRequest: () => tryRequest(context),
    close: () => closing.abort(),
  };
}

function graphParts({ id, graph, attributes, groupNames }: ProviderSettings) {
  return { provider: id, settings: graph ?? { groups: "never" as const, profile: [] }, groupsPath: attributes.groups, groupNames };
}

function createDocuments(deps: OidcProviderDeps, oidc: OidcSettings, fetchOne: ProviderFetch) {
  const shared = { clock: deps.clock, log: deps.log, provider: deps.settings.id };
  const dated = <T>(value: T) => ({ value, at: deps.clock() });
  const metadata = createKeptDocument({
    ...shared,
    what: "discovery",
    freshMs: 60 * minuteMs,
    staleMs: 24 * 60 * minuteMs,
    load: async () => {
      const address = oidc.discovery ?? discoveryUrl(oidc.issuer);
      const response = await fetchOne("discovery", address, { method: "GET", headers: accept });
      const document = await jsonObject(response, "discovery").catch((error: unknown) => {
        throw unavailable(`${messageOf(error)} at ${address}: is the issuer written as the provider has it?`);
      });
      return dated(readMetadata(document, oidc.issuer, deps.allowHttp));
    },
  });
  const fetchKeys = async () => {
    const { jwks_uri } = await metadata.get();
    return dated(readKeys(await jsonObject(await fetchOne("jwks", jwks_uri, { method: "GET", headers: accept }), "jwks")));
  };
  const freshMs = 10 * minuteMs;
  const keys =
    deps.store === undefined ? null : createSharedKeys({ ...shared, issuer: oidc.issuer, fetchKeys, freshMs, store: deps.store });
  const jwks = createKeptDocument({ ...shared, what: "jwks", freshMs, staleMs: 60 * minuteMs, load: keys?.load ?? fetchKeys });
  return { metadata, jwks, newKeys: keys?.news ?? (async () => null) };
}

/** Both documents fetched now, and what a login would need looked at. */
async function probe(
  context: OidcContext,
  jwks: { reload(why: LoadReason): Promise<readonly unknown[]> },
): Promise<{ ok: boolean; detail: string }> {
  try {
    const metadata = await context.metadata.reload("probe");
    const keys = await jwks.reload("probe");
    await context.configure(metadata);
    const algorithms = acceptedAlgorithms(context.oidc.signingAlgorithms, metadata.id_token_signing_alg_values_supported);
    if (algorithms.length === 0) return { ok: false, detail: "the provider announces no asymmetric signature algorithm that is accepted" };
    return { ok: true, detail: `${keys.length} signing keys, ${algorithms.join(", ")}` };
  } catch (error) {
    return { ok: false, detail: wordsOf(context, error) };
  }
}

/** The one document that every login needs. What it says counts for later, and its failure holds up no login that comes a moment after. */
async function firstLook(context: OidcContext): Promise<{ ok: boolean; detail: string }> {
  try {
    await context.metadata.reload("probe");
    return { ok: true, detail: "reached" };
  } catch (error) {
    return { ok: false, detail: wordsOf(context, error) };
  }
}

/** The request of a login, pushed as a login would push it, and forgotten: the provider drops it within minutes (RFC 9126 2.2). */
async function tryRequest(context: OidcContext): Promise<{ ok: boolean; detail: string } | null> {
  try {
    const { go } = await beginLogin(context, { state: "check", loginHint: null, acr: [], reauthenticate: false });
    const pushed = go.kind === "redirect" && new URL(go.url).searchParams.has("request_uri");
    return pushed ? { ok: true, detail: "a pushed request was taken: clientId, secret and redirect URI are right" } : null;
  } catch (error) {
    return { ok: false, detail: `the provider refuses a login's request: ${wordsOf(context, error)}` };
  }
}

function loginCode({ kind, fault, isHearsay }: ProtocolFailure): ErrorCode {
  if (kind === "setup") return `setup.${fault ?? "request"}`;
  if (kind === "weak") return "login.strength-not-given";
  // Said by the provider itself in its answer: it is there, and asks for another try.
  if (kind === "unavailable") return isHearsay ? "login.provider-busy" : "login.provider-unavailable";
  return kind === "rejected" ? "login.answer-rejected" : "login.provider-refused";
}

async function inLogin<T>(context: OidcContext, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    if (!(error instanceof ProtocolFailure)) throw error;
    throw new GatewayError(loginCode(error), noteFault(context, error), { cause: error });
  }
}

/** For steps whose every failure is one code to the outside; the reason stays in the message. */
function asCode(code: ErrorCode, whenUnavailable: ErrorCode): (error: unknown) => never {
  return (error) => {
    if (error instanceof ProtocolFailure)
      throw new GatewayError(error.kind === "unavailable" ? whenUnavailable : code, error.message, { cause: error });
    if (error instanceof GatewayError) throw new GatewayError(code, error.message, { cause: error });
    throw error;
  };
}

/** A token that cannot be judged because no key could ever be fetched is not a bad token: 503, not 401. */
const asBearerFailure = asCode("bearer.rejected", "login.provider-unavailable");
