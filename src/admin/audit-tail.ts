import type { AuditEntry, AuditEvent } from "../core/audit-events.ts";
import type { Clock } from "../core/clock.ts";
import type { Audit } from "../core/ports/log.ts";
import type { Operations } from "./operations.ts";

/** The latest audit events in memory, for those who look. The log has all of them. */
export interface AuditTail {
  note(event: AuditEvent): void;
  readonly find: Operations["tail"];
  /** The same sink, remembered as well. */
  remembering(audit: Audit): Audit;
}

const kept = 2_000;

export function createAuditTail(clock: Clock): AuditTail {
  // A ring: the oldest gives its place to the newest.
  const ring: AuditEntry[] = [];
  let next = 0;
  const note = (event: AuditEvent) => {
    ring[next % kept] = { ...event, at: clock() };
    next += 1;
  };
  return {
    note,
    remembering: (audit) => (event) => {
      audit(event);
      note(event);
    },
    find: ({ event, text, limit }) => {
      const found: AuditEntry[] = [];
      for (let at = next - 1; at >= 0 && at >= next - kept && found.length < limit; at -= 1) {
        const entry = ring[at % kept];
        if (entry !== undefined && (event === null || entry.event === event) && (text === null || holds(entry, text))) found.push(entry);
      }
      return found;
    },
  };
}

function holds(value: unknown, text: string): boolean {
  if (typeof value === "string") return value.toLowerCase().includes(text.toLowerCase());
  return typeof value === "object" && value !== null && Object.values(value).some((member) => holds(member, text));
}
