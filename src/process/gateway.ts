import { randomUUID } from "node:crypto";
import type { Recalled } from "../core/ports/directory.ts";
import type { DomainStatus } from "../core/ports/domain-proofs.ts";
import type { Log } from "../core/ports/log.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { Store, StoreHealth } from "../core/ports/store.ts";
import type { Principal } from "../core/session.ts";
import type { Address, ProviderSettings, Settings } from "../core/settings.ts";
import { createDomainWatch, createLookUpTxt, type LookUpTxt } from "../directory/domains.ts";
import { createKeptDocuments } from "../directory/notes.ts";
import { isStillAllowed } from "../gateway/judge.ts";
import { createOpenConnections } from "../gateway/open-connections.ts";
import { createListener, type Listener } from "../http/listener/server.ts";
import { createWatchCaller } from "../identity/bearer-person.ts";
import type { MetricsRegistry } from "../observe/metrics.ts";
import { createAccessLog } from "../observe/requests.ts";
import { createTracing } from "../observe/tracing.ts";
import { createUpstreams } from "../upstream/upstreams.ts";
import { type Directory, domainClaims, openDirectory } from "./directory.ts";
import { composeStore, type Logs, tellExpiry } from "./parts.ts";
import { isSame, sameProvider } from "./settings-changes.ts";
import { composeHandlers, type Handlers, tracedParts } from "./tracing.ts";
import { composeVersion, createCounts, createMakeProvider, type Lasting, type Version } from "./version.ts";

/** The gateway of one process: the only process, or one of several workers. With what operators ask of the store: sessions, personal tokens, the other instances. */
export interface Gateway extends Pick<Store, "sessions" | "tokens" | "fleet"> {
  /** Opens every listener. Rejects with a sentence when one cannot be had; `close` then closes the others. */
  listen(): Promise<readonly Address[]>;
  /** Compiles a configuration beside the one in force. Throws when that cannot be done; nothing has changed then. */
  prepare(next: Settings): PreparedVersion;
  health(): GatewayHealth;
  /** What the directory knows, for operators; null without one. */
  readonly people: () => Directory | null;
  /** The configuration in force. */
  readonly settings: () => Settings;
  /** Listeners close, what is in flight finishes; resolves when all is gone or after `graceMs`. */
  close(graceMs: number): Promise<void>;
}
/** Taken into force, or dropped: one of the two must be called. */
export interface PreparedVersion {
  /** At once for new requests and for connections that are open; requests under way finish under their own version. */
  commit(): void;
  discard(): void;
}
export interface GatewayHealth {
  readonly listening: boolean;
  readonly store: StoreHealth;
  readonly providers: Readonly<Record<string, ReturnType<LoginProvider["health"]>>>;
  readonly unreachable: Readonly<Record<string, number>>;
  /** Only where there is a directory. */
  readonly directory?: { readonly ok: boolean; readonly detail: string };
  /** Only where mail domains must be proved. */
  readonly domains?: readonly DomainStatus[];
}

/** One version with its handlers: what the listeners call. */
interface Current extends Version, Handlers {}

/** What a gateway is made from. */
export interface GatewayStart {
  readonly started: Settings;
  readonly settings: Settings;
  readonly logs: Logs;
  readonly registry: MetricsRegistry;
  /** How TXT records are looked up; default: by the machine's name servers. */
  readonly lookUpTxt?: LookUpTxt;
  /** Of the program. */
  readonly version: string;
}

/** What has not reached a collector by then is lost: a service manager waits for the rest of the shutdown, too. */
const lastSpansMs = 1_000;

/**
 * Builds everything; nothing listens yet. `started` is the configuration that the process (or the primary above it) began with: what a
 * running process cannot change stays as it says. Redis and the providers may be away: they are waited for where they are needed.
 */
