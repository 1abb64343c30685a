import { timingBoundsSeconds as boundsSeconds } from "../../core/ports/metrics.ts";

/** What has been counted since the start of an instance's processes, read from its own metrics. */
export interface Counts {
  /** By app. Requests that belong to no app (the gateway's own pages) stand under `""`. */
  readonly apps: Readonly<Record<string, AppCounts>>;
  /** By provider, then by outcome: `ok` or an error code. */
  readonly logins: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** People who opened an app during the last thirty days, by app. */
  readonly people: Readonly<Record<string, number>>;
  /** Days until a listener's certificate expires, by file. */
  readonly certificates: Readonly<Record<string, number>>;
  /** Days until a SAML provider's certificate or metadata expires: by provider, then by what. */
  readonly expiries: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
export interface AppCounts {
  readonly requests: number;
  readonly refused: number;
  /** Answered with 500 and above. */
  readonly errors: number;
  /** By error code: what the upstream did not answer properly. */
  readonly failures: Readonly<Record<string, number>>;
  /** How many took how long, by `boundsSeconds`; the last counts what took longer. */
  readonly gateway: readonly number[];
  readonly upstream: readonly number[];
}

export const noCounts: AppCounts = { requests: 0, refused: 0, errors: 0, failures: {}, gateway: [], upstream: [] };

type Open = { -readonly [Key in keyof AppCounts]: AppCounts[Key] extends readonly number[] ? number[] : AppCounts[Key] };

/** Reads the text exposition format that `observe` writes; families that the console does not show are passed over. */
export function countsOf(metricsText: string): Counts {
  const apps: Record<string, Open> = {};
  const logins: Record<string, Record<string, number>> = {};
  const people: Record<string, number> = {};
  const certificates: Record<string, number> = {};
  const expiries: Record<string, Record<string, number>> = {};
  const appOf = (route: string) => {
    const id = route === "none" ? "" : (route.split("/", 1)[0] ?? "");
    apps[id] ??= { ...noCounts, gateway: [], upstream: [] };
    return apps[id];
  };
  const take: Readonly<Record<string, (labels: Readonly<Record<string, string>>, value: number) => void>> = {
    vestibule_requests_total: ({ route = "", decision, status = "" }, value) => {
      const app = appOf(route);
      app.requests += value;
      if (decision === "refuse") app.refused += value;
      if (status === "5xx") app.errors += value;
    },
    vestibule_upstream_errors_total: ({ route = "", code = "" }, value) => {
      const app = appOf(route);
      app.failures = { ...app.failures, [code]: (app.failures[code] ?? 0) + value };
    },
    vestibule_gateway_duration_seconds_bucket: ({ route = "", le = "" }, value) => addBucket(appOf(route).gateway, le, value),
    vestibule_upstream_duration_seconds_bucket: ({ route = "", le = "" }, value) => addBucket(appOf(route).upstream, le, value),
    vestibule_logins_total: ({ provider = "", outcome = "" }, value) => {
      logins[provider] ??= {};
      logins[provider][outcome] = (logins[provider][outcome] ?? 0) + value;
    },
    vestibule_app_people_active: ({ app = "" }, value) => {
      people[app] = value;
    },
    vestibule_certificate_expiry_days: ({ certificate = "" }, value) => {
      certificates[certificate] = value;
    },
    vestibule_saml_expiry_days: ({ provider = "", what = "" }, value) => {
      expiries[provider] = { ...expiries[provider], [what]: value };
    },
  };
  for (const line of metricsText.split("\n")) {
    if (!line.startsWith("vestibule_")) continue;
    const brace = line.indexOf("{");
    const read = brace === -1 ? undefined : take[line.slice(0, brace)];
    if (read !== undefined) read(labelsOf(line.slice(brace)), Number(line.slice(line.lastIndexOf(" ") + 1)));
  }
  for (const app of Object.values(apps)) {
    app.gateway = separate(app.gateway);
    app.upstream = separate(app.upstream);
  }
  return { apps, logins, people, certificates, expiries };
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
    found[name] = value.replace(/\\(.)/g, (_, sign: string) => (sign === "n" ? "\n" : sign));
  return found;
}

function addBucket(buckets: number[], le: string, value: number): void {
  const at = le === "+Inf" ? boundsSeconds.length : boundsSeconds.indexOf(Number(le) as (typeof boundsSeconds)[number]);
  if (at !== -1) buckets[at] = (buckets[at] ?? 0) + value;
}

/** From "so many took at most this long" to "so many took this long". */
function separate(cumulative: readonly number[]): number[] {
  return Array.from(cumulative, (count = 0, at) => count - (at === 0 ? 0 : (cumulative[at - 1] ?? 0)));
}

/** What was counted between two readings of one instance; a process that was replaced makes no number negative. */
export function difference(before: AppCounts, now: AppCounts): AppCounts {
  const less = (one: number, other = 0) => Math.max(0, one - other);
  return {
    requests: less(now.requests, before.requests),
    refused: less(now.refused, before.refused),
    errors: less(now.errors, before.errors),
    failures: Object.fromEntries(
      Object.entries(now.failures)
        .map(([code, count]) => [code, less(count, before.failures[code])] as const)
        .filter(([, count]) => count > 0),
    ),
    gateway: now.gateway.map((count, at) => less(count, before.gateway[at])),
    upstream: now.upstream.map((count, at) => less(count, before.upstream[at])),
  };
}

/** The counts of several apps or instances together. */
export function total(all: readonly AppCounts[]): AppCounts {
  const sum = (of: "requests" | "refused" | "errors") => all.reduce((so, one) => so + one[of], 0);
  const buckets = (of: "gateway" | "upstream") =>
    Array.from({ length: Math.max(0, ...all.map((one) => one[of].length)) }, (_, at) =>
      all.reduce((so, one) => so + (one[of][at] ?? 0), 0),
    );
  const failures: Record<string, number> = {};
  for (const one of all) for (const [code, count] of Object.entries(one.failures)) failures[code] = (failures[code] ?? 0) + count;
  return {
    requests: sum("requests"),
    refused: sum("refused"),
    errors: sum("errors"),
    failures,
    gateway: buckets("gateway"),
    upstream: buckets("upstream"),
  };
}

/** The time in milliseconds that this share (0 to 1) did not exceed, as exactly as the buckets tell; null when nothing was counted. */
export function percentile(buckets: readonly number[], share: number): number | null {
  const count = buckets.reduce((sum, one) => sum + one, 0);
  if (count === 0) return null;
  let left = share * count;
  for (const [at, inBucket] of buckets.entries()) {
    const [from, to] = [boundsSeconds[at - 1] ?? 0, boundsSeconds[at]];
    if (left <= inBucket && inBucket > 0) return 1_000 * (to === undefined ? from : from + ((to - from) * left) / inBucket);
    left -= inBucket;
  }
  return 1_000 * (boundsSeconds.at(-1) ?? 0);
}
