import { createHash } from "node:crypto";
import type { JWK } from "jose";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Store } from "../../core/ports/store.ts";
import { pause } from "../../lib/timing.ts";
import { messageOf, unavailable } from "../remote/provider-errors.ts";
import type { Dated, LoadReason } from "../remote/provider-fetch.ts";
import { forcedReloadPauseMs, readKeys } from "./keys.ts";

type Keys = Dated<readonly JWK[]>;
type Reason = Exclude<LoadReason, "first" | "probe">;

/** One provider's key set as all processes know it: what one of them fetched is known to the others. */
export interface SharedKeys {
  /** What another process has fetched since this one last looked; null when nothing, or when the store cannot say. */
  news(): Promise<Keys | null>;
  /**
   * The key set, for this reason. For a stranger's token that no known key verifies, and for a refresh, one fetch a minute in all processes
   * together; for tokens from the token endpoint one in five seconds. Rejects with
   * `unavailable`, also when another process has just tried without success.
   */
  load(why: LoadReason): Promise<Keys>;
}

export interface SharedKeysDeps {
  readonly provider: string;
  readonly issuer: string;
  /** Asks the provider. */
  readonly fetchKeys: () => Promise<Keys>;
  /** For how long another process's key set is as good as one fetched now. */
  readonly freshMs: number;
  readonly store: Pick<Store, "facts" | "documents">;
  readonly clock: Clock;
  readonly log: Log;
}

const format = 1;
const minuteMs = 60_000;
/** A gateway that starts while its provider is away knows yesterday's keys, as one that kept running does. */
const keptMs = 24 * 60 * minuteMs;
/** Longer than discovery and key set together may take. */
const leaseMs = 15_000;
/** No caller waits longer for what another process is fetching. */
const longestWaitMs = 5_000;
const lookAgainMs = 50;

/** A store that is away costs the sharing, and nothing else. */
export function createSharedKeys(deps: SharedKeysDeps): SharedKeys {
  const { store, clock, log, provider } = deps;
  const { name, read, take, news, write } = createKeyRecord(deps);

  const fetchAndShare = async (): Promise<Keys> => {
    const keys = await deps.fetchKeys();
    await write(keys);
    return keys;
  };
  const first = async (): Promise<Keys> => {
    const there = await read();
    if (there !== null && Math.abs(clock() - there.at) <= deps.freshMs) return take(there);
    try {
      return await fetchAndShare();
    } catch (error) {
      if (there === null) throw error;
      log.warn({ provider, reason: messageOf(error) }, "the provider's key set cannot be had; one that was fetched before is used");
      return take(there);
    }
  };
  const isFirstThisMinute = (reason: Reason) =>
    store.facts.once("jwks", `${name}:${reason}`, reason === "provider" ? forcedReloadPauseMs.provider : minuteMs);
  /** In turn, so that the second finds what the first one fetched. */
  const oneForAll = async (reason: Reason): Promise<Keys> => {
    const lease = await patiently(() => store.facts.lease(`${name}:${reason === "provider" ? "login" : "other"}`, leaseMs));
    if (lease === null) throw unavailable("jwks: another process is still asking for it");
    try {
      if (await isFirstThisMinute(reason)) return await fetchAndShare();
    } catch (error) {
      // A refresh that failed is reason enough not to ask again for a stranger's token, and the other way round.
      if (reason !== "provider") await Promise.allSettled([isFirstThisMinute("due"), isFirstThisMinute("request")]);
      throw error;
    } finally {
      lease.release().catch(() => undefined);
    }
    const others = await news();
    if (others === null) throw unavailable("jwks: asked for within the last minute, by this process or another");
    return others;
  };

  return {
    news,
    load: async (why) => {
      if (why === "first") return first();
      if (why === "probe") return fetchAndShare();
      try {
        return (why === "due" ? await news() : null) ?? (await oneForAll(why));
      } catch (error) {
        if (error instanceof GatewayError && error.code === "store.unavailable") return fetchAndShare();
        throw error;
      }
    },
  };
}

/** What was fetched last, in the store. It is sealed there: without the secret no key can be put into it. */
function createKeyRecord({ provider, issuer, store, log }: SharedKeysDeps) {
  const name = `jwks:${provider}:${createHash("sha256")
    .update(JSON.stringify([format, issuer]))
    .digest("hex")}`;
  let seenAt: number | null = null;

  const read = async (): Promise<Keys | null> => {
    try {
      const text = await store.documents.read(name);
      if (text === null) return null;
      const { at, keys } = JSON.parse(text) as { at: number; keys: unknown };
      return { at, value: readKeys({ keys }) };
    } catch (error) {
      log.debug({ provider, error }, "the key set in the store could not be read");
      return null;
    }
  };
  const take = (found: Keys): Keys => {
    seenAt = found.at;
    return found;
  };
  return {
    name,
    read,
    take,
    news: async () => {
      const there = await read();
      // Newer only: an old record, put back by a writer of the store, must not bring withdrawn keys back.
      return there === null || (seenAt !== null && there.at <= seenAt) ? null : take(there);
    },
    write: async (found: Keys) => {
      const { at, value: keys } = take(found);
      await store.documents
        .write(name, JSON.stringify({ at, keys }), keptMs)
        .catch((error: unknown) => log.debug({ provider, error }, "the key set could not be shared"));
    },
  };
}

async function patiently<T>(attempt: () => Promise<T | null>): Promise<T | null> {
  for (let waitedMs = 0; ; waitedMs += lookAgainMs) {
    const result = await attempt();
    if (result !== null || waitedMs >= longestWaitMs) return result;
    await pause(lookAgainMs);
  }
}
