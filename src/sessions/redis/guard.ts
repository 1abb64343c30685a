import { GatewayError } from "../../core/errors.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import { within } from "../../lib/timing.ts";

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
function isReply(error: unknown): boolean {
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
