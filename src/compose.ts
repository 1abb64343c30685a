import { composeAdmin } from "./compose-admin.ts";
import { composeStore } from "./compose-store.ts";
import { composeVersion, createMakeProvider, type Lasting, type Version } from "./compose-version.ts";
import type { Problem } from "./config/problems.ts";
import type { LoginProvider } from "./core/ports/login-provider.ts";
import type { ProviderSettings, Settings } from "./core/settings.ts";
import { createRequestHandler } from "./gateway/handle-request.ts";
import { createUpgradeHandler } from "./gateway/handle-upgrade.ts";
import { createOpenConnections } from "./gateway/open-connections.ts";
import { isStillAllowed } from "./gateway/still-allowed.ts";
import { createAccessLog } from "./observe/access-log.ts";
import { createAudit } from "./observe/audit.ts";
import { createLineWriter } from "./observe/line-writer.ts";
import { createLog } from "./observe/log.ts";
import { createMetrics } from "./observe/metrics.ts";
import { needsRestart, sameProvider } from "./reload.ts";
import { createListener, type Listener } from "./server.ts";
import { createUpstreams } from "./upstream/upstreams.ts";

/** A gateway that serves. */
export interface RunningGateway {
  /** Puts a new configuration in force at once for new requests; requests under way finish under theirs. */
  reload(settings: Settings, warnings: readonly Problem[]): void;
  /** Notes that a changed file has problems; nothing changes. */
  rejectReload(problems: string): void;
  /** Readiness fails, listeners close, what is in flight finishes; resolves when all is gone or after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

/** One version with its handlers: what the listeners call. */
interface Current extends Version {
  readonly onRequest: ReturnType<typeof createRequestHandler>;
  readonly onUpgrade: ReturnType<typeof createUpgradeHandler>;
}

/** How long log lines may take to reach their reader at the very end. */
const lastLinesMs = 500;
const logBufferBytes = 4 * 1024 * 1024;

/**
 * Builds everything and starts listening. Rejects when a listener cannot be opened or the configuration cannot be
 * composed; nothing is left open then. Redis and the providers may be away: they are waited for where they are needed.
 */
export async function startGateway(start: { settings: Settings; warnings: readonly Problem[]; version: string }): Promise<RunningGateway> {
  const { settings } = start;
  const clock = Date.now;
  const registry = createMetrics({ version: start.version });
  const writer = createLineWriter({
    stream: process.stdout,
    capacityBytes: logBufferBytes,
    onDrop: (lines) => registry.logLinesDropped(lines),
  });
  const logDeps = { ...settings.log, write: writer.write, pid: process.pid, clock };
  const log = createLog(logDeps);
  const audit = createAudit(logDeps);
  const writeAccess = createAccessLog(logDeps);
  const { metrics } = registry;
  const sessions = composeStore(settings.sessions, { clock, log, metrics });
  const upstreams = createUpstreams({ log, clock });
  const connections = createOpenConnections({
    sessions,
    clock,
    isStillAllowed: (incoming, session) => isStillAllowed(current.gateway, incoming, session),
  });
  const lasting: Lasting = {
    sessions,
    upstreams,
    connections,
    audit,
    log,
    metrics,
    clock,
    accessLog: (record) => {
      registry.accessRecorded(record);
      writeAccess(record);
    },
  };

  let current = makeCurrent(settings, lasting, createMakeProvider(settings, lasting));
  let draining = false;
  const listeners: Listener[] = [];
  const admin = composeAdmin({
    log,
    draining: () => draining || listeners.length < settings.listen.length,
    store: () => sessions.health(),
    providers: () => current.providers,
    metricsText: () => registry.text(),
  });
  registry.watch({
    openRequests: () => listeners.reduce((sum, listener) => sum + listener.openRequests(), 0),
    openTunnels: () => connections.counts().tunnels,
    storeHealth: () => sessions.health(),
  });

  const closeAll = async (graceMs: number) => {
    draining = true;
    const drained = listeners.map((listener) => listener.close(graceMs));
    connections.closeTunnels("the gateway is shutting down");
    await Promise.all(drained);
    connections.close();
    for (const provider of current.providers.values()) provider.close();
    await upstreams.close();
    await sessions.close();
    await admin.close();
    log.info({}, "stopped");
    await writer.flush(lastLinesMs);
  };

  try {
    await admin.listen(settings.admin);
    for (const one of settings.listen) {
      listeners.push(
        await createListener({
          settings: one,
          log,
          onRequest: (req, res) => current.onRequest(req, res),
          onUpgrade: (req, socket, head) => current.onUpgrade(req, socket, head),
        }),
      );
    }
  } catch (error) {
    await closeAll(0);
    throw error;
  }
  tellWarnings(lasting, settings, start.warnings);
  const addresses = listeners.map((listener) => listener.address());
  log.info({ addresses, admin: settings.admin, apps: settings.apps.length, providers: settings.providers.length }, "serving");

  return {
    reload(next, warnings) {
      try {
        const restart = needsRestart(settings, next);
        if (restart.length > 0) log.warn({ keys: restart }, "these keys take effect at the next start");
        current = replaceVersion(current, next, lasting);
        upstreams.apply(next);
        connections.reviewAll();
        tellWarnings(lasting, next, warnings);
        registry.configReloaded("applied");
        audit({ event: "reload", outcome: "applied", detail: `${next.apps.length} apps, ${next.providers.length} providers` });
      } catch (error) {
        registry.configReloaded("rejected");
        log.error({ error }, "the configuration could not be put in force; the old one stays");
      }
    },
    rejectReload(problems) {
      registry.configReloaded("rejected");
      audit({ event: "reload", outcome: "rejected", detail: problems });
      log.error({ problems }, "the changed configuration has problems; the old one stays");
    },
    drain: closeAll,
  };
}

function makeCurrent(settings: Settings, lasting: Lasting, makeProvider: (provider: ProviderSettings) => LoginProvider): Current {
  const version = composeVersion(settings, lasting, makeProvider);
  return { ...version, onRequest: createRequestHandler(version.gateway), onUpgrade: createUpgradeHandler(version.gateway) };
}

/** An unchanged provider stays: its keys and metadata are worth keeping, and a reload must not depend on its being reachable. */
function replaceVersion(before: Current, next: Settings, lasting: Lasting): Current {
  const make = createMakeProvider(next, lasting);
  const kept = new Set<LoginProvider>();
  const current = makeCurrent(next, lasting, (provider) => {
    const known = before.providers.get(provider.id);
    if (known === undefined || !sameProvider(before.settings, next, provider.id)) return make(provider);
    kept.add(known);
    return known;
  });
  for (const provider of before.providers.values()) if (!kept.has(provider)) provider.close();
  return current;
}

/** Holes opened on purpose, and whatever else is allowed but worth a second look, at every start and reload. */
function tellWarnings({ log }: Lasting, settings: Settings, warnings: readonly Problem[]): void {
  for (const [key, open] of Object.entries(settings.insecure)) {
    if (open) log.warn({ key: `insecure.${key}` }, "a protection is switched off by the configuration");
  }
  for (const { key, line, message } of warnings) {
    if (!key.startsWith("insecure")) log.warn({ key, line }, message);
  }
}
