import type { Clock, Random } from "../../core/clock.ts";
import type { Documents } from "../../core/ports/documents.ts";
import type { Facts, Lease } from "../../core/ports/facts.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import { pause } from "../../lib/timing.ts";
import { dayOf, digestOf, distinctDays, newId } from "../session-rules.ts";
import type { RedisClient } from "./connection.ts";
import type { RedisGuard } from "./guard.ts";
import type { RedisKeys } from "./keys.ts";
import { countScript, distinctScript, extendScript, releaseScript } from "./scripts.ts";

export interface FactsDeps {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keys: RedisKeys;
  readonly sealer: Sealer;
  readonly random: Random;
  readonly clock: Clock;
}

const dayMs = 86_400_000;
/** One HyperLogLog is wrong by 0.8 % as a rule; the errors of eight shares make up for each other, which leaves 0.3 %. */
const shares = 8;

/** When many people come at once, those of a moment are counted together. */
const gatherMs = 50;

export interface RedisFacts extends Facts {
  /** Resolves when all that was noted is written, or has failed; to wait for before the connection is closed. Never rejects. */
  settled(): Promise<void>;
}

/** Replay guards, parked texts and leases that hold in every process. */
export function createRedisFacts({ client, guard, keys, sealer, random, clock }: FactsDeps): RedisFacts {
  /** What was seen since the last write, by its key. */
  const seen = new Map<string, Set<string>>();
  let counted: Promise<void> | null = null;
  let settled: Promise<void> = Promise.resolve();
  const countSeen = async (): Promise<void> => {
    await pause(gatherMs, { ref: false });
    counted = null;
    const all = [...seen];
    seen.clear();
    const ttlMs = (distinctDays + 1) * dayMs;
    const count = (key: string, names: readonly string[]) =>
      guard.run("note-distinct", () => client.eval(distinctScript, 1, key, ttlMs, ...names));
    await Promise.all(all.flatMap(([key, names]) => inParts([...names]).map((part) => count(key, part))));
  };
  return {
    once: async (kind, value, ttlMs) =>
      (await guard.run("once", () => client.set(keys.once(kind, value), "", "PX", wholeMs(ttlMs), "NX"))) === "OK",
    isUsed: async (kind, value) => (await guard.run("is-used", () => client.exists(keys.once(kind, value)))) === 1,
    park: async (kind, text, ttlMs) => {
      const handle = newId(random);
      const sealed = sealer.seal(purposeOf(kind, handle), text);
      await guard.run("park", () => client.set(keys.parked(kind, handle), sealed, "PX", wholeMs(ttlMs)));
      return handle;
    },
    unpark: async (kind, handle) => {
      const sealed = await guard.run("unpark", () => client.getdel(keys.parked(kind, handle)));
      return sealed === null ? null : sealer.open(purposeOf(kind, handle), sealed);
    },
    count: async (kind, value, windowMs) =>
      Number(await guard.run("count", () => client.eval(countScript, 1, keys.count(kind, value), wholeMs(windowMs)))),
    noteDistinct: (kind, value) => {
      const name = digestOf("distinct", value);
      const key = keys.distinct(kind, name.charCodeAt(0) % shares, dayOf(clock()));
      const names = seen.get(key) ?? new Set();
      seen.set(key, names.add(name));
      if (counted === null) {
        counted = countSeen();
        settled = Promise.allSettled([settled, counted]).then(() => undefined);
      }
      return counted;
    },
    settled: () => settled,
    countDistinct: async (kind) => {
      const today = dayOf(clock());
      const days = Array.from({ length: distinctDays }, (_, ago) => today - ago);
      const counts = await Promise.all(
        Array.from({ length: shares }, (_, share) =>
          guard.run("count-distinct", () => client.pfcount(...days.map((day) => keys.distinct(kind, share, day)))),
        ),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },
    lease: async (name, ttlMs) => {
      const token = newId(random);
      const taken = await guard.run("lease", () => client.set(keys.lease(name), token, "PX", wholeMs(ttlMs), "NX"));
      return taken === "OK" ? leaseOf(client, guard, keys.lease(name), token) : null;
    },
  };
}

/** Providers' documents, kept over restarts as far as Redis itself is. */
export function createRedisDocuments({ client, guard, keys, sealer }: Omit<FactsDeps, "random" | "clock">): Documents {
  return {
    read: async (name) => {
      const sealed = await guard.run("read-document", () => client.get(keys.document(name)));
      return sealed === null ? null : sealer.open(documentPurpose(name), sealed);
    },
    write: async (name, text, ttlMs) => {
      const sealed = sealer.seal(documentPurpose(name), text);
      await guard.run("write-document", () => client.set(keys.document(name), sealed, "PX", wholeMs(ttlMs)));
    },
  };
}

/** The token tells this holder from the next: a late release must not free another holder's lease. */
function leaseOf(client: RedisClient, guard: RedisGuard, key: string, token: string): Lease {
  return {
    extend: async (ttlMs) => (await guard.run("lease", () => client.eval(extendScript, 1, key, token, wholeMs(ttlMs)))) === 1,
    release: async () => void (await guard.run("lease", () => client.eval(releaseScript, 1, key, token))),
  };
}

/** Bound to its handle: one parked text cannot be moved to where another was expected. */
const purposeOf = (kind: string, handle: string) => `parked:${digestOf("parked", kind, handle)}`;

/** Bound to its name: who can write to Redis cannot let one provider's keys pass for another's. */
const documentPurpose = (name: string) => `document:${digestOf("document", name)}`;

/** A script takes some thousand arguments. */
function inParts(names: readonly string[], most = 1_000): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / most) }, (_, part) => names.slice(part * most, (part + 1) * most));
}

/** Redis takes whole milliseconds, at least one. */
const wholeMs = (ms: number) => Math.max(1, Math.ceil(ms));
