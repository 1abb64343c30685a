import type { Clock } from "../core/clock.ts";
import type { Identity, TokenCaller } from "../core/identity.ts";
import type { DirectoryLogins, PeopleChanges } from "../core/ports/directory.ts";
import type { Log } from "../core/ports/log.ts";
import type { Principal } from "../core/session.ts";

/** The directory's word on a bearer token's caller; at once where it was asked a moment ago. */
export type BearerPerson = (caller: TokenCaller) => Identity | Promise<Identity>;

/** So long the directory's word is believed: a person who is shut out is refused everywhere within a second. */
const believedMs = 500;

/**
 * A token outlives the person's account: the provider that signed it cannot take it back, the directory can. Rejects with
 * `directory.unavailable` when the truth cannot be known. An account that the directory does not know has no roles and no teams.
 */
export function createBearerPerson({ logins, clock }: { readonly logins: DirectoryLogins; readonly clock: Clock }): BearerPerson {
  const believed = new WeakMap<TokenCaller, { readonly until: number; readonly identity: Identity }>();
  const ask = async (caller: TokenCaller): Promise<Identity> => {
    const recalled = await logins.recall(caller.principal);
    const before = believed.get(caller)?.identity;
    const identity: Identity =
      recalled.kind === "out"
        ? { kind: "rejected", scheme: "bearer", why: recalled.why }
        : recalled.kind === "unknown"
          ? caller
          : asBefore({ ...caller, principal: recalled.principal }, before);
    believed.set(caller, { until: clock() + believedMs, identity });
    return identity;
  };
  return (caller) => {
    const known = believed.get(caller);
    return known !== undefined && clock() < known.until ? known.identity : ask(caller);
  };
}

/** What was made of a caller (rules compared, headers) is remembered by the principal: it stays the same object while nothing changes. */
function asBefore(now: TokenCaller, before: Identity | undefined): Identity {
  return before?.kind === "known" && asText(before.principal) === asText(now.principal) ? before : now;
}

const asText = (principal: Principal) => JSON.stringify(principal);

/** Tells what becomes of a bearer token's caller while a connection of theirs is open; returns the way to stop. */
export type WatchCaller = (caller: TokenCaller, listener: (now: TokenCaller | null) => void) => () => void;

/** How often changes are read; with the time that a connection is young it stays below a second. */
const readEveryMs = 200;

interface Watched {
  caller: TokenCaller;
  readonly listener: (now: TokenCaller | null) => void;
}

/**
 * A connection that a token opened has no session that could end. Its caller is asked for again when it is watched first, and after each
 * change of the person. While the directory is away the connection stays, and is looked at when it is back.
 */
export function createWatchCaller(deps: {
  /** By the configuration in force. */
  readonly recall: DirectoryLogins["recall"];
  readonly changes: Pick<PeopleChanges, "reader">;
  readonly log: Log;
}): WatchCaller {
  const watched = new Set<Watched>();
  const asked = new Set<Watched>();
  let isReading = false;
  let read: (() => Promise<readonly string[]>) | null = null;
  let timer: ReturnType<typeof setInterval> | null = null;

  const ask = async (one: Watched) => {
    const recalled = await deps.recall(one.caller.principal);
    if (!asked.delete(one) || !watched.has(one)) return;
    if (recalled.kind === "out") return one.listener(null);
    if (recalled.kind === "unknown" || asText(recalled.principal) === asText(one.caller.principal)) return;
    one.caller = { ...one.caller, principal: recalled.principal };
    one.listener(one.caller);
  };
  const look = async () => {
    read ??= deps.changes.reader();
    const changed = new Set(await read());
    for (const one of watched) {
      const id = one.caller.principal.person?.id;
      // Of an account that the directory did not know, any change may be about it.
      if (changed.size > 0 && (id === undefined || changed.has(id))) asked.add(one);
    }
    for (const one of asked) await ask(one);
  };
  const tick = () => {
    if (isReading) return;
    isReading = true;
    look()
      .catch((error: unknown) => deps.log.debug({ error }, "open connections of bearer tokens wait for the directory"))
      .finally(() => {
        isReading = false;
      });
  };
  return (caller, listener) => {
    const one: Watched = { caller, listener };
    watched.add(one);
    asked.add(one);
    if (timer === null) {
      timer = setInterval(tick, readEveryMs);
      timer.unref();
    }
    tick();
    return () => {
      watched.delete(one);
      asked.delete(one);
      if (watched.size > 0 || timer === null) return;
      clearInterval(timer);
      timer = null;
      read = null;
    };
  };
}
