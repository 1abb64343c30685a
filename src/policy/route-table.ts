import type { RuleTrace } from "../core/decision.ts";
import { GatewayError } from "../core/errors.ts";
import type { Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin, type Origin } from "../core/origin.ts";
import type { DomainProofs } from "../core/ports/domain-proofs.ts";
import type { App, Folded, Route, Site } from "../core/route.ts";
import type { Principal } from "../core/session.ts";
import type { AppSettings, ProviderSettings, RouteSettings, Settings } from "../core/settings.ts";
import { remember } from "../lib/collections.ts";
import { emailDomain, foldName } from "../lib/names.ts";
import { isUnderPrefix } from "../lib/path.ts";
import { type AccessList, compileAccessList } from "./access-list.ts";
import type { Facts, KnownAs } from "./condition.ts";
import { compileBranches, type FoldedSettings, foldAppSettings, namesMethods } from "./folded.ts";
import { compilePathSpecs } from "./glob.ts";
import { createZoneClocks } from "./request-conditions.ts";

/** One configuration version, compiled: who answers on a host, which route takes a path, what its rules say. */
export interface RouteTable {
  readonly apps: readonly App[];
  /** Null for a host that is not configured: 421, never a default. */
  findSite(hostname: string): Site | null;
  findRoute(app: App, reading: string): Route;
  /** What `route.judge` thinks, rule by rule, in words. */
  traceRules(route: Route, identity: Known, incoming: Incoming, reading: string, now: number): readonly RuleTrace[];
}

/** Compiles the whole configuration; throws `config.invalid` for what the configuration check should have stopped. */
export function compileRoutes(settings: Settings, proofs?: DomainProofs): RouteTable {
  const zones = createZoneClocks();
  const knownAs = createKnownAs(settings.providers, proofs);
  const lists = new Map<Route, AccessList>();
  const factsOf = ({ principal }: Known, incoming: Incoming, reading: string, now: number): Facts => {
    return { who: knownAs(principal), incoming, reading, now, acr: principal.acr };
  };

  const compileRoute = (app: App, route: RouteSettings): Route => {
    const list = compileAccessList(route.access, zones);
    const compiled: Route = {
      id: `${app.id}${route.path}`,
      app,
      settings: route,
      isPublic: compilePathSpecs(route.public),
      isOptional: compilePathSpecs(route.optional),
      judge: (identity, incoming, reading, now) => list.judge(factsOf(identity, incoming, reading, now)),
    };
    lists.set(compiled, list);
    return compiled;
  };
  const apps = settings.apps.map((app) => compileApp(app, compileRoute));

  return {
    apps,
    findSite: compileHosts(settings, apps),
    findRoute,
    traceRules: (route, identity, incoming, reading, now) => lists.get(route)?.trace(factsOf(identity, incoming, reading, now)) ?? [],
  };
}

function compileApp(settings: AppSettings, compileRoute: (app: App, route: RouteSettings) => Route): App {
  const [id] = settings.hosts;
  if (id === undefined) throw new GatewayError("config.invalid", `${settings.name} has no host`);
  const routes: Route[] = [];
  const app: App = {
    id,
    settings,
    routes,
    isLogoutPath: compilePathSpecs(settings.logoutPaths),
    namesMethods: namesMethods(settings),
    ...compileBranches(settings),
    folded: compileFolded(foldAppSettings(settings), compileRoute),
  };
  // Longest first, whatever the order in the file.
  const prefixes = settings.routes.toSorted((one, other) => other.path.length - one.path.length);
  if (prefixes.at(-1)?.path !== "/") throw new GatewayError("config.invalid", `${id} has no route for /`);
  for (const route of prefixes) routes.push(compileRoute(app, route));
  return app;
}

function compileFolded(folded: FoldedSettings | null, compileRoute: (app: App, route: RouteSettings) => Route): Folded | null {
  if (folded === null) return null;
  const app = compileApp({ ...folded.settings, paths: { ...folded.settings.paths, fold: false } }, compileRoute);
  const compiled = new Map(app.routes.map((route) => [route.settings, route]));
  const twins = new Map([...folded.twins].map(([plain, twin]) => [plain, compiled.get(twin)] as const));
  return {
    app,
    always: folded.changed,
    routeFor: (reading, plain) => {
      const found = findRoute(app, reading);
      const own = twins.get(plain.settings);
      return own !== undefined && own.settings.path === found.settings.path ? own : found;
    },
  };
}

/** Wildcard hosts that are remembered at once: an attacker may name as many as they like. */
const rememberedSites = 1_000;

/**
 * Compiles host names to sites: an exact name first, then the wildcard of its parent domain. `*.acme.example`
 * matches one label, neither `acme.example` nor `a.b.acme.example`.
 *
 * The auth origin's own host belongs to an app only where that app names it exactly: a wildcard must not
 * put an application's pages on the origin where people sign in.
 */
