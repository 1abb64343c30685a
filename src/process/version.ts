import { randomBytes } from "node:crypto";
import { nearest } from "../config/problems/suggest.ts";
import { createControl } from "../control/router.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { LimitSettings } from "../core/limits.ts";
import { formatOrigin } from "../core/origin.ts";
import type { DirectoryStep } from "../core/ports/directory.ts";
import type { AccessLog, Audit, Log } from "../core/ports/log.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { Store } from "../core/ports/store.ts";
import type { Tracing } from "../core/ports/tracing.ts";
import type { ProviderSettings, Settings } from "../core/settings.ts";
import type { DomainWatch } from "../directory/domains.ts";
import { compileUrgent, composeAdmission, createShed } from "../gateway/admission.ts";
import type { AddAssertion, GatewayDeps } from "../gateway/deps.ts";
import { createReadQuestion, type ReadQuestion } from "../gateway/forward-auth.ts";
import { createArrivals } from "../gateway/handle.ts";
import { compileRules, judgeAs } from "../gateway/judge.ts";
import { createSessionCookies, deriveKey } from "../http/cookies.ts";
import { createRequestIds } from "../http/fields.ts";
import { createReadIncoming, type ReadIncomingDeps } from "../http/read-incoming.ts";
import { type Assertions, createAssertions } from "../identity/assertion.ts";
import { createBearerPerson } from "../identity/bearer-person.ts";
import { createIdentify } from "../identity/identify.ts";
import { createRefresher, type Refresh } from "../identity/refresh.ts";
import { parseNetworks } from "../lib/networks.ts";
import { createLoginRedirect } from "../login/flow/login-redirect.ts";
import { createLoginLimits, createUsedStates, type LoginLimits, type UsedStates } from "../login/flow/login-state.ts";
import type { ProviderDeps } from "../login/method.ts";
import { methods } from "../login/methods.ts";
import type { ProcessTracing } from "../observe/tracing.ts";
import { createRenderPage } from "../pages/render-page.ts";
import { allClaimNames } from "../policy/access-list.ts";
import { createSealer } from "../sessions/sealing.ts";
import { createForward } from "../upstream/forward-upgrade.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import { composeDirectory, type Directory, mailDomains, type OpenDirectory } from "./directory.ts";
import { composeEndpoints } from "./endpoints.ts";
import { composeAppsFor } from "./portal.ts";
import { tracedParts } from "./tracing.ts";

/** What was counted and what is under way does not begin again because the file was read again. */
export interface Counts {
  readonly admission: GatewayDeps["admission"];
  readonly loginLimits: LoginLimits;
  readonly usedStates: UsedStates;
  readonly refresh: Refresh;
  /** The same for the records of personal tokens, where a provider can say without a refresh token whether the account still stands. */
  readonly tokenRefresh: Refresh;
}

/** Made once for each process, by the limits that it began with. */
export function createCounts(
  limits: LimitSettings,
  deps: Pick<Lasting, "provider" | "clock" | "log" | "metrics" | "audit"> &
    Pick<Store, "sessions" | "tokens" | "facts"> & { readonly directoryNow: () => DirectoryStep | null },
): Counts {
  return {
    admission: composeAdmission(limits),
    loginLimits: createLoginLimits({ ...deps, limits }),
    usedStates: createUsedStates(deps.clock),
    // What a provider gave for a refresh token that is spent now must not be forgotten with the version that asked for it.
    refresh: createRefresher({ ...deps, providers: { get: deps.provider } }),
    tokenRefresh: createRefresher({ ...deps, sessions: deps.tokens, providers: { get: deps.provider } }),
  };
}

