import type { Log } from "../../core/ports/log.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import type { RedisSettings } from "../../core/settings.ts";
import { commandTimeoutMs, openCluster, openRedis, type RedisClient } from "./connection.ts";
import { createRedisGuard } from "./guard.ts";
import { createReplicaWait } from "./replica-wait.ts";
import { tellSilence } from "./servers.ts";

/** Scripts in the sessions' Redis, for data that is no session: over a connection of its own, so that neither waits for the other. */
export interface ScriptRunner {
  /** All keys lie in one slot. Rejects within the command timeout, at once while Redis is known to be away. */
  run(name: string, script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Resolves when a replica has what was written to the key's node, where one may take over; never rejects. */
  reachReplica(key: string): Promise<void>;
  health(): { readonly ok: boolean; readonly detail: string };
  close(): void;
}

const probeEveryMs = 500;

export function openScriptRunner(settings: RedisSettings, deps: { readonly log: Log; readonly metrics: Metrics }): ScriptRunner {
  const { log, metrics } = deps;
  const { target } = settings;
  const client: RedisClient = target.kind === "cluster" ? openCluster(settings, target.nodes, log) : openRedis(settings, "directory", log);
  const guard = createRedisGuard({
    metrics,
    deadlineMs: commandTimeoutMs,
    onOpen: tellSilence(client, log, "redis is not answering the directory"),
  });
  const reachReplica = target.kind === "single" ? null : createReplicaWait({ client, guard, monotonic: () => performance.now(), log });
  // Once the circuit is open, only a probe finds out that Redis is back.
  const prober = setInterval(() => {
    if (guard.isOpen()) guard.probe("directory-probe", () => client.exists(`${settings.keyPrefix}{directory}`)).catch(() => undefined);
  }, probeEveryMs);
  prober.unref();
  return {
    run: (name, script, keys, args) => guard.run(name, () => client.eval(script, keys.length, ...keys, ...args)),
    reachReplica: async (key) => reachReplica?.(key),
    health: () => {
      const ok = client.status === "ready" && !guard.isOpen();
      return { ok, detail: ok ? "Redis" : `redis is not answering (${client.status})` };
    },
    close: () => {
      clearInterval(prober);
      client.disconnect();
    },
  };
}
