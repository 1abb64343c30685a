import { GatewayError } from "../../core/errors.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import { backOffMs, within } from "../../lib/timing.ts";

/** Every command goes through here: bounded in time, in number, and not sent at all while Redis is known to be away. */
export interface RedisGuard {
  /** Rejects with `store.unavailable`, whatever went wrong. */
  run<T>(command: string, work: () => Promise<T>): Promise<T>;
  /** Runs even while the circuit is open, and closes it when Redis answers: the background probe. */
  probe<T>(command: string, work: () => Promise<T>): Promise<T>;
  isOpen(): boolean;
}

const failuresToOpen = 5;
const maxPending = 5_000;

/**
 * A circuit breaker: five failures in a row and callers get the failure at once, instead of each waiting for the timeout.
 * Only the probe finds out that Redis is back, so no visitor waits for the experiment.
 */
export function createRedisGuard(deps: { readonly metrics: Metrics; readonly deadlineMs: number; onOpen(): void }): RedisGuard {
  let failures = 0;
  let pending = 0;

  const probe = async <T>(command: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    let answered = false;
    pending += 1;
    try {
      const result = await inTime(deps.deadlineMs, work());
      answered = true;
      return result;
    } catch (error) {
      answered = isReply(error);
      throw storeUnavailable(command, error);
    } finally {
      pending -= 1;
      failures = answered ? 0 : failures + 1;
      if (failures === failuresToOpen) deps.onOpen();
      deps.metrics.storeCommand(command, (performance.now() - startedAt) / 1000, answered);
    }
  };

  return {
    run: async (command, work) => {
      if (failures >= failuresToOpen) throw new GatewayError("store.unavailable", `redis ${command}: redis is not answering`);
      if (pending >= maxPending) throw new GatewayError("store.unavailable", `redis ${command}: ${maxPending} commands are waiting`);
      return probe(command, work);
    },
    probe,
    isOpen: () => failures >= failuresToOpen,
  };
}

/** A timer this late was held up by the process itself: what came meanwhile has not been read yet. */
const stalledMs = 100;
const readingMs = 150;

/**
 * A cluster's client follows redirections, each with a timeout of its own: together they must not keep a caller longer. A process that
 * stood still (a starved machine, a long collection) first writes what it held back and reads what has come in the meantime: its stall is no
 * silence of Redis.
 */
async function inTime<T>(ms: number, work: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const fail = () => {
    throw new Error("Command timed out");
  };
  return within(ms, work, () => (performance.now() - startedAt < ms + stalledMs ? fail() : within(readingMs, work, fail)));
}

/** Whether Redis did answer, if only to say no (READONLY, OOM, LOADING, NOPERM …): the connection works. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}

/** Every failure of the store as the one that callers know. */
function storeUnavailable(command: string, error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const cause = plainError(error);
  return new GatewayError("store.unavailable", `redis ${command}: ${cause.message}`, { cause });
}

/**
 * The error without what ioredis hangs on it: `error.command.args` holds AUTH's password and sealed values, and a
 * "wrong arguments" reply quotes them in its text.
 */
export function plainError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error("unknown failure");
  if (isReply(error)) return new Error(error.message.split(/,? with args|[`']/, 1)[0] ?? "");
  const code = "code" in error && typeof error.code === "string" ? `${error.code}: ` : "";
  return new Error(error.message.startsWith(code) ? error.message : `${code}${error.message}`);
}

const firstRestMs = 1_000;
const longestRestMs = 30_000;

/**
 * After a failover a connection may still lead to what is now a replica: another one may lead to the primary. Where it does not (a single
 * server that was made a replica), sessions can be read all the same, and connecting again for each refused write would cut those reads
 * short: so it rests ever longer between two attempts.
 */
export function createLeaveReplica(monotonic: () => number, onFirst: (reply: string) => void): (error: Error) => boolean {
  let inARow = 1;
  let leftAt = Number.NEGATIVE_INFINITY;
  return ({ message }) => {
    if (!/^(READONLY|MASTERDOWN|UNBLOCKED)/.test(message)) return false;
    const now = monotonic();
    const quietMs = now - leftAt;
    if (quietMs < backOffMs(inARow, firstRestMs, longestRestMs)) return false;
    // Long without one: that was another failover.
    const isFirst = quietMs > 2 * longestRestMs;
    inARow = isFirst ? 1 : inARow + 1;
    leftAt = now;
    if (isFirst) onFirst(message.split(/[.\n]/, 1)[0] ?? "");
    return true;
  };
}
