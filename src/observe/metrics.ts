import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Clock } from "../core/clock.ts";
import type { DomainStatus } from "../core/ports/domain-proofs.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { AccessRecord } from "../core/ports/log.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { StoreHealth } from "../core/ports/store.ts";
import { peopleKind, peopleOfApp } from "../core/session.ts";
import { createRequestTally } from "./requests.ts";

/** Everything that `/metrics` shows, and the ways to report it. */
export interface MetricsRegistry {
  readonly metrics: Metrics;
  accessRecorded(record: AccessRecord): void;
  logLinesDropped(lines: number): void;
  auditLinesDropped(lines: number): void;
  /** Spans that a collector took, or that were lost. */
  traceSpans(outcome: "exported" | "dropped", spans: number): void;
  configReloaded(outcome: "applied" | "rejected"): void;
  /** Numbers that are read when they are asked for. Called once. */
  watch(sources: GaugeSources): void;
  readonly contentType: string;
  text(): Promise<string>;
}
interface GaugeSources {
  /** Requests and tunnels that are open now. */
  readonly openRequests: () => number;
  readonly openTunnels: () => number;
  readonly storeHealth: () => StoreHealth;
  /** Days until each certificate of the listeners expires. */
  readonly certificates: () => readonly { readonly file: string; readonly days: number }[];
  readonly counted: CountedInStore;
  /** Mail domains that must be proved. */
  readonly domains?: () => readonly DomainStatus[];
  /** Whether the directory answered last; absent = there is none. */
  readonly directory?: () => boolean;
}

/** A registry of its own, so that two gateways in one process (tests) never share a number. */
export function createMetrics({ version }: { version: string }): MetricsRegistry {
  const registry = new Registry();
  const tally = createRequestTally();
  collectDefaultMetrics({ register: registry });
  buildInfo(registry, version);
  const operations = operationCounters(registry);
  return {
    metrics: reportedMetrics(registry),
    accessRecorded(record) {
      tally.count(record);
      if (record.decision === "refuse") operations.refusals.inc({ route: record.route ?? "none", reason: record.reason ?? "unknown" });
    },
    logLinesDropped: (lines) => operations.droppedLines.inc(lines),
    auditLinesDropped: (lines) => operations.droppedAuditLines.inc(lines),
    traceSpans: (outcome, spans) => operations.spans.inc({ outcome }, spans),
    configReloaded: (outcome) => operations.reloads.inc({ outcome }),
    watch: (sources) => watchedGauges(registry, sources),
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    text: async () => (await registry.metrics()) + tally.text(),
  };
}

function reportedMetrics(registry: Registry): Metrics {
  const counter = <T extends string>(name: string, help: string, ...labelNames: T[]) =>
    new Counter({ name: `vestibule_${name}`, help, labelNames, registers: [registry] });
  const logins = counter("logins_total", "Logins that were finished or failed; outcome is ok or an error code.", "provider", "outcome");
  const tickets = counter(
    "kerberos_tickets_total",
    "Kerberos tickets; result is accepted, no-ticket or an error code.",
    "provider",
    "result",
  );
  const logouts = counter("logouts_total", "Sessions ended, by reason.", "reason");
  const refreshes = counter("token_refreshes_total", "Token refreshes at providers.", "provider", "outcome");
  const upstreamErrors = counter("upstream_errors_total", "Requests that an upstream did not answer properly.", "route", "code");
  const fetches = counter("provider_fetches_total", "Requests to providers.", "provider", "document", "outcome");
  const storeCommands = new Histogram({
    name: "vestibule_store_command_duration_seconds",
    help: "Session store commands.",
    labelNames: ["command", "outcome"],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers: [registry],
  });
  const expiries = new Gauge({
    name: "vestibule_saml_expiry_days",
    help: "Days until a SAML provider's certificate or metadata, or our certificate for it, expires; negative = expired.",
    labelNames: ["provider", "what"],
    registers: [registry],
  });
  const cache = counter("session_cache_total", "Sessions found in the process's own cache, or not.", "outcome");
  const cacheOutcome = { hit: cache.labels("hit"), miss: cache.labels("miss") };
  const outcome = (ok: boolean) => (ok ? "ok" : "failed");
  return {
    logins: (provider, result) => logins.inc({ provider, outcome: result }),
    tickets: (provider, result) => tickets.inc({ provider, result }),
    logouts: (reason) => logouts.inc({ reason }),
    refreshes: (provider, result) => refreshes.inc({ provider, outcome: result }),
    upstreamErrors: (route, code) => upstreamErrors.inc({ route, code }),
    storeCommand: (command, seconds, ok) => storeCommands.observe({ command, outcome: outcome(ok) }, seconds),
    sessionCache: (result) => cacheOutcome[result].inc(),
    providerFetches: (provider, document, ok) => fetches.inc({ provider, document, outcome: outcome(ok) }),
    expiry: (provider, what, days) => (days === null ? expiries.remove({ provider, what }) : expiries.set({ provider, what }, days)),
  };
}

