import type { AppSettings, Settings } from "./core/settings.ts";
import { isSame } from "./reload.ts";

/** What a reload brought, in names only: a name says nothing that the file's reader should not see, a value may. */
export interface ConfigChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** A thing with a name, and its parts by the key that an operator writes. */
type Parts = Readonly<Record<string, unknown>>;

/** Where the settings and the file differ in a name by more than a unit. */
const asWritten: Readonly<Record<string, string>> = {
  upstreams: "upstream",
  secrets: "secret",
  cookieName: "cookie",
  graceMs: "whenStoreIsDown",
  kind: "oidc or saml",
};

/** Apps, routes, providers and top-level keys that `next` adds, takes away or changes, each as `kind name`. */
export function describeChanges(before: Settings, next: Settings): ConfigChanges {
  const [was, is] = [thingsOf(before), thingsOf(next)];
  const added = [...is.keys()].filter((name) => !was.has(name));
  const removed = [...was.keys()].filter((name) => !is.has(name));
  const changed = [...is].flatMap(([name, parts]) => {
    const old = was.get(name);
    const keys = old === undefined ? [] : changedKeys(old, parts);
    return keys.length === 0 ? [] : [`${name}${keys.join() === "" ? "" : ` (${keys.join(", ")})`}`];
  });
  return { added, removed, changed };
}

function changedKeys(before: Parts, next: Parts): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(next)]);
  return [...keys].filter((key) => !isSame(before[key], next[key])).map((key) => asWritten[key] ?? key.replace(/(Ms|Bytes|Seconds)$/, ""));
}

function thingsOf(settings: Settings): Map<string, Parts> {
  const { apps, providers, tests, ...rest } = settings;
  const things = new Map<string, Parts>();
  for (const app of apps) addApp(things, app);
  for (const { id, protocol, ...provider } of providers) things.set(`provider ${id}`, { ...provider, ...protocol });
  things.set("key tests", { "": tests.map(({ origin: _, ...test }) => test) });
  for (const [key, value] of Object.entries(rest)) things.set(`key ${key}`, partsOf(value));
  return things;
}

/** Named as metrics and log lines name routes: by the app's first host. */
function addApp(things: Map<string, Parts>, { routes, ...app }: AppSettings): void {
  const id = app.hosts[0] ?? app.name;
  things.set(`app ${id}`, { ...app });
  for (const { path, ...route } of routes) things.set(`route ${id}${path}`, withoutPlaces(route));
}

/** Rules know the line they stand on, for people; a rule that moved is the same rule. */
function withoutPlaces({ access, ...route }: Omit<AppSettings["routes"][number], "path">): Parts {
  return { ...route, access: access.map(({ origin: _, ...rule }) => rule) };
}

function partsOf(value: unknown): Parts {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("reveal" in value) ? { ...value } : { "": value };
}
