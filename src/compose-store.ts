import { randomBytes } from "node:crypto";
import type { Clock } from "./core/clock.ts";
import type { Log } from "./core/ports/log.ts";
import type { Metrics } from "./core/ports/metrics.ts";
import type { SessionStore } from "./core/ports/session-store.ts";
import type { SessionSettings } from "./core/settings.ts";
import { createMemoryStore } from "./store/memory-store.ts";
import { createRedisStore } from "./store/redis-store.ts";

/** The session store that the configuration names. Redis may be away: the store says so, and comes back by itself. */
export function composeStore(
  settings: SessionSettings,
  deps: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics },
): SessionStore {
  const made = { ...deps, settings, random: (bytes: number) => randomBytes(bytes) };
  return settings.store.kind === "memory" ? createMemoryStore(made) : createRedisStore(made);
}