/** What outlives configuration versions. */
export interface Lasting extends Counts {
  /** A provider of the configuration in force. */
  readonly provider: (id: string) => LoginProvider | undefined;
  /** Null without a directory. */
  readonly directory: OpenDirectory | null;
  /** What is known of mail domains that must be proved. */
  readonly domainWatch: DomainWatch;
  readonly store: Store;
  readonly upstreams: Upstreams;
  readonly connections: GatewayDeps["connections"];
  readonly tracing: ProcessTracing;
  readonly accessLog: AccessLog;
  readonly audit: Audit;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** One configuration, compiled: every request sees exactly one. */
export interface Version {
  readonly settings: Settings;
  readonly gateway: GatewayDeps;
  readonly providers: ReadonlyMap<string, LoginProvider>;
  /** Null without a directory. */
  readonly directory: Directory | null;
}

/** A provider and what it was made from, so that an unchanged one keeps its keys and metadata over a reload. */
export type MakeProvider = (settings: ProviderSettings) => LoginProvider;

/** Builds the request flow for `settings`. Nothing is fetched and nothing listens yet: a failure here changes nothing. */
export function composeVersion(settings: Settings, bare: Lasting, makeProvider: MakeProvider): Version {
  const traced = tracedParts(settings, bare.tracing);
  const lasting = traced.lasting(bare);
  const { clock, log, audit, metrics } = lasting;
  const { sessions, tokens, facts } = lasting.store;
  const domains = mailDomains(settings, lasting.domainWatch);
  const rules = compileRules(settings, domains);
  const made = new Map(settings.providers.map((provider) => [provider.id, makeProvider(provider)]));
  const providers = traced.providers(made);
  // The same in every process of this gateway, another one in every other gateway; known again after a rotation.
  const viaNames = settings.sessions.secrets.map((secret) => `vestibule-${deriveKey(secret, "via", 6).toString("hex")}`);
  const sealer = createSealer(settings.sessions.secrets);
  const cookies = createSessionCookies({
    baseName: settings.sessions.cookieName,
    secure: settings.auth.origin.scheme === "https",
    secrets: settings.sessions.secrets,
  });
  const assertions = createAssertions({ secrets: settings.sessions.secrets, clock });
  const directory = composeDirectory(settings, {
    ...lasting,
    ...lasting.store,
    open: lasting.directory,
    domains,
  });
  const renderPage = createRenderPage({
    locale: settings.auth.locale,
    insecure: settings.insecure,
    providers: settings.providers,
    branding: settings.branding,
    https: settings.auth.origin.scheme === "https",
    home: `${formatOrigin(settings.auth.origin)}/`,
    appOn: (hostname) => {
      const site = rules.findSite(hostname);
      return site === null || site.app === null ? null : { name: site.app.settings.name, url: `${formatOrigin(site.origin)}/` };
    },
  });
  const random = (bytes: number) => randomBytes(bytes);
  const newRequestId = createRequestIds(random);
  const publishedHosts = [...new Set([settings.auth.origin.hostname, ...settings.apps.flatMap((app) => app.hosts)])];
  const shared = { settings, cookies, sealer, clock, random };
  const forwarding = createForward({
    upstreams: lasting.upstreams,
    cookieName: settings.sessions.cookieName,
    viaName: viaNames[0] ?? "",
    metrics,
    clock,
  });
  const loginRedirect = createLoginRedirect({ ...shared, facts });
  const { usedStates } = lasting;
  const loginEndpoints = composeEndpoints({
    ...{ ...shared, providers, sessions, tokens, facts, renderPage, audit, log, metrics, usedStates, loginRedirect, directory },
    isUnproven: domains.isUnproven,
    people: directory?.people ?? null,
    table: rules,
    methods: Object.values(methods),
    appsFor: composeAppsFor(settings, rules, clock),
    branding: settings.branding,
    assertionJwks: () => assertions.jwks(),
  });
  const endpoints = traced.endpoints([...loginEndpoints, ...(directory?.endpoints ?? [])]);
  const bearerPerson = directory === null ? null : createBearerPerson({ logins: directory.logins, clock });
  const reading = { clock, newRequestId, takesRawBytes: rules.takesRawBytes, viaNames, limits: rules.limits };
  const { forwardAuth } = settings;
  const gateway = traced.gateway({
    ...lasting,
    ...forwarding,
    sessions,
    readIncoming: createReadIncoming({ ...reading, trusted: parseNetworks(settings.trustedProxies) }),
    readQuestion: forwardAuth === null ? null : composeQuestions(forwardAuth.peers, settings.trustedProxies, reading),
    newRequestId,
    arrivals: createArrivals({ log, hosts: publishedHosts, nearest, authOrigin: settings.auth.origin }),
    findSite: rules.findSite,
    findRoute: rules.findRoute,
    identify: createIdentify({
      sessions,
      cookies,
      providers,
      refresh: lasting.refresh,
      bearerPerson,
      clock,
      log,
      audit,
      serviceTokens: settings.serviceTokens,
      personalTokens: { tokens, settings: settings.personalTokens, refresh: lasting.tokenRefresh, clock, audit },
    }),
    judgeAs,
    prepareHeaders: rules.prepareHeaders,
    addAssertion: createAddAssertion(assertions),
    control: createControl({ endpoints, renderPage, log, limit: lasting.loginLimits.within }),
    isUrgent: compileUrgent(endpoints),
    loginRedirect,
    renderPage,
    cookies,
    tokenLifetimeMs: settings.personalTokens?.lifetimeMs ?? 0,
    shed: createShed({ ...lasting, renderPage, newRequestId }),
  });
  return { settings, gateway, providers: made, directory };
}

/** Questions of `peers`, whose X-Forwarded-For is believed like that of other trusted proxies. */
function composeQuestions(
  peers: readonly string[],
  trustedProxies: readonly string[],
  reading: Omit<ReadIncomingDeps, "trusted">,
): ReadQuestion {
  const readIncoming = createReadIncoming({ ...reading, trusted: parseNetworks([...peers, ...trustedProxies]) });
  return createReadQuestion({ peers: parseNetworks(peers), readIncoming });
}

/** Makes providers by their method; `claimNames` are the claims that the rules of this version ask about. */
export function createMakeProvider(
  settings: Settings,
  deps: Pick<Lasting, "clock" | "log" | "audit" | "metrics" | "store" | "provider"> &
    Pick<ProviderDeps, "tellClaims"> & { readonly tracing: Tracing; readonly domainWatch?: DomainWatch },
): MakeProvider {
  const { clock, log, audit, metrics, provider, store, tracing, tellClaims } = deps;
  // A provider that is only asked whether it answers admits no visitor.
  const domains = mailDomains(settings, deps.domainWatch ?? { isProven: () => true, changes: { count: 0 } });
  const shared = {
    clock,
    log,
    audit,
    metrics,
    provider,
    store,
    tracing,
    ...(tellClaims === undefined ? {} : { tellClaims }),
    authOrigin: settings.auth.origin,
    claimNames: allClaimNames(settings),
    allowHttp: settings.insecure.httpProviders,
    ownerOfDomain: domains.ownerOf,
    isUnproven: domains.isUnproven,
  };
  return (settings) => {
    const method = methods[settings.protocol.kind];
    if (method === undefined) throw new GatewayError("config.invalid", `there is no login method ${settings.protocol.kind}`);
    return method.create({ ...shared, settings });
  };
}

/** Signs for the routes that are configured so, and only for known callers. */
function createAddAssertion(assertions: Assertions): AddAssertion {
  return ({ route, site }, identity, headers) => {
    const { assertion } = route.settings.headers;
    if (assertion === null || identity === null) return headers;
    const token = assertions.sign(identity.principal, identity.session, site.hostname, formatOrigin(site.origin));
    return { removes: headers.removes, set: [...headers.set, [assertion.header, token]] };
  };
}
