import { GatewayError } from "../../core/errors.ts";
import type { SessionStore } from "../../core/ports/session-store.ts";
import type { Store, StoreHealth } from "../../core/ports/store.ts";
import { peopleKind, peopleOfApp, personOf, type Session } from "../../core/session.ts";
import type { RedisSettings } from "../../core/settings.ts";
import { createSessionCache } from "../cache.ts";
import { createSessionCodec } from "../codec.ts";
import { createMatching, summaryOf } from "../listing.ts";
import type { StoreDeps } from "../memory/store.ts";
import { createSealer } from "../sealing.ts";
import { isId, isWithinLimits, keyOf, newId } from "../session-rules.ts";
import { createWatchers } from "../watchers.ts";
import { createActivity } from "./activity.ts";
import { createStoreAdvice } from "./advice.ts";
import { commandTimeoutMs } from "./connection.ts";
import { createEndedSessions } from "./ended.ts";
import { createRedisDocuments, createRedisFacts } from "./facts.ts";
import { createRedisGuard } from "./guard.ts";
import { createRedisIndex } from "./index.ts";
import { createRedisKeys } from "./keys.ts";
import { createOpenSessions } from "./open-sessions.ts";
import { createRedisRecords } from "./records.ts";
import { createReplicaWait } from "./replica-wait.ts";
import { openRedisServers } from "./servers.ts";
import { createRedisSessions } from "./sessions.ts";
import { createRedisWatch } from "./watch.ts";

const monotonic = () => performance.now();
const readsAtOnce = 20;

/**
 * Sessions in Redis, shared by all processes, behind a cache that Redis keeps honest. Starts whether or not Redis is
 * there; what cannot be known rejects with `store.unavailable` within the command timeout.
 */
export function createRedisStore(deps: StoreDeps): Store {
  const parts = assemble(deps, redisSettings(deps));
  return {
    sessions: sessionsOf(deps, parts),
    facts: parts.facts,
    documents: parts.documents,
    health: parts.health,
    close: async () => parts.close(),
  };
}

function sessionsOf(deps: StoreDeps, parts: Parts): SessionStore {
  const { cache, sessions, records, watch, ended, noteActivity, open } = parts;
  return {
    peek: (id) => {
      const session = cache.believed(id);
      deps.metrics.sessionCache(session === undefined ? "miss" : "hit");
      return session ?? (!isId(id) || ended.has(keyOf(id)) ? null : undefined);
    },
    find: async (id, options) => {
      const key = keyOf(id);
      if (!isId(id) || ended.has(key)) return null;
      const session = await cache.load(id, key, { graceMs: options?.fresh === true ? 0 : deps.settings.graceMs });
      return ended.has(key) ? null : session;
    },
    create: async (wanted) => {
      const session = await sessions.create(wanted);
      parts.notePerson(peopleKind, session);
      return session;
    },
    touch: noteActivity,
    renew: async (session, change) => {
      const renewed: Session = { ...session, principal: change.principal, tokens: change.tokens, refreshAt: change.refreshAt };
      const replaced = await records.replace(renewed);
      // Not even for the grace: its groups may be fewer now.
      cache.forget(session.key);
      watch.look(session.key);
      return replaced ? renewed : null;
    },
    end: async (handle, why) => isId(handle) && sessions.end(handle, why),
    endAll: sessions.endAll,
    sessionsOf: sessions.sessionsOf,
    read: async (handle) => {
      const session = !isId(handle) || ended.has(handle) ? null : await records.read(handle);
      return session === null ? null : summaryOf(session);
    },
    list: sessions.list,
    ...createMatching(sessions),
    openCount: open.count,
    watch: watch.watch,
  };
}

type Parts = ReturnType<typeof assemble>;

function redisSettings({ settings }: StoreDeps): RedisSettings {
  if (settings.store.kind !== "redis") throw new GatewayError("config.invalid", "sessions.store is not redis");
  return settings.store;
}