export function composeGateway(start: GatewayStart): Gateway {
  const { started, logs, registry, lookUpTxt = createLookUpTxt() } = start;
  const { log, audit } = logs;
  const { metrics } = registry;
  const clock = Date.now;
  const store = composeStore(started.sessions, { clock, log, metrics, onExpired: tellExpiry(audit) });
  const directory = openDirectory(started, { log, metrics });
  const instance = { "service.version": start.version, "service.instance.id": randomUUID(), "process.pid": String(process.pid) };
  const tracing = createTracing({ log, counted: registry.traceSpans, instance });
  const upstreams = createUpstreams({ log, clock });
  const provider = (id: string) => current.providers.get(id);
  // Callers with tokens of the gateway's own are no people of a provider.
  const recall = async (principal: Principal): Promise<Recalled> =>
    current.directory !== null && current.providers.has(principal.provider)
      ? current.directory.logins.recall(principal)
      : { kind: "unknown" };
  const connections = createOpenConnections({
    sessions: store.sessions,
    tokens: store.tokens,
    ...(directory === null ? {} : { watchCaller: createWatchCaller({ recall, changes: directory.changes, log }) }),
    clock,
    isStillAllowed: (incoming, caller) => isStillAllowed(current.gateway, incoming, caller),
    appOf: (hostname) => current.gateway.findSite(hostname)?.app?.settings ?? null,
  });
  const domainWatch = createDomainWatch({
    claims: () => domainClaims(current.settings),
    lookUp: lookUpTxt,
    documents: directory === null ? store.documents : createKeptDocuments(directory.store, clock),
    facts: store.facts,
    clock,
    log,
    // Whose address counts has changed, so may have what is allowed.
    onChange: () => connections.reviewAll(),
  });
  const writeAccess = createAccessLog(logs.deps);
  const lasting: Lasting = {
    directory,
    domainWatch,
    store,
    tracing,
    upstreams,
    connections,
    provider,
    ...createCounts(started.limits, { ...store, provider, directoryNow: () => current.directory, clock, log, metrics, audit }),
    audit,
    log,
    metrics,
    clock,
    accessLog: (record) => {
      registry.accessRecorded(record);
      writeAccess(record);
    },
  };
  let current = makeCurrent(start.settings, lasting, makeTracedProviders(start.settings, lasting));
  domainWatch.start();
  const listeners: Listener[] = [];
  registry.watch({
    openRequests: () => listeners.reduce((sum, listener) => sum + listener.openRequests(), 0),
    openTunnels: () => connections.counts().tunnels,
    storeHealth: () => store.health(),
    certificates: () => listeners.flatMap((listener) => listener.certificates()),
    domains: () => domainWatch.list(),
    ...(directory === null ? {} : { directory: () => directory.store.health().ok }),
    counted: { ...store, apps: () => current.settings.apps.map(({ hosts, name }) => hosts[0] ?? name), clock },
  });

  return {
    async listen() {
      await tracing.apply(current.settings.tracing);
      for (const settings of started.listen) {
        const onRequest: Current["onRequest"] = (req, res) => current.onRequest(req, res);
        const onUpgrade: Current["onUpgrade"] = (req, socket, head) => current.onUpgrade(req, socket, head);
        const newRequestId = () => current.gateway.newRequestId();
        listeners.push(await createListener({ settings, log, onRequest, onUpgrade, newRequestId }));
      }
      tellOfProviders(current.providers.values(), log);
      return listeners.map((listener) => listener.address());
    },
    prepare(next) {
      const { version, made, left } = nextVersion(current, next, lasting);
      return {
        commit: () => {
          if (!isSame(current.settings.tracing, next.tracing)) void tracing.apply(next.tracing);
          current = version;
          upstreams.apply(next);
          connections.reviewAll();
          void domainWatch.look("unproven");
          for (const provider of left) provider.close();
          tellOfProviders(made, log);
        },
        discard: () => {
          for (const provider of made) provider.close();
        },
      };
    },
    ...{ sessions: store.sessions, tokens: store.tokens, fleet: store.fleet },
    people: () => current.directory,
    settings: () => current.settings,
    health: () => ({
      listening: listeners.length === started.listen.length,
      store: store.health(),
      providers: Object.fromEntries([...current.providers].map(([id, provider]) => [id, provider.health()])),
      ...(directory === null ? {} : { directory: directory.store.health() }),
      ...(domainWatch.list().length === 0 ? {} : { domains: domainWatch.list() }),
      unreachable: upstreams.unreachable(),
    }),
    async close(graceMs) {
      const drained = listeners.map((listener) => listener.close(graceMs));
      connections.closeTunnels("the gateway is shutting down");
      await Promise.all(drained);
      connections.close();
      for (const provider of current.providers.values()) provider.close();
      await upstreams.close();
      domainWatch.close();
      await directory?.scimRequests.flush();
      await tracing.close(lastSpansMs);
      await store.close();
      await directory?.store.close();
    },
  };
}

function makeCurrent(settings: Settings, lasting: Lasting, makeProvider: (provider: ProviderSettings) => LoginProvider): Current {
  const version = composeVersion(settings, lasting, makeProvider);
  return { ...version, ...composeHandlers(settings, lasting.tracing, version.gateway) };
}

/** Providers with spans around what they keep in the store. */
function makeTracedProviders(settings: Settings, lasting: Lasting) {
  return createMakeProvider(settings, tracedParts(settings, lasting.tracing).lasting(lasting));
}

/**
 * The version for `next`, and whom it no longer needs. An unchanged provider stays: its keys and metadata are worth keeping, and a
 * reload must not depend on its being reachable.
 */
function nextVersion(before: Current, next: Settings, lasting: Lasting) {
  const make = makeTracedProviders(next, lasting);
  const kept = new Set<LoginProvider>();
  const made: LoginProvider[] = [];
  try {
    const version = makeCurrent(next, lasting, (provider) => {
      const known = before.providers.get(provider.id);
      if (known !== undefined && sameProvider(before.settings, next, provider.id)) {
        kept.add(known);
        return known;
      }
      const fresh = make(provider);
      made.push(fresh);
      return fresh;
    });
    return { version, made, left: [...before.providers.values()].filter((provider) => !kept.has(provider)) };
  } catch (error) {
    for (const provider of made) provider.close();
    throw error;
  }
}

/** Says at once which providers cannot be used: a visitor's login is a bad moment to hear it. In the background; nothing waits for it. */
function tellOfProviders(providers: Iterable<LoginProvider>, log: Log): void {
  for (const provider of providers) {
    void (provider.firstLook?.() ?? provider.probe()).then(({ ok, detail }) => {
      if (!ok)
        log.warn({ provider: provider.id, reason: detail }, "a provider cannot be used now: logins there fail until this is put right");
    });
  }
}
