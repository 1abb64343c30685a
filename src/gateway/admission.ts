import type { LimitSettings } from "../core/settings.ts";

/** A request whose head has been read, and nothing else been done for. */
export interface Applicant {
  /** `Admission.leave` is owed once, when it is over. */
  serve(): void;
  /** 503. */
  refuse(): void;
}

/** Decides when this process takes a request on, or that it does not. */
export interface Admission {
  /** Calls exactly one of the applicant's functions, now or within about a second. */
  admit(target: string, applicant: Applicant): void;
  leave(): void;
}

export interface AdmissionDeps {
  readonly limits: Pick<LimitSettings, "requests">;
  /** Never goes back, unlike the wall clock. */
  readonly monotonic: () => number;
  /** Runs when the event loop has read everything that was ready. */
  readonly afterTurn: (work: () => void) => void;
}

interface Waiting extends Applicant {
  readonly since: number;
}

/** For how long new requests are begun before the event loop must look at everything else again. */
const sliceMs = 8;
/** Whoever waited longer will not wait for the answer either. */
const longestWaitMs = 1_000;

/**
 * Sheds load before any work was done for it.
 *
 * The event loop reads all connections that have something to say in one turn. Under overload such a turn takes seconds, in which health
 * checks, logouts and running transfers stand still, too. So only a slice of each turn begins requests; the others wait in line, and are
 * refused when their turn does not come in time: what is refused has cost next to nothing, and what is served is served as fast as ever.
 * `limits.requests` bounds what is served and what waits together. Ending a session is neither kept waiting nor refused.
 */
export function createAdmission({ limits, monotonic, afterTurn }: AdmissionDeps): Admission {
  let underWay = 0;
  let sliceEnds: number | null = null;
  let waiting: Waiting[] = [];
  let next = 0;

  const serve = (applicant: Applicant) => {
    underWay += 1;
    applicant.serve();
  };
  const endTurn = () => {
    sliceEnds = null;
    if (next === waiting.length) return;
    openSlice();
    for (let begun = 0; next < waiting.length; begun += 1) {
      const now = monotonic();
      if (begun > 0 && isOver(now)) break;
      const applicant = waiting[next];
      next += 1;
      if (applicant === undefined) continue;
      if (now - applicant.since > longestWaitMs) applicant.refuse();
      else serve(applicant);
    }
    if (next === waiting.length || next > 10_000) {
      waiting = waiting.slice(next);
      next = 0;
    }
  };
  const openSlice = () => {
    sliceEnds = monotonic() + sliceMs;
    afterTurn(endTurn);
  };
  const isOver = (now: number) => sliceEnds !== null && now >= sliceEnds;

  return {
    admit: (target, applicant) => {
      if (endsSession(target)) return serve(applicant);
      const inLine = waiting.length - next;
      if (underWay + inLine >= limits.requests) return applicant.refuse();
      if (sliceEnds === null) openSlice();
      const now = monotonic();
      if (inLine === 0 && !isOver(now)) serve(applicant);
      else waiting.push({ serve: applicant.serve, refuse: applicant.refuse, since: now });
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