function compileHosts(settings: Settings, apps: readonly App[]): (hostname: string) => Site | null {
  const exact = new Map<string, Site>();
  const wildcards = new Map<string, App>();
  const auth = settings.auth.origin;
  for (const app of apps) {
    for (const host of app.settings.hosts) {
      if (host.startsWith("*.")) wildcards.set(host.slice(2), app);
      else exact.set(host, siteOf(app, host, auth));
    }
  }
  const shared = exact.get(auth.hostname);
  exact.set(auth.hostname, { hostname: auth.hostname, origin: auth, app: shared?.app ?? null, isAuth: true });

  const remembered = new Map<string, Site>();
  return (hostname) => {
    const site = exact.get(hostname) ?? remembered.get(hostname);
    if (site !== undefined) return site;
    const dot = hostname.indexOf(".");
    const app = dot > 0 ? wildcards.get(hostname.slice(dot + 1)) : undefined;
    if (app === undefined) return null;
    const made = siteOf(app, hostname, auth);
    remember(remembered, rememberedSites, hostname, made);
    return made;
  };
}

function siteOf(app: App, hostname: string, auth: Origin): Site {
  return { hostname, origin: originOf(app, hostname, auth), app, isAuth: false };
}

/**
 * The origin that visitors of this host see. `app.origin` gives scheme and port to every host of the app; its own
 * name counts where it is none of them, behind a proxy that rewrites Host.
 */
function originOf(app: App, hostname: string, auth: Origin): Origin {
  const configured = app.settings.origin;
  if (configured === null) return { scheme: auth.scheme, hostname, port: auth.port };
  return coversHost(app, configured.hostname) ? { ...configured, hostname } : configured;
}

function coversHost(app: App, hostname: string): boolean {
  const parent = hostname.slice(hostname.indexOf(".") + 1);
  return app.settings.hosts.some((host) => host === hostname || host === `*.${parent}`);
}

/**
 * `true` when a page of this origin may open a WebSocket to the site: the site's own origin, or another host that
 * the same app names exactly. Hosts under one wildcard may belong to different people.
 */
export function isOwnOrigin(site: Site & { readonly app: App }, origin: string): boolean {
  if (origin === formatOrigin(site.origin)) return true;
  return site.app.settings.hosts.some((hostname) => !hostname.startsWith("*.") && origin === formatOrigin({ ...site.origin, hostname }));
}

/** The route with the longest prefix that covers the reading, on segment borders: `/admin` never covers `/administrator`. */
export function findRoute(app: App, reading: string): Route {
  for (const route of app.routes) if (isUnderPrefix(reading, route.settings.path)) return route;
  // Cannot be: every app ends with `/`, which is checked at load. Without it nothing may be forwarded.
  throw new GatewayError("gateway.internal", `${app.id} has no route for ${reading}`);
}

/** Where no provider has anything to prove. */
const nothingToProve: DomainProofs = { isUnproven: () => false, changes: { count: 0 } };

/**
 * Prepares principals for comparison and remembers the result as long as the principal itself lives.
 *
 * A subject that looks like an address of a domain owned by another provider is no user name: where
 * people choose their own subject, anyone could register `alice@acme.example` in `users:`. Nor does an address count whose
 * domain must be proved and is not, also in a session that began before.
 */
export function createKnownAs(
  providers: readonly ProviderSettings[],
  proofs: DomainProofs = nothingToProve,
): (principal: Principal) => KnownAs {
  const owners = new Map(providers.flatMap((provider) => provider.emailDomains.map((domain) => [domain, provider.id] as const)));
  let remembered = new WeakMap<Principal, KnownAs>();
  const { changes } = proofs;
  let seen = changes.count;
  return (principal) => {
    if (changes.count !== seen) {
      seen = changes.count;
      remembered = new WeakMap();
    }
    const known = remembered.get(principal);
    if (known !== undefined) return known;
    const made = prepare(principal, owners, proofs);
    remembered.set(principal, made);
    return made;
  };
}

function prepare(principal: Principal, owners: ReadonlyMap<string, string>, proofs: DomainProofs): KnownAs {
  const counting = (text: string | null) => {
    const domain = text === null ? null : emailDomain(text);
    return domain === null || proofs.isUnproven(domain) ? null : domain;
  };
  const apparent = emailDomain(principal.subject);
  const owner = apparent === null ? undefined : owners.get(apparent);
  const isOwn = owner === undefined || (owner === principal.provider && counting(principal.subject) !== null);
  const userNames = isOwn ? [foldName(principal.subject)] : [];
  const domain = counting(principal.email);
  if (principal.email !== null && domain !== null) userNames.push(foldName(principal.email));
  return {
    principal,
    userNames,
    emailDomain: domain,
    groups: principal.groups.kind === "known" ? new Set(principal.groups.names.map(foldName)) : null,
    roles: ofDirectory(principal, principal.person?.roles),
    teams: ofDirectory(principal, principal.person?.teams),
  };
}

function ofDirectory({ groups }: Principal, names: readonly string[] | undefined): ReadonlySet<string> | null {
  return names === undefined || groups.kind === "unknown" ? null : new Set(names.map(foldName));
}
