import type { KeyPath } from "../problems/report.ts";
import type { AppFile, HeadersFile, InheritableFile, ProxyFile, RouteFile } from "../schema/apps.ts";

/** One place of an app that can say inheritable keys: the app itself, or one of its routes. */
export interface Scope {
  readonly path: KeyPath;
  readonly says: InheritableFile;
}

/** A route with everything it did not say taken from its app, and where each key was said. */
export interface ResolvedRoute {
  readonly path: string;
  readonly says: InheritableFile;
  /** Where in the file the key that counts here stands. */
  saidAt(key: keyof InheritableFile, ...inner: readonly string[]): KeyPath;
}

export function scopesOf(app: AppFile, path: KeyPath): readonly Scope[] {
  return [{ path, says: app }, ...app.routes.map((route, at) => ({ path: [...path, "routes", at], says: route }))];
}

/**
 * The app's routes, longest prefix first, closed by `/`. A route inherits what it does not say; headers, their edits, proxy
 * and its tls inherit key by key. A list or a map of headers is one key: it replaces.
 */
export function resolveRoutes(app: AppFile, path: KeyPath): readonly ResolvedRoute[] {
  const written = app.routes.map((route, at) => resolveRoute(app, path, route, [...path, "routes", at]));
  const root: ResolvedRoute = { path: "/", says: app, saidAt: (key, ...inner) => [...path, key, ...inner] };
  const all = written.some((route) => route.path === "/") ? written : [...written, root];
  return all.toSorted((a, b) => b.path.length - a.path.length);
}

function resolveRoute(app: AppFile, appPath: KeyPath, route: RouteFile, routePath: KeyPath): ResolvedRoute {
  const headers = mergeHeaders(app.headers, route.headers);
  const proxy = mergeProxy(app.proxy, route.proxy);
  const { path: _, ...said } = route;
  return {
    path: route.path,
    says: { ...inheritableOf(app), ...said, headers, proxy },
    saidAt: (key, ...inner) => {
      const says = (scope: unknown) =>
        [key, ...inner].reduce<unknown>((value, step) => (isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined), scope);
      return says(route) !== undefined || says(app) === undefined ? [...routePath, key, ...inner] : [...appPath, key, ...inner];
    },
  };
}

function inheritableOf(app: AppFile): InheritableFile {
  const { upstream, access, public: open, optional, bearer, headers, preflight, enforce, proxy, stripPath } = app;
  return { upstream, access, public: open, optional, bearer, headers, preflight, enforce, proxy, stripPath };
}

function mergeHeaders(app: HeadersFile = {}, route: HeadersFile = {}): HeadersFile {
  return {
    ...app,
    ...route,
    request: { ...app.request, ...route.request },
    response: { ...app.response, ...route.response },
  };
}

function mergeProxy(app: ProxyFile = {}, route: ProxyFile = {}): ProxyFile {
  return { ...app, ...route, tls: { ...app.tls, ...route.tls } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
