import { isDeepStrictEqual } from "node:util";
import type { AppSettings, Settings } from "../core/settings.ts";
import { allClaimNames } from "../policy/access-list.ts";

/** Keys whose change a running process cannot take up: sockets are open, sessions are kept. */
export function needsRestart(started: Settings, next: Settings): readonly string[] {
  // A new cookie name is taken up at once; new secrets are too, but for what the store seals.
  const { cookieName: _before, ...sessionsBefore } = started.sessions;
  const { cookieName: _next, ...sessionsNext } = next.sessions;
  const pairs: [key: string, before: unknown, now: unknown][] = [
    ["listen", started.listen, next.listen],
    ["admin", started.admin, next.admin],
    ["workers", started.workers, next.workers],
    ["log", started.log, next.log],
    ["audit", started.audit, next.audit],
    ["limits", started.limits, next.limits],
    ["sessions", sessionsBefore, sessionsNext],
    ["directory.store", started.directory?.store ?? null, next.directory?.store ?? null],
  ];
  return pairs.filter(([, before, now]) => !isSame(before, now)).map(([key]) => key);
}

/** Whether a provider would be made the same again: its own settings, and all that it gets from the others. */
export function sameProvider(before: Settings, next: Settings, id: string): boolean {
  const partsOf = (settings: Settings) => ({
    provider: settings.providers.find((provider) => provider.id === id),
    origin: settings.auth.origin,
    insecure: settings.insecure,
    domains: settings.providers.map(({ id, emailDomains, domainProof }) => [id, emailDomains, domainProof]),
    claims: allClaimNames(settings),
  });
  return isSame(partsOf(before), partsOf(next));
}

/** Secrets hide from comparison as they do from printing; here they are looked into. */
export function isSame(before: unknown, now: unknown): boolean {
  return isDeepStrictEqual(reveal(before), reveal(now));
}

function reveal(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("reveal" in value && typeof value.reveal === "function") return { secret: value.reveal() };
  if (Array.isArray(value)) return value.map(reveal);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, reveal(member)]));
}

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
  kind: "login method",
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
