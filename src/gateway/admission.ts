import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { LimitSettings } from "../core/limits.ts";
import type { AccessLog, Log } from "../core/ports/log.ts";
import type { RenderPage } from "../core/ports/pages.ts";
import { controlPrefix } from "../core/route.ts";
import { ownOutcome, refusedRecord } from "./conclude.ts";
import { answerError, type Line, sendAnswer } from "./own-answers.ts";

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
  admit(isUrgent: boolean, applicant: Applicant): void;
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
  /** By the line's own clock. */
  readonly since: number;
}

/**
 * So many requests are begun in one turn of the event loop, or half of those that were read in it: reading is a fifth of the work, and what
 * is read faster than it is served is refused in the end. Not more: each one that is under way at the same time as hundreds of others wants
 * an upstream connection of its own, and finds nothing in the processor's caches when its answer comes.
 */
const atOnce = 32;
/** Then the event loop looks at everything else, however few were begun. */
const sliceMs = 32;
/** A client that waited longer will not wait for the answer either. */
const longestWaitMs = 1_000;
/** A process that was not given the CPU for seconds has no more work than before: the line's clock stands still with it. */
const longestStepMs = 200;

/**
 * Sheds load before any work was done for it.
 *
 * The event loop reads all connections that have something to say in one turn. Under overload such a turn takes seconds, in which health
 * checks, logouts and running transfers stand still, too. So only some are begun in each turn; the others wait in line, and are refused
 * when their time does not come: what is refused has cost next to nothing, and what is served is served as fast as ever.
 * `limits.requests` bounds what is served and what waits together. Ending a session is neither kept waiting nor refused.
 */
export function createAdmission({ limits, monotonic, afterTurn }: AdmissionDeps): Admission {
  let underWay = 0;
  /** In this turn. */
  let read = 0;
  let begun = 0;
  let turnEndsAt: number | null = null;
  let lineMs = 0;
  let steppedAt = 0;
  let waiting: (Waiting | null)[] = [];
  let next = 0;

  const serve = (applicant: Applicant) => {
    underWay += 1;
    begun += 1;
    applicant.serve();
  };
  const lineClock = (now: number): number => {
    lineMs += Math.min(longestStepMs, now - steppedAt);
    steppedAt = now;
    return lineMs;
  };
  const beginTurn = () => {
    read = 0;
    begun = 0;
    turnEndsAt = monotonic() + sliceMs;
    afterTurn(endTurn);
  };
  const endTurn = () => {
    if (next === waiting.length) {
      turnEndsAt = null;
      return;
    }
    const most = Math.max(atOnce, read / 2);
    beginTurn();
    for (let seen = 0; next < waiting.length && begun < most; seen += 1) {
      const now = monotonic();
      if (seen > 0 && isOver(now)) break;
      const applicant = waiting[next];
      // Held no longer: a line that never empties would keep thousands of ended requests alive.
      waiting[next] = null;
      next += 1;
      if (applicant === null || applicant === undefined) continue;
      if (lineClock(now) - applicant.since > longestWaitMs) applicant.refuse();
      else serve(applicant);
    }
    if (next === waiting.length || next > 10_000) {
      waiting = waiting.slice(next);
      next = 0;
    }
  };
  const isOver = (now: number) => turnEndsAt !== null && now >= turnEndsAt;

  return {
    admit: (isUrgent, applicant) => {
      if (isUrgent) return serve(applicant);
      const inLine = waiting.length - next;
      if (underWay + inLine >= limits.requests) return applicant.refuse();
      if (turnEndsAt === null) beginTurn();
      read += 1;
      const now = monotonic();
      if (inLine === 0 && begun < atOnce && !isOver(now)) serve(applicant);
      else waiting.push({ serve: applicant.serve, refuse: applicant.refuse, since: lineClock(now) });
    },
    leave: () => {
      underWay -= 1;
    },
  };
}

/** Refuses one request because of load. Reads nothing of it but what the answer needs. Never throws. */
export type Shed = (line: Line) => void;
interface ShedDeps {
  readonly newRequestId: () => string;
  readonly renderPage: RenderPage;
  readonly accessLog: AccessLog;
  readonly log: Log;
  readonly clock: Clock;
}

const warnEveryMs = 10_000;

export function createShed(deps: ShedDeps): Shed {
  const overloaded = new GatewayError("gateway.overloaded", "more requests than this process can serve in time");
  let warnedAt = Number.NEGATIVE_INFINITY;
  return (line) => {
    const { req } = line;
    if (Math.abs(deps.clock() - warnedAt) > warnEveryMs) {
      warnedAt = deps.clock();
      deps.log.warn({ code: overloaded.code }, "there is more load than this process can take; requests are refused with 503");
    }
    const requestId = deps.newRequestId();
    // What follows a body that was not judged cannot be trusted.
    const close = line.kind === "socket" || req.headers["content-length"] !== undefined || req.headers["transfer-encoding"] !== undefined;
    const context = { requestId, acceptLanguage: req.headers["accept-language"] ?? null, rawHeaders: req.rawHeaders, close };
    sendAnswer(deps.log, line, answerError(deps.renderPage, overloaded, context), (sent) => {
      const outcome = ownOutcome(line, 503, sent, overloaded.code);
      deps.accessLog(refusedRecord(req, requestId, outcome));
    });
  };
}

/** Admission by this process's own clock and event loop. */
export function composeAdmission(limits: LimitSettings): Admission {
  return createAdmission({ limits, monotonic: () => performance.now(), afterTurn: setImmediate });
}

/** Whether a request target as received is one of the urgent addresses, byte for byte: other spellings get no favour. */
export function compileUrgent(endpoints: readonly { readonly path: string; readonly urgent: boolean }[]): (target: string) => boolean {
  const paths = endpoints.filter(({ urgent }) => urgent).map(({ path }) => controlPrefix + path);
  const exact = new Set(paths.filter((path) => !path.includes("/:provider/")));
  const split = paths.filter((path) => path.includes("/:provider/")).map((path) => path.split(":provider") as [string, string]);
  return (target) => {
    // Of each request, so the cheapest test comes first.
    if (!target.startsWith(`${controlPrefix}/`)) return false;
    const query = target.indexOf("?");
    const path = query === -1 ? target : target.slice(0, query);
    return exact.has(path) || split.some(([before, after]) => isBetween(path, before, after));
  };
}

function isBetween(path: string, before: string, after: string): boolean {
  if (path.length <= before.length + after.length || !path.startsWith(before) || !path.endsWith(after)) return false;
  return !path.slice(before.length, path.length - after.length).includes("/");
}