function operationCounters(registry: Registry) {
  const registers = [registry];
  return {
    refusals: new Counter({
      name: "vestibule_refusals_total",
      help: "Signed-in visitors who were refused, by route and reason.",
      labelNames: ["route", "reason"],
      registers,
    }),
    droppedLines: new Counter({ name: "vestibule_log_lines_dropped_total", help: "Log lines that nobody took in time.", registers }),
    droppedAuditLines: new Counter({
      name: "vestibule_audit_lines_dropped_total",
      help: "Audit events that could not be written to audit.file.",
      registers,
    }),
    spans: new Counter({
      name: "vestibule_trace_spans_total",
      help: "Spans that the collector took, or that were dropped because it did not.",
      labelNames: ["outcome"],
      registers,
    }),
    reloads: new Counter({
      name: "vestibule_config_reloads_total",
      help: "Configuration reloads; a rejected one changed nothing.",
      labelNames: ["outcome"],
      registers,
    }),
  };
}

function buildInfo(registry: Registry, version: string): void {
  const gauge = new Gauge({
    name: "vestibule_build_info",
    help: "Always 1; the labels say what is running.",
    labelNames: ["version", "node"],
    registers: [registry],
  });
  gauge.set({ version, node: process.version }, 1);
}

/** Nothing is shown before there is something to read: where it is not watched (the primary above workers), 0 would be a lie. */
function watchedGauges(registry: Registry, sources: GaugeSources): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `vestibule_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge("open_requests", "Requests that are being answered.", sources.openRequests);
  gauge("open_tunnels", "WebSocket connections.", sources.openTunnels);
  gauge("store_reachable", "1 when the session store answers.", () => Number(sources.storeHealth().reachable));
  gauge("store_breaker_open", "1 when callers are refused at once because the store has not answered.", () =>
    Number(sources.storeHealth().breakerOpen ?? false),
  );
  new Gauge({
    name: "vestibule_certificate_expiry_days",
    help: "Days until a listener's certificate expires; negative = expired.",
    labelNames: ["certificate"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { file, days } of sources.certificates()) this.set({ certificate: file }, days);
    },
  });
  const { directory } = sources;
  if (directory !== undefined) gauge("directory_ok", "1 when the directory of people answered last.", () => Number(directory()));
  new Gauge({
    name: "vestibule_domain_proven",
    help: "1 while a mail domain with domainProof: dns counts, 0 while it does not; state is proven, grace or unproven.",
    labelNames: ["provider", "domain", "state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { provider, domain, state } of sources.domains?.() ?? [])
        this.set({ provider, domain, state }, Number(state !== "unproven"));
    },
  });
  storeGauges(registry, sources.counted);
  gauge("store_invalidation", "1 when other processes' changes arrive.", () => Number(sources.storeHealth().invalidation));
}

/** What is counted in the store, for all processes together. */
interface CountedInStore {
  readonly sessions: Pick<SessionStore, "openCount">;
  readonly facts: Pick<Facts, "countDistinct">;
  /** Ids of the apps in force. */
  readonly apps: () => readonly string[];
  readonly clock: Clock;
}

/** Every worker is asked every few seconds; the store need not be. */
const freshMs = 30_000;

/** Gauges that ask the store, twice a minute at most. While it is silent they keep what it said last. */
function storeGauges(registry: Registry, { sessions, facts, apps, clock }: CountedInStore): void {
  const registers = [registry];
  new Gauge({
    name: "vestibule_sessions_open",
    help: "Sessions that are open, over all processes of all instances.",
    registers,
    collect: whenStale(clock, async (gauge) => gauge.set(await sessions.openCount())),
  });
  new Gauge({
    name: "vestibule_people_active",
    help: "People who signed in during the last thirty days; right within about one in a hundred.",
    registers,
    collect: whenStale(clock, async (gauge) => gauge.set(await facts.countDistinct(peopleKind))),
  });
  new Gauge({
    name: "vestibule_app_people_active",
    help: "People who opened an app during the last thirty days; right within about one in a hundred.",
    labelNames: ["app"],
    registers,
    collect: whenStale(clock, async (gauge) => {
      const counted = await Promise.all(apps().map(async (app) => ({ app, people: await facts.countDistinct(peopleOfApp(app)) })));
      // An app that a reload has removed has no people.
      gauge.reset();
      for (const { app, people } of counted) gauge.set({ app }, people);
    }),
  });
}

function whenStale(clock: Clock, update: (gauge: Gauge) => Promise<void>): (this: Gauge) => Promise<void> {
  let askedAt = Number.NEGATIVE_INFINITY;
  return async function () {
    if (Math.abs(clock() - askedAt) < freshMs) return;
    askedAt = clock();
    // The number of before is better than none; that the store is silent has a gauge of its own.
    await update(this).catch(() => undefined);
  };
}
