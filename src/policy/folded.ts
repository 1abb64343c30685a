import type { App } from "../core/route.ts";
import type { ConditionSpec, PathSpec } from "../core/rules.ts";
import type { AppSettings, RouteSettings } from "../core/settings.ts";
import { canonicalPattern } from "../lib/path.ts";
import { compileGlob, foldPath } from "./glob.ts";

/** An app with every path in it folded: what a server that folds names makes of its rules. */
export interface FoldedSettings {
  readonly settings: AppSettings;
  /** What each route became. */
  readonly twins: ReadonlyMap<RouteSettings, RouteSettings>;
  /** Some pattern changed, so that even a path that folds to itself may meet other rules. */
  readonly changed: boolean;
}

/** Null where no path decides anything, or where the app says that its server does not fold. */
export function foldAppSettings(settings: AppSettings): FoldedSettings | null {
  if (!settings.paths.fold || !settings.routes.some((route) => dependsOnPath(route, settings.routes.length))) return null;
  const twins = new Map(settings.routes.map((route) => [route, foldRoute(route)] as const));
  const routes = [...twins.values()];
  const changed = JSON.stringify(routes.map(pathsOf)) !== JSON.stringify(settings.routes.map(pathsOf));
  return { settings: { ...settings, routes }, twins, changed };
}

function dependsOnPath(route: RouteSettings, routes: number): boolean {
  const specs = [...route.public, ...route.optional];
  return routes > 1 || specs.some(({ glob }) => glob !== "/**") || route.access.some(({ when }) => pathsIn(when).length > 0);
}

function pathsOf(route: RouteSettings): readonly unknown[] {
  return [route.path, route.public, route.optional, route.access.map(({ when }) => pathsIn(when))];
}

function pathsIn(spec: ConditionSpec): readonly string[] {
  return [...(spec.paths ?? []), ...innerOf(spec).flatMap(pathsIn)];
}

function foldRoute(route: RouteSettings): RouteSettings {
  return {
    ...route,
    path: fold(route.path),
    public: route.public.map(foldSpec),
    optional: route.optional.map(foldSpec),
    access: route.access.map((rule) => ({ ...rule, when: foldCondition(rule.when) })),
  };
}

function foldSpec(spec: PathSpec): PathSpec {
  return { ...spec, glob: fold(spec.glob) };
}

function foldCondition(spec: ConditionSpec): ConditionSpec {
  return {
    ...spec,
    ...(spec.paths === undefined ? {} : { paths: spec.paths.map(fold) }),
    ...(spec.any === undefined ? {} : { any: spec.any.map(foldCondition) }),
    ...(spec.all === undefined ? {} : { all: spec.all.map(foldCondition) }),
    ...(spec.not === undefined ? {} : { not: foldCondition(spec.not) }),
  };
}

/** A pattern that would fold to something that no request can have stays as it is. Its escapes are canonical before it is folded. */
function fold(pattern: string): string {
  const canonical = canonicalPattern(pattern);
  return canonical === null ? pattern : (foldPath(canonical) ?? pattern);
}

/** Where in an app, below a path, other rules begin: at its routes, and at what the conditions of its rules call `paths`. */
export function compileBranches({ routes }: AppSettings): Pick<App, "branchesUnder" | "hasBranches"> {
  const patterns = routes.flatMap(({ path, access }) => [path, ...access.flatMap(({ when }) => pathsIn(when))]);
  const branches = [...new Set(patterns.map((pattern) => canonicalPattern(pattern)))].flatMap((pattern) =>
    pattern === null || /^\/(?:\*{2,})?$/.test(pattern) ? [] : [compileBranch(pattern)],
  );
  return {
    hasBranches: branches.length > 0,
    branchesUnder: (reading) => {
      const collection = reading.split("/").filter((segment) => segment !== "");
      return [...new Set(branches.flatMap((branch) => branch(collection) ?? []))];
    },
  };
}

/** For the segments of a path: an example of what `pattern` covers below it, or null where it covers nothing there, or the path itself. */
function compileBranch(pattern: string): (collection: readonly string[]) => string | null {
  const segments = pattern.split("/").slice(1);
  const matchers = segments.map((segment) =>
    segment.includes("*") ? compileGlob(`/${segment}`) : (path: string) => path === `/${segment}`,
  );
  return (collection) => {
    for (const [at, segment] of collection.entries()) {
      if (isOpenEnded(segments[at])) return exampleBelow(collection, segments.slice(at));
      if (matchers[at]?.(`/${segment}`) !== true) return null;
    }
    return exampleBelow(collection, segments.slice(collection.length));
  };
}

/** `**` stands for any number of segments, also where it is a part of one. */
const isOpenEnded = (segment: string | undefined) => segment?.includes("**") === true;

function exampleBelow(collection: readonly string[], rest: readonly string[]): string | null {
  const below = rest.flatMap((segment) => (/^\*{2,}$/.test(segment) ? [] : [segment.replace(/\*+/g, "x")]));
  return below.length === 0 ? null : `/${[...collection, ...below].join("/")}`;
}

/** Whether some rule or path list of the app asks for a method: only then can another method change the decision. */
export function namesMethods({ routes }: AppSettings): boolean {
  return routes.some(
    ({ access, public: open, optional }) =>
      [...open, ...optional].some(({ method }) => method !== null) || access.some(({ when }) => asksForMethod(when)),
  );
}

function asksForMethod(spec: ConditionSpec): boolean {
  return spec.methods !== undefined || innerOf(spec).some(asksForMethod);
}

function innerOf(spec: ConditionSpec): readonly ConditionSpec[] {
  return [...(spec.any ?? []), ...(spec.all ?? []), ...(spec.not === undefined ? [] : [spec.not])];
}
