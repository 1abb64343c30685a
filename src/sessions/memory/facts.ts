import type { Clock, Random } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Documents } from "../../core/ports/documents.ts";
import type { Facts, Lease } from "../../core/ports/facts.ts";
import { type Fleet, keptEvents } from "../../core/ports/fleet.ts";
import { dayOf, digestOf, distinctDays, newId } from "../session-rules.ts";

const maxGuards = 500_000;
const maxParked = 50_000;
const maxCounts = 50_000;
const maxLeases = 50_000;
const maxDocuments = 10_000;
const maxInstances = 200;
const maxDistinct = 200_000;

/** Replay guards, parked texts, leases and documents of a single process; `sweep` drops what has expired. */
export function createMemoryFacts(deps: { readonly clock: Clock; readonly random: Random }): {
  readonly facts: Facts;
  readonly documents: Documents;
  readonly fleet: Fleet;
  sweep(): void;
} {
  const guards = createExpiringMap<true>(deps.clock, maxGuards);
  const parked = createExpiringMap<string>(deps.clock, maxParked);
  const counts = createExpiringMap<{ count: number }>(deps.clock, maxCounts);
  const leases = createExpiringMap<symbol>(deps.clock, maxLeases);
  /** By kind, then by value: the day when it was last seen. */
  const distinct = new Map<string, Map<string, number>>();
  const documents = createExpiringMap<string>(deps.clock, maxDocuments);
  const said = createExpiringMap<string>(deps.clock, maxInstances);
  const instances = new Set<string>();
  /** The newest first. */
  let events: readonly string[] = [];

  const leaseOf = (name: string, owner: symbol): Lease => ({
    extend: async (ttlMs) => {
      if (leases.get(name) !== owner) return false;
      leases.set(name, owner, ttlMs);
      return true;
    },
    release: async () => {
      if (leases.get(name) === owner) leases.delete(name);
    },
  });

  const facts: Facts = {
    once: async (kind, value, ttlMs) => {
      const name = digestOf("once", kind, value);
      if (guards.get(name) !== undefined) return false;
      guards.set(name, true, ttlMs);
      return true;
    },
    isUsed: async (kind, value) => guards.get(digestOf("once", kind, value)) !== undefined,
    park: async (kind, text, ttlMs) => {
      const handle = newId(deps.random);
      parked.set(digestOf("parked", kind, handle), text, ttlMs);
      return handle;
    },
    unpark: async (kind, handle) => {
      const name = digestOf("parked", kind, handle);
      const text = parked.get(name);
      parked.delete(name);
      return text ?? null;
    },
    count: async (kind, value, windowMs) => {
      const name = digestOf("count", kind, value);
      const known = counts.get(name);
      if (known === undefined) counts.set(name, { count: 1 }, windowMs);
      else known.count += 1;
      return known?.count ?? 1;
    },
    noteDistinct: async (kind, value) => {
      const seen = distinct.get(kind) ?? new Map<string, number>();
      distinct.set(kind, seen);
      const name = digestOf("distinct", value);
      if (seen.size < maxDistinct || seen.has(name)) seen.set(name, dayOf(deps.clock()));
    },
    countDistinct: async (kind) => {
      const oldest = dayOf(deps.clock()) - distinctDays;
      const seen = distinct.get(kind) ?? new Map<string, number>();
      for (const [name, day] of seen) if (day <= oldest) seen.delete(name);
      return seen.size;
    },
    lease: async (name, ttlMs) => {
      if (leases.get(name) !== undefined) return null;
      const owner = Symbol(name);
      leases.set(name, owner, ttlMs);
      return leaseOf(name, owner);
    },
  };
  return {
    facts,
    documents: {
      read: async (name) => documents.get(name) ?? null,
      write: async (name, text, ttlMs) => documents.set(name, text, ttlMs),
    },
    fleet: {
      publish: async (instance, text, ttlMs) => {
        instances.add(instance);
        said.set(instance, text, ttlMs);
      },
      published: async () => ({ texts: [...instances].flatMap((instance) => said.get(instance) ?? []), unreadable: 0 }),
      append: async (lines) => {
        events = [...lines.toReversed(), ...events].slice(0, keptEvents);
      },
      newest: async (from, count) => events.slice(from, from + count),
    },
    sweep: () => {
      for (const map of [guards, parked, counts, leases, documents, said]) map.sweep();
    },
  };
}

/** Facts with an end, bounded. */
export interface ExpiringMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V, ttlMs: number): void;
  delete(key: string): void;
  sweep(): void;
}

/**
 * Full means refusing (`store.unavailable`), never forgetting: a replay guard that drops its oldest entries under a
 * flood lets the attacker make it forget the one that matters.
 */
function createExpiringMap<V>(clock: Clock, maxEntries: number): ExpiringMap<V> {
  const entries = new Map<string, { readonly value: V; readonly until: number }>();
  const sweep = () => {
    const now = clock();
    for (const [key, entry] of entries) if (entry.until <= now) entries.delete(key);
  };
  return {
    get: (key) => {
      const entry = entries.get(key);
      return entry !== undefined && clock() < entry.until ? entry.value : undefined;
    },
    set: (key, value, ttlMs) => {
      if (entries.size >= maxEntries && !entries.has(key)) sweep();
      if (entries.size >= maxEntries && !entries.has(key)) throw new GatewayError("store.unavailable", `more than ${maxEntries} entries`);
      entries.set(key, { value, until: clock() + ttlMs });
    },
    delete: (key) => void entries.delete(key),
    sweep,
  };
}
