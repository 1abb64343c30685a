import type { AuditEvent } from "../../core/audit-events.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Address, Settings } from "../../core/settings.ts";
import { within } from "../../lib/timing.ts";
import { createCrashPace, createRollCall, putInForce, type RollCall } from "./care.ts";
import type { ForkWorker } from "./fork.ts";
import { createMember, type Member } from "./member.ts";
import { packSettings, type SettingsParcel, type WorkerReport } from "./messages.ts";

/** Keeps a number of workers serving one and the same configuration. */
export interface Supervisor {
  /** Resolves when every worker serves; rejects with the first one's reason when one cannot. */
  start(): Promise<readonly Address[]>;
  /** All workers take `next` into force, or none does: then it rejects. */
  putInForce(next: Settings): Promise<void>;
  readonly reports: RollCall["reports"];
  serving(): number;
  /** Every worker finishes what is in flight and ends; what is left after `graceMs` is killed. */
  drain(graceMs: number): Promise<void>;
  kill(): void;
}

export interface SupervisorDeps {
  readonly count: number;
  readonly settings: Settings;
  readonly version: string;
  readonly fork: ForkWorker;
  readonly log: Log;
  readonly clock: Clock;
  readonly onAudit: (event: AuditEvent) => void;
  /** A worker ended; `last` is its last report. */
  readonly onEnd: (last: WorkerReport | null, crashed: boolean) => void;
}

/** Over what they were given: to close, write the last lines and exit. */
const lastMomentsMs = 1_000;

export function createSupervisor(deps: SupervisorDeps): Supervisor {
  const { count, log, clock } = deps;
  const started = packSettings(deps.settings);
  const members = new Set<Member>();
  const retries = new Set<NodeJS.Timeout>();
  const slots = Array.from({ length: count }, (_, at) => ({ slot: at + 1, pace: createCrashPace() }));
  let current: SettingsParcel = started;
  let stopping = false;
  /** One worker at least has served: what is configured works. */
  let hasServed = false;
  let lastId = 0;
  const nextId = () => {
    lastId += 1;
    return lastId;
  };
  let begin: { readonly resolve: (addresses: readonly Address[]) => void; readonly reject: (error: Error) => void } | null = null;
  let ended: () => void = () => {};

  const inSlot = (slot: number) => [...members].filter((member) => member.slot === slot);
  const open = ({ slot, pace }: (typeof slots)[number]) => {
    const onServing = (member: Member, addresses: readonly Address[]) => {
      member.serving = true;
      hasServed = true;
      log.info({ worker: slot, workerPid: member.pid }, "a worker is serving");
      // The worker that was in this place before has a successor now.
      for (const other of inSlot(slot)) if (other !== member) leave(other);
      if (begin !== null && serving() === count) {
        begin.resolve(addresses);
        begin = null;
      }
    };
    const onExit = (member: Member, { code, signal }: { code: number | null; signal: string | null }) => {
      members.delete(member);
      const replaced = inSlot(slot).length > 0;
      const crashed = !stopping && !replaced;
      deps.onEnd(member.report, crashed);
      if (members.size === 0) ended();
      const facts = { worker: slot, workerPid: member.pid, ...(member.done ? {} : { code, signal }) };
      if (!crashed) return log.info(facts, "a worker has ended");
      // Once one has served, a worker that was killed without a reason of its own is replaced like any later: only a reason ends the start.
      if (begin !== null && (member.failure !== null || !hasServed)) {
        begin.reject(new Error(member.failure ?? `a worker ended with ${signal ?? `code ${code}`} before it served`));
        begin = null;
        return;
      }
      const waitMs = pace.died(clock() - member.startedAt);
      log.error({ ...facts, reason: member.failure, waitMs }, "a worker ended by itself; it is replaced");
      retryIn(waitMs, () => open({ slot, pace }));
    };
    const member = createMember(slot, clock(), deps.fork, {
      onHello: (to) => {
        to.briefed = true;
        to.send({ kind: "start", started, settings: current, version: deps.version });
      },
      onServing,
      onAudit: deps.onAudit,
      onLeaving: (one) => {
        if (stopping || inSlot(slot).some((other) => other !== one)) return;
        log.info({ worker: slot, workerPid: one.pid }, "a worker was asked to stop; its successor starts first");
        open({ slot, pace });
      },
      onExit,
    });
    members.add(member);
  };
  const leave = (member: Member) => {
    member.send({ kind: "drain", graceMs: leaveMs });
  };
  const retryIn = (waitMs: number, again: () => void) => {
    const timer = setTimeout(() => {
      retries.delete(timer);
      if (!stopping) again();
    }, waitMs);
    retries.add(timer);
  };
  const serving = () => [...members].filter((member) => member.serving).length;
  const rollCall = createRollCall({ members, nextId, log });

  return {
    start: () =>
      new Promise((resolve, reject) => {
        begin = { resolve, reject };
        for (const slot of slots) open(slot);
      }),
    putInForce: async (next) => {
      const parcel = packSettings(next);
      await putInForce({ id: nextId(), parcel, log, briefed: () => [...members].filter((member) => member.briefed) }, () => {
        current = parcel;
      });
    },
    reports: rollCall.reports,
    serving,
    drain: async (graceMs) => {
      stopping = true;
      rollCall.close();
      for (const timer of retries) clearTimeout(timer);
      if (members.size === 0) return;
      const allGone = new Promise<void>((resolve) => {
        ended = resolve;
      });
      await drainAll(members, graceMs, allGone);
    },
    kill: () => {
      stopping = true;
      for (const member of members) member.kill();
    },
  };
}

async function drainAll(members: ReadonlySet<Member>, graceMs: number, allGone: Promise<void>): Promise<void> {
  for (const member of members) {
    if (member.serving) member.send({ kind: "drain", graceMs: Math.max(0, graceMs - lastMomentsMs) });
    else member.kill();
  }
  await within(graceMs, allGone, () => {
    for (const member of members) member.kill();
    return allGone;
  });
}

/** What a single worker that is replaced may take to finish. */
const leaveMs = 30_000;
