import type { Clock } from "../../core/clock.ts";
import type { SessionStore } from "../../core/ports/session-store.ts";
import type { Session, SessionEnd } from "../../core/session.ts";
import { createSessionCache } from "../cache.ts";
import { createMatching, summaryOf } from "../listing.ts";
import type { StoreDeps } from "../memory/store.ts";
import { type createSealer, createSessionCodec } from "../sealing.ts";
import { isId, isWithinLimits, keyOf, type OnExpired } from "../session-rules.ts";
import { createWatchers } from "../watchers.ts";
import { createActivity } from "./activity.ts";
import type { RedisClient } from "./connection.ts";
import { createEndedSessions } from "./ended.ts";
import type { RedisGuard } from "./guard.ts";
import { createRedisIndex } from "./index.ts";
import type { RedisKeys } from "./keys.ts";
import { createOpenSessions } from "./open-sessions.ts";
import { createRedisRecords } from "./records.ts";
import type { createReplicaWait } from "./replica-wait.ts";
import { createRedisSessions } from "./sessions.ts";
import { createRedisWatch } from "./watch.ts";

/** One kind of records, sessions or personal tokens, with its own cache, index, list and watches, over a connection that is shared. */
export interface Space {
  readonly store: SessionStore;
  /** A key of Redis was announced as changed; one of another space means nothing here. */
  changed(redisKey: string): void;
  /** Announcements flow again: what was missed is read. */
  armed(newServer: boolean): void;
  /** Redis was emptied. */
  emptied(): void;
  close(): void;
}

export interface SpaceDeps extends Omit<StoreDeps, "monotonic"> {
  readonly countEnd: (why: SessionEnd) => void;
  readonly takeTurn: (ms: number) => Promise<boolean>;
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keys: RedisKeys;
  readonly sealer: ReturnType<typeof createSealer>;
  readonly monotonic: Clock;
  readonly reachReplica: ReturnType<typeof createReplicaWait> | null;
  readonly provenAt: () => number;
  readonly isFlowing: () => boolean;
  readonly onBegun: (session: Session) => void;
  readonly onFirstOpening: (session: Session, app: string) => void;
}

const readsAtOnce = 20;

export function createSpace(deps: SpaceDeps): Space {
  const parts = assemble(deps);
  const { cache, watch, ended } = parts;
  /** A few at a time, behind the requests' back. */
  const readAgain = (ids: readonly string[]) => {
    const left = [...ids].reverse();
    const next = async (): Promise<void> => {
      for (let id = left.pop(); id !== undefined; id = left.pop())
        await cache.load(id, keyOf(id), { graceMs: 0 }).catch(() => left.splice(0));
    };
    for (let each = 0; each < readsAtOnce; each += 1) void next();
  };
  const heardOfEnd = (key: string) => {
    ended.heard(key);
    cache.forget(key);
    watch.ended(key);
  };
  const heardOfChange = (key: string) => {
    const inUse = cache.changed(key);
    watch.look(key);
    // Read again at once: if Redis went away now, a session that is in use would else not be known any more.
    if (inUse !== null && !ended.has(key)) cache.load(inUse, key, { graceMs: 0 }).catch(() => undefined);
  };
  return {
    store: storeOver(deps, parts),
    changed: (redisKey) => {
      const endedKey = deps.keys.endedKeyIn(redisKey);
      if (endedKey !== null) return heardOfEnd(endedKey);
      const key = deps.keys.sessionKeyIn(redisKey);
      if (key !== null) heardOfChange(key);
    },
    armed: (newServer) => {
      readAgain(cache.doubt());
      watch.lookAtAll();
      ended.repeat(newServer);
    },
    emptied: () => {
      cache.flush();
      watch.lookAtAll();
    },
    close: () => {
      watch.close();
      parts.open.close();
    },
  };
}

type Parts = ReturnType<typeof assemble>;

function assemble(deps: SpaceDeps) {
  const { settings, clock, log, client, guard, keys, monotonic, provenAt, isFlowing } = deps;
  const records = createRedisRecords({ ...deps, codec: createSessionCodec(deps.sealer), limits: settings });
  const ended = createEndedSessions({ monotonic, remove: records.remove, lifetimeMs: settings.lifetimeMs });
  const isGood = (session: Session) => isWithinLimits(session, settings, clock());
  const cache = createSessionCache({ monotonic, read: records.readAgain, provenAt, isGood, graceMs: settings.graceMs });
  const watch = createRedisWatch({ watchers: createWatchers(log), read: records.read, isFlowing, limits: settings, clock });
  const { sealer, takeTurn } = deps;
  const report = deps.onExpired;
  const onExpired: OnExpired | null =
    report === undefined
      ? null
      : (expired) => {
          deps.countEnd(expired.why);
          report(expired);
        };
  const { idleMs, lifetimeMs } = settings;
  const expiries = { sealer, idleMs, log, takeTurn, onExpired };
  const open = createOpenSessions({ client, guard, keys, read: records.read, lifetimeMs, clock, expiries });
  const onEnded = (key: string) => {
    ended.add(key);
    cache.forget(key);
    watch.ended(key);
  };
  const sessions = createRedisSessions({ ...deps, records, index: createRedisIndex({ client, guard, keys }), open, onEnded });
  const { onFirstOpening } = deps;
  const noteActivity = createActivity({ cache, records, open, onFirstOpening, limits: settings, clock, log });
  return { records, ended, cache, watch, open, sessions, noteActivity };
}

function storeOver(deps: SpaceDeps, { cache, sessions, records, watch, ended, noteActivity, open }: Parts): SessionStore {
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
      deps.onBegun(session);
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