function assemble(deps: StoreDeps, redis: RedisSettings) {
  const { settings, clock, log, random } = deps;
  const keys = createRedisKeys(redis.keyPrefix);
  const servers = openRedisServers(redis, log);
  const { client } = servers;
  const guard = createRedisGuard({
    metrics: deps.metrics,
    deadlineMs: commandTimeoutMs,
    onOpen: () => log.warn({}, "redis is not answering"),
  });
  const sealer = createSealer(settings.secrets);
  const reachReplica = servers.failsOver ? createReplicaWait({ client, guard, monotonic, log }) : null;
  const records = createRedisRecords({ client, guard, keys, codec: createSessionCodec(sealer), limits: settings, clock, reachReplica });
  const ended = createEndedSessions({ monotonic, remove: records.remove, lifetimeMs: settings.lifetimeMs });
  const advice = createStoreAdvice({ log, failsOver: servers.failsOver });

  const link = servers.openLink({
    guard,
    keys,
    instance: newId(random).slice(0, 12),
    monotonic,
    log,
    onChange: (redisKey) => {
      if (redisKey === null) return emptied();
      const endedKey = keys.endedKeyIn(redisKey);
      if (endedKey !== null) return heardOfEnd(endedKey);
      const key = keys.sessionKeyIn(redisKey);
      if (key !== null) changed(key);
    },
    onArmed: ({ newServer, commands }) => {
      log.info({ newServer }, "redis announces changes");
      readAgain(cache.doubt());
      watch.lookAtAll();
      ended.repeat(newServer);
      advice.watch(commands);
    },
  });
  const cache = createSessionCache({
    monotonic,
    read: records.read,
    provenAt: link.provenAt,
    isGood: (session) => isWithinLimits(session, settings, clock()),
    graceMs: deps.settings.graceMs,
  });
  const watch = createRedisWatch({ watchers: createWatchers(log), read: records.read, isFlowing: link.isFlowing, limits: settings, clock });

  /** A few at a time, behind the requests' back. */
  const readAgain = (ids: readonly string[]) => {
    const left = [...ids].reverse();
    const next = async (): Promise<void> => {
      for (let id = left.pop(); id !== undefined; id = left.pop())
        await cache.load(id, keyOf(id), { graceMs: 0 }).catch(() => left.splice(0));
    };
    for (let each = 0; each < readsAtOnce; each += 1) void next();
  };
  const emptied = () => {
    cache.flush();
    watch.lookAtAll();
  };
  const changed = (key: string) => {
    const inUse = cache.changed(key);
    watch.look(key);
    // Read again at once: if Redis went away now, a session that is in use would else not be known any more.
    if (inUse !== null && !ended.has(key)) cache.load(inUse, key, { graceMs: 0 }).catch(() => undefined);
  };
  const heardOfEnd = (key: string) => {
    ended.heard(key);
    cache.forget(key);
    watch.ended(key);
  };
  const onEnded = (key: string) => {
    ended.add(key);
    cache.forget(key);
    watch.ended(key);
  };

  const open = createOpenSessions({ client, guard, keys, read: records.read, lifetimeMs: settings.lifetimeMs, clock });
  const facts = createRedisFacts({ client, guard, keys, sealer, random, clock });
  const notePerson = (kind: string, session: Session) =>
    void facts.noteDistinct(kind, personOf(session)).catch((error: unknown) => log.debug({ error }, "a person could not be counted"));
  const onFirstOpening = (session: Session, app: string) => notePerson(peopleOfApp(app), session);
  return {
    notePerson,
    cache,
    watch,
    records,
    ended,
    open,
    noteActivity: createActivity({ cache, records, open, onFirstOpening, limits: settings, clock, log }),
    sessions: createRedisSessions({ ...deps, records, index: createRedisIndex({ client, guard, keys }), open, onEnded }),
    facts,
    documents: createRedisDocuments({ client, guard, keys, sealer }),
    health: (): StoreHealth => ({
      ...describe(client.status, guard.isOpen(), link.isFlowing()),
      breakerOpen: guard.isOpen(),
      warnings: advice.current(),
    }),
    close: () => {
      link.close();
      advice.close();
      watch.close();
      servers.close();
    },
  };
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
