import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import { backOffMs } from "../../lib/timing.ts";
import { messageOf, ProtocolFailure, unavailable } from "./provider-fetch.ts";

/**
 * Why a document is fetched: there is none yet; it is due; a token out of a request, or one from the token endpoint, that no key verifies;
 * or an operator asks how the provider is now.
 */
export type LoadReason = "first" | "due" | "request" | "provider" | "probe";

/** A document as the provider gave it at a time, in milliseconds since the epoch. */
export interface Dated<T> {
  readonly value: T;
  readonly at: number;
}

/** A document of the provider's (metadata, keys): fetched when first needed, refreshed, and kept when a refresh fails. */
export interface KeptDocument<T> {
  /** The document; rejects only when there never was a good one, at once while a failure is recent. */
  get(): Promise<T>;
  /** Fetches now, one fetch for all who ask meanwhile, logins apart; on failure rejects and keeps what was there. */
  reload(why: LoadReason): Promise<T>;
  /** Another process has fetched this one. */
  adopt(found: Dated<T>): void;
  /** False while a failed fetch is recent. */
  mayReload(): boolean;
  /** Why the last fetch failed; null when it succeeded or none was needed yet. */
  lastFailure(): string | null;
  /** Since when the document in use is known, for people; empty when there is none. */
  dated(): readonly { readonly what: string; readonly at: number }[];
}

/**
 * Keeps the last good document (fault 13 and 11 of the reliability list: a provider that is down must not disturb who is signed in).
 *
 * After `freshMs` it is refreshed in the background, after `staleMs` a caller waits for the refresh first, so that a withdrawn key does
 * not live on in a gateway that slept. Failures are not retried before a pause: 1 s growing to 5 s while there is nothing to serve, a minute otherwise.
 */
export function createKeptDocument<T>(deps: {
  readonly what: string;
  readonly load: (why: LoadReason) => Promise<Dated<T>>;
  readonly freshMs: number;
  readonly staleMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly provider: string;
}): KeptDocument<T> {
  let known: Dated<T> | null = null;
  const pending = new Map<"login" | "other", Promise<T>>();
  let failure: { readonly message: string; readonly error: unknown; readonly count: number; readonly retryAt: number } | null = null;

  const adopt = (found: Dated<T>) => {
    known = found;
    failure = null;
  };
  const load = async (why: LoadReason): Promise<T> => {
    try {
      const found = await deps.load(why);
      adopt(found);
      return found.value;
    } catch (error) {
      const count = (failure?.count ?? 0) + 1;
      // Who looks on purpose says so, and takes no time from a login that comes a moment later.
      const pauseMs = why === "probe" ? 0 : known === null ? backOffMs(count, 1_000, 5_000) : 60_000;
      failure = { message: messageOf(error), error, count, retryAt: deps.clock() + pauseMs };
      if (why !== "probe")
        deps.log.warn(
          { provider: deps.provider, document: deps.what, reason: failure.message, kept: known !== null },
          "provider document not renewed",
        );
      throw error;
    }
  };
  const reload = (why: LoadReason): Promise<T> => {
    const kind = why === "provider" ? "login" : "other";
    const running = pending.get(kind);
    if (running !== undefined) return running;
    const loading = load(why).finally(() => pending.delete(kind));
    pending.set(kind, loading);
    return loading;
  };
  // A clock that jumped far back must not turn the pause into hours.
  const mayRetry = (now: number) => failure === null || now >= failure.retryAt || now < failure.retryAt - 120_000;

  return {
    reload,
    adopt,
    mayReload: () => mayRetry(deps.clock()),
    lastFailure: () => failure?.message ?? null,
    dated: () => (known === null ? [] : [{ what: deps.what, at: known.at }]),
    get: async () => {
      const now = deps.clock();
      if (known === null) {
        if (!pending.has("other") && failure !== null && !mayRetry(now)) {
          // An operator's fault stays one while it is not looked for again.
          throw failure.error instanceof ProtocolFailure ? failure.error : unavailable(failure.message);
        }
        return reload("first");
      }
      const { value, at } = known;
      // A clock that jumped back makes every age negative: refresh then too.
      const age = Math.abs(now - at);
      if (age <= deps.freshMs || !mayRetry(now)) return value;
      const renewed = reload("due").catch(() => value);
      return age > deps.staleMs ? renewed : value;
    },
  };
}
