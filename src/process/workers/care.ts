import type { Log } from "../../core/ports/log.ts";
import { backOffMs } from "../../lib/timing.ts";
import type { Member } from "./member.ts";
import type { SettingsParcel, WorkerReport } from "./messages.ts";

const prepareMs = 10_000;

/**
 * One configuration for all workers: everyone compiles it first, and only when everyone could is it taken into force; one that cannot
 * stops it for all, and this rejects. A worker that does not answer is killed: its successor begins with what is then in force.
 */
export async function putInForce(
  change: { readonly id: number; readonly parcel: SettingsParcel; readonly log: Log; readonly briefed: () => readonly Member[] },
  agreed: () => void,
): Promise<void> {
  const { id, parcel, log } = change;
  const prepare = { kind: "prepare", id, settings: parcel } as const;
  const asked = new Set(change.briefed());
  const replies = await Promise.all([...asked].map(async (member) => ({ member, reply: await member.ask(prepare, prepareMs) })));
  for (const { member, reply } of replies) {
    if (reply?.kind !== "refused") continue;
    for (const other of asked) other.send({ kind: "discard", id });
    throw new Error(`worker ${member.slot} cannot take the configuration: ${reply.message}`);
  }
  agreed();
  const silent = new Set(replies.filter(({ reply }) => reply === null).map(({ member }) => member));
  for (const member of change.briefed()) {
    if (silent.has(member)) {
      log.error({ worker: member.slot, workerPid: member.pid }, "a worker did not answer to a new configuration; it is killed");
      member.kill();
      continue;
    }
    // Begun in between, with the old one.
    if (!asked.has(member)) member.send(prepare);
    member.send({ kind: "commit", id });
  }
}

/** A balancer that asks for readiness needs the answer soon. */
const reportMs = 400;
const lookEveryMs = 5_000;
/** Half a minute without an answer: its event loop stands still, and so does everyone whom it serves. */
const missedUntilKilled = 6;
/** No request depends on one that has not served yet, and a crowded machine takes its time to load a program. */
const missedUntilKilledAtStart = 24;
const missedUntilDoubted = 2;

/** Asks the workers how they are, and kills the one that does not answer any more. */
export interface RollCall {
  /** What each worker says of itself now, or said a moment ago; those that have been silent for longer are left out. */
  reports(): Promise<readonly { readonly slot: number; readonly report: WorkerReport }[]>;
  close(): void;
}

export function createRollCall(deps: {
  readonly members: ReadonlySet<Member>;
  readonly nextId: () => number;
  readonly log: Log;
}): RollCall {
  const { members, nextId, log } = deps;
  const look = setInterval(() => {
    for (const member of members) {
      member.missed += 1;
      if (member.missed > (member.serving ? missedUntilKilled : missedUntilKilledAtStart)) {
        log.error({ worker: member.slot, workerPid: member.pid }, "a worker does not answer; it is killed");
        member.kill();
      } else if (member.briefed) {
        // Whatever it answers sets `missed` to zero.
        void member.ask({ kind: "report", id: nextId() }, lookEveryMs);
      }
    }
  }, lookEveryMs);
  look.unref();
  return {
    reports: async () => {
      const asked = [...members].filter((member) => member.serving);
      const replies = await Promise.all(
        asked.map(async (member) => {
          await member.ask({ kind: "report", id: nextId() }, reportMs);
          // One that is too busy to answer at once is not gone: what it said a moment ago counts, and its silence is watched.
          return member.report !== null && member.missed <= missedUntilDoubted ? [{ slot: member.slot, report: member.report }] : [];
        }),
      );
      return replies.flat();
    },
    close: () => clearInterval(look),
  };
}

/** How soon a worker that died is replaced: the first time at once, in a loop of crashes ever more slowly. */
export interface CrashPace {
  /** `livedMs` is how long the dead one had run. Answers the wait before the next. */
  died(livedMs: number): number;
}

/** One that lived this long does not belong to a loop. */
const goodLifeMs = 30_000;
const firstWaitMs = 250;
const longestWaitMs = 30_000;

export function createCrashPace(): CrashPace {
  let deaths = 0;
  return {
    died(livedMs) {
      if (livedMs >= goodLifeMs) deaths = 0;
      deaths += 1;
      return deaths === 1 ? 0 : backOffMs(deaths - 1, firstWaitMs, longestWaitMs);
    },
  };
}
