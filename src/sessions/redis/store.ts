import { GatewayError } from "../../core/errors.ts";
import type { Store, StoreHealth } from "../../core/ports/store.ts";
import { peopleKind, peopleOfApp, personOf, type Session } from "../../core/session.ts";
import type { RedisSettings } from "../../core/settings.ts";
import type { StoreDeps } from "../memory/store.ts";
import { createSealer } from "../sealing.ts";
import { newId, tokenLimits } from "../session-rules.ts";
import { createStoreAdvice } from "./advice.ts";
import { commandTimeoutMs } from "./connection.ts";
import { createRedisDocuments, createRedisFacts } from "./facts.ts";
import { createRedisFleet } from "./fleet.ts";
import { createRedisGuard } from "./guard.ts";
import { createRedisKeys } from "./keys.ts";
import { createReplicaWait } from "./replica-wait.ts";
import { openRedisServers, tellSilence } from "./servers.ts";
import { createSpace } from "./space.ts";

const monotonic = () => performance.now();

/**
 * Sessions and personal tokens in Redis, shared by all processes, behind caches that Redis keeps honest. Starts whether or not Redis is
 * there; what cannot be known rejects with `store.unavailable` within the command timeout.
 */
export function createRedisStore(deps: StoreDeps): Store {
  const redis = redisSettings(deps);
  const { settings, clock, log, random } = deps;
  const keys = createRedisKeys(redis.keyPrefix);
  const servers = openRedisServers(redis, log);
  const { client } = servers;
  const guard = createRedisGuard({
    metrics: deps.metrics,
    deadlineMs: commandTimeoutMs,
    onOpen: tellSilence(client, log, "redis is not answering"),
  });
  const sealer = createSealer(settings.secrets);
  const reachReplica = servers.failsOver ? createReplicaWait({ client, guard, monotonic, log }) : null;
  const advice = createStoreAdvice({ log, failsOver: servers.failsOver });
  const link = servers.openLink({
    guard,
    keys,
    instance: newId(random).slice(0, 12),
    monotonic,
    log,
    onChange: (redisKey) => {
      for (const space of spaces) redisKey === null ? space.emptied() : space.changed(redisKey);
    },
    onArmed: ({ newServer, commands }) => {
      log.info({ newServer }, "redis announces changes");
      for (const space of spaces) space.armed(newServer);
      advice.watch(commands);
    },
  });

  const facts = createRedisFacts({ client, guard, keys, sealer, random, clock });
  const notePerson = (kind: string, session: Session) =>
    void facts.noteDistinct(kind, personOf(session)).catch((error: unknown) => log.debug({ error }, "a person could not be counted"));
  /** Looked for by one process at a time; a lock that runs out by itself is the next one's turn. */
  const turnOf = (what: string) => async (ms: number) => (await facts.lease(`expiries:${what}`, ms)) !== null;
  const shared = { ...deps, client, guard, sealer, monotonic, reachReplica, provenAt: link.provenAt, isFlowing: link.isFlowing };
  const sessions = createSpace({
    ...{ ...shared, keys, countEnd: (why) => deps.metrics.logouts(why), takeTurn: turnOf("sessions") },
    onBegun: (session) => notePerson(peopleKind, session),
    onFirstOpening: (session, app) => notePerson(peopleOfApp(app), session),
  });
  const tokens = createSpace({
    ...{ ...shared, keys: createRedisKeys(redis.keyPrefix, "tokens"), settings: tokenLimits(settings) },
    ...{ countEnd: () => {}, takeTurn: turnOf("tokens") },
    // People are counted by their logins.
    ...{ onBegun: () => {}, onFirstOpening: () => {} },
  });
  const spaces = [sessions, tokens];
  return {
    sessions: sessions.store,
    tokens: tokens.store,
    facts,
    documents: createRedisDocuments({ client, guard, keys, sealer }),
    fleet: createRedisFleet({ client, guard, keys, sealer }),
    health: () => ({
      ...describe(client.status, guard.isOpen(), link.isFlowing()),
      breakerOpen: guard.isOpen(),
      warnings: advice.current(),
    }),
    close: async () => {
      link.close();
      advice.close();
      for (const space of spaces) space.close();
      // People who came in the last moment are not written yet.
      await facts.settled();
      servers.close();
    },
  };
}

function redisSettings({ settings }: StoreDeps): RedisSettings {
  if (settings.store.kind !== "redis") throw new GatewayError("config.invalid", "sessions.store is not redis");
  return settings.store;
}

function describe(status: string, isOpen: boolean, isFlowing: boolean): StoreHealth {
  const reachable = status === "ready" && !isOpen;
  const detail = reachable
    ? isFlowing
      ? "redis answers"
      : "redis answers, but announces no changes"
    : `redis is not answering (${status})`;
  return { kind: "redis", reachable, invalidation: isFlowing, detail };
}
