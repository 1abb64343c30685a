import { methods } from "../../login/methods.ts";
import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import type { AppFile } from "../schema/apps.ts";
import { methodOf } from "../schema/providers.ts";
import { resolveRoutes, type Scope, scopesOf } from "../settings/inheritance.ts";
import { coversHost } from "../values/hosts.ts";
import { checkAccess, checkName, checkNames } from "./access.ts";

/** Hosts, routes and limits of the published apps. */
export function checkApps(draft: Draft, report: Report): void {
  const owners = new Map<string, KeyPath>();
  for (const [at, app] of draft.apps.entries()) {
    if (app === null) continue;
    const path = ["apps", at];
    checkHosts(app, path, owners, report);
    checkOrigin(app, path, draft, report);
    checkSession(app, path, draft, report);
    checkRoutePaths(app, path, report);
    checkProviderNames(app, path, draft, report);
    warnOfExactNames(app, path, report);
    for (const scope of scopesOf(app, path)) checkScope(scope, draft, report);
    checkResolved(app, path, draft, report);
  }
}

function hostsOf(app: AppFile, path: KeyPath): readonly { readonly host: string; readonly path: KeyPath }[] {
  if (app.host !== undefined) return [{ host: app.host, path: [...path, "host"] }];
  return (app.hosts ?? []).map((host, at) => ({ host, path: [...path, "hosts", at] }));
}

function checkHosts(app: AppFile, path: KeyPath, owners: Map<string, KeyPath>, report: Report): void {
  for (const { host, path: here } of hostsOf(app, path)) {
    const owner = owners.get(host);
    if (owner === undefined) owners.set(host, here);
    else report.problem(here, `the host ${host} already belongs to apps[${String(owner[1])}]: a host has one app, remove one`);
  }
}

function checkOrigin(app: AppFile, path: KeyPath, draft: Draft, report: Report): void {
  const { origin } = app;
  if (origin === null) return;
  if (origin.scheme !== "https" && draft.insecure?.plainHttp === false) {
    report.problem([...path, "origin"], "sessions are not safe over http://: write https:// (or set insecure.plainHttp)");
  }
  const hosts = hostsOf(app, path).map(({ host }) => host);
  if (!hosts.some((host) => coversHost(host, origin.hostname))) {
    report.problem(
      [...path, "origin"],
      `${origin.hostname} is none of this app's hosts: write one of ${hosts.join(", ")}, or add it to hosts`,
    );
  }
}

function checkSession(app: AppFile, path: KeyPath, draft: Draft, report: Report): void {
  for (const limit of ["idle", "lifetime"] as const) {
    const own = app.session[limit];
    const general = draft.sessions?.[limit];
    if (own !== undefined && general !== undefined && own > general) {
      report.problem([...path, "session", limit], `an app may only shorten: this is longer than sessions.${limit}`);
    }
  }
  const { idle, lifetime } = app.session;
  if (idle !== undefined && lifetime !== undefined && lifetime < idle) {
    report.problem([...path, "session"], "lifetime is shorter than idle: write lifetime at least as long as idle");
  }
}

function checkRoutePaths(app: AppFile, path: KeyPath, report: Report): void {
  for (const [at, route] of app.routes.entries()) {
    const earlier = app.routes.findIndex((other) => other.path === route.path);
    if (earlier < at)
      report.problem([...path, "routes", at, "path"], `the path ${route.path} is already routes[${earlier}]: merge the two`);
  }
}

/** `fold: false` makes rules for paths as good as the application's own way of telling names apart. */
function warnOfExactNames(app: AppFile, path: KeyPath, report: Report): void {
  if (app.paths.fold) return;
  const named = app.routes.map((route) => route.path).find((one) => /[a-z]/.test(one)) ?? "/admin";
  report.warning(
    [...path, "paths", "fold"],
    `rules for ${named} do not count for ${named.toUpperCase()}, ${named}. or ${named}%20: the app must serve nothing under such names, as Windows, IIS and macOS do`,
  );
}

function checkProviderNames(app: AppFile, path: KeyPath, draft: Draft, report: Report): void {
  const known = [...draft.providers.keys()];
  checkNames(app.providers ?? [], known, "provider", [...path, "providers"], report);
  if (known.length > 0) return;
  const root = resolveRoutes(app, path).at(-1);
  const open = root?.says.public?.some((spec) => spec.method === null && spec.glob === "/**") === true;
  if (!open)
    report.problemAtKey(path, "nobody can ever sign in here: configure at least one of providers, or make everything public with /**");
}

function checkScope(scope: Scope, draft: Draft, report: Report): void {
  const { says, path } = scope;
  checkAccess(says.access, [...path, "access"], draft, report);
  for (const [at, id] of (says.bearer ?? []).entries()) {
    checkName(id, [...draft.providers.keys()], "provider", [...path, "bearer", at], report);
    const provider = draft.providers.get(id) ?? null;
    const silent = Object.values(methods).find(
      (method) => !method.issuesBearerTokens && provider !== null && methodOf(provider, method.id) !== undefined,
    );
    if (silent !== undefined) {
      report.problem([...path, "bearer", at], `the provider ${id} speaks ${silent.name} and issues no bearer tokens: name one with oidc`);
    }
  }
  if (says.proxy?.tls?.insecureSkipVerify === true && draft.insecure?.skipUpstreamVerify === false) {
    report.problem(
      [...path, "proxy", "tls", "insecureSkipVerify"],
      "this accepts any certificate: name the right one in tls.ca (or set insecure.skipUpstreamVerify)",
    );
  }
  if (says.enforce === false) {
    report.warning([...path, "enforce"], "access rules are not enforced here: every signed-in visitor of the app's providers passes");
  }
  for (const [at, spec] of (says.public ?? []).entries()) {
    if (spec.glob === "/**") report.warning([...path, "public", at], "everything here is public: nobody needs to sign in");
  }
}

/** What can only be seen once inheritance is resolved. */
function checkResolved(app: AppFile, path: KeyPath, draft: Draft, report: Report): void {
  for (const route of resolveRoutes(app, path)) {
    const { upstream, access, proxy } = route.says;
    const at = app.routes.findIndex((written) => written.path === route.path);
    const here = at === -1 ? path : [...path, "routes", at];
    // Without one, an app is answered for and not proxied; that makes sense where some proxy may ask.
    if (upstream === undefined && draft.forwardAuth === null) {
      report.problemAtKey(
        here,
        `upstream is missing for ${route.path}: write upstream: http://host:port here or for the app (or forwardAuth: { peers: [...] }, when another proxy only asks)`,
      );
    }
    const open = route.says.public?.some((spec) => spec.method === null && spec.glob === "/**") === true;
    if (access === undefined && !open && draft.providers.size > 0) {
      report.warning(here, `no access rules for ${route.path}: everybody is refused but on public paths`);
    }
    const tls = proxy?.tls;
    const hasCertificate = (tls?.certificate ?? null) !== null;
    const hasKey = (tls?.key ?? null) !== null;
    if (hasCertificate !== hasKey) {
      report.problem(route.saidAt("proxy", "tls"), `certificate and key belong together: ${hasKey ? "certificate" : "key"} is missing`);
    }
  }
}
