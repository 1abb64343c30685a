import type { LimitSettings } from "../core/settings.ts";

/** Whether this process takes one more request on. */
export interface Admission {
  /** False: answer 503 and do nothing else for it. True: `leave` is owed once, when the request is over. */
  enter(target: string): boolean;
  leave(): void;
}

export interface AdmissionDeps {
  readonly limits: Pick<LimitSettings, "requests">;
  /** Never goes back, unlike the wall clock. */
  readonly monotonic: () => number;
  /** CPU time of this thread: a process that did not get the CPU is not overloaded by its requests. */
  readonly cpuMs: () => number;
  /** Runs when the event loop has read everything that was ready. */
  readonly afterTurn: (end: () => void) => void;
}

/** What one turn of the event loop may spend on requests before the ones behind them would wait too long. */
const turnMs = 200;
/** A burst is served, however long its turn: only what lasts is overload. */
const lastsMs = 1_000;
/** How long the next long turn counts as the same overload. */
const calmMs = 5_000;

/**
 * Sheds load by two measures. `limits.requests` bounds what is under way at once. And a turn of the event loop reads all connections that
 * have something to say, one after the other: when turns stay long, the requests late in a turn are refused, so that those that are taken,
 * health checks and logouts keep their response times. Ending a session is never refused: it only makes less work.
 */
export function createAdmission({ limits, monotonic, cpuMs, afterTurn }: AdmissionDeps): Admission {
  let underWay = 0;
  let turn: { readonly at: number; readonly cpu: number } | null = null;
  let busySince: number | null = null;
  let longAt = Number.NEGATIVE_INFINITY;

  const endTurn = () => {
    turn = null;
    if (busySince !== null && monotonic() - longAt > (longAt - busySince >= lastsMs ? calmMs : lastsMs)) busySince = null;
  };
  const isLate = (): boolean => {
    const now = monotonic();
    if (turn === null) {
      turn = { at: now, cpu: cpuMs() };
      afterTurn(endTurn);
      return false;
    }
    if (now - turn.at < turnMs || cpuMs() - turn.cpu < turnMs / 2) return false;
    longAt = now;
    busySince ??= turn.at;
    return now - busySince >= lastsMs;
  };
  return {
    enter: (target) => {
      const late = isLate();
      if ((late || underWay >= limits.requests) && !endsSession(target)) return false;
      underWay += 1;
      return true;
    },
    leave: () => {
      underWay -= 1;
    },
  };
}

/** `/_vestibule/logout`, and the providers' logout notices. Byte for byte: other spellings are no favour to anybody. */
function endsSession(target: string): boolean {
  return /^\/_vestibule\/(?:[a-z]+\/[^/?]+\/)?(?:[a-z]+-)?(?:logout|slo)(?:\?|$)/.test(target);
}
