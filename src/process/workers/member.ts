import type { AuditEvent } from "../../core/audit-events.ts";
import type { Address } from "../../core/settings.ts";
import { within } from "../../lib/timing.ts";
import type { ForkWorker } from "./fork.ts";
import type { FromWorker, ToWorker, WorkerReport } from "./messages.ts";

/** One worker with what the primary knows of it. */
export interface Member {
  readonly slot: number;
  readonly pid: number;
  readonly startedAt: number;
  /** It has its configuration; before that it must get no other message. */
  briefed: boolean;
  serving: boolean;
  /** Why it could not start, in its own words. */
  failure: string | null;
  /** Its last report. */
  report: WorkerReport | null;
  /** It has sent its last report, or why it failed. It ends itself by a signal then, which is no news. */
  done: boolean;
  /** How often it was looked at since it last said anything. */
  missed: number;
  send(message: ToWorker): void;
  kill(): void;
  /** Sends a question and resolves with the answer; null when none came in `timeoutMs`, or the process ended. */
  ask(question: Extract<ToWorker, { kind: "prepare" | "report" }>, timeoutMs: number): Promise<Reply | null>;
}
export type Reply = Extract<FromWorker, { kind: "prepared" | "refused" | "report" }>;

export interface MemberEvents {
  onHello(member: Member): void;
  onServing(member: Member, addresses: readonly Address[]): void;
  onLeaving(member: Member): void;
  onAudit(event: AuditEvent): void;
  onExit(member: Member, how: { readonly code: number | null; readonly signal: string | null }): void;
}

export function createMember(slot: number, startedAt: number, fork: ForkWorker, events: MemberEvents): Member {
  const waiting = new Map<number, (reply: Reply | null) => void>();
  const answer = (reply: Reply) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  };
  const worker = fork({
    onMessage: (message) => {
      // Whatever it says, and however late: its event loop runs.
      member.missed = 0;
      switch (message.kind) {
        case "hello":
          return events.onHello(member);
        case "serving":
          member.report = message.report;
          return events.onServing(member, message.addresses);
        case "failed":
          member.failure = message.message;
          member.done = true;
          return;
        case "audited":
          return events.onAudit(message.event);
        case "leaving":
          return events.onLeaving(member);
        case "report":
          member.report = message.report;
          member.done ||= message.id === 0;
          return answer(message);
        default:
          return answer(message);
      }
    },
    onExit: (how) => {
      for (const resolve of waiting.values()) resolve(null);
      waiting.clear();
      events.onExit(member, how);
    },
  });
  const member: Member = {
    slot,
    pid: worker.pid,
    startedAt,
    briefed: false,
    serving: false,
    failure: null,
    report: null,
    done: false,
    missed: 0,
    send: worker.send,
    kill: worker.kill,
    ask: (question, timeoutMs) =>
      within(
        timeoutMs,
        new Promise<Reply | null>((resolve) => {
          waiting.set(question.id, resolve);
          worker.send(question);
        }),
        () => {
          waiting.delete(question.id);
          return null;
        },
      ),
  };
  return member;
}
