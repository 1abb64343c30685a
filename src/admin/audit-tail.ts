import type { AuditEntry, AuditEvent } from "../core/audit-events.ts";
import type { Clock } from "../core/clock.ts";
import type { Audit } from "../core/ports/log.ts";

/** Which events are wanted; what is null is no condition. */
export interface AuditFilter {
  readonly event: string | null;
  /** Stands in some field, whatever the case. */
  readonly text: string | null;
  /** Of this account, or of this session. */
  readonly about?: { readonly provider: string; readonly subject: string; readonly session: string } | null;
  /** In milliseconds since the epoch. */
  readonly since?: number | null;
  readonly limit: number;
}

/** What becomes of audit events beside their line in the log: the latest of this instance stay in memory, for those who look. */
export interface AuditTail {
  note(event: AuditEvent): void;
  /** The newest first. */
  find(filter: AuditFilter): readonly AuditEntry[];
  /** Those that the other instances have not received yet, the oldest first. */
  takeUnshared(): readonly AuditEntry[];
  /** An audit log that writes to `audit` and is remembered. */
  remembering(audit: Audit): Audit;
}

const kept = 2_000;
const mostUnshared = 500;

/** Each event goes to `file`, too, where there is one. */
export function createAuditTail(clock: Clock, file: Pick<AuditTail, "note"> | null = null): AuditTail {
  // A ring: the oldest gives its place to the newest.
  const ring: AuditEntry[] = [];
  let next = 0;
  let shared = 0;
  const note = (event: AuditEvent) => {
    ring[next % kept] = { ...shortened(event), at: clock() };
    next += 1;
    file?.note(event);
  };
  return {
    note,
    remembering: (audit) => (event) => {
      audit(event);
      note(event);
    },
    find: (filter) => {
      const matches = matcherOf(filter);
      const found: AuditEntry[] = [];
      for (let at = next - 1; at >= 0 && at >= next - kept && found.length < filter.limit; at -= 1) {
        const entry = ring[at % kept];
        if (entry !== undefined && matches(entry)) found.push(entry);
      }
      return found;
    },
    takeUnshared: () => {
      // Under a flood the others hear of the newest only.
      const from = Math.max(shared, next - mostUnshared);
      shared = next;
      return Array.from({ length: next - from }, (_, at) => ring[(from + at) % kept]).filter((entry) => entry !== undefined);
    },
  };
}

const longestText = 4_000;

/** Who it was, and no more: claims and attributes of a person are not for this. A refusal keeps the groups, which it turned on. */
function shortened(event: AuditEvent): AuditEvent {
  const fields: Record<string, unknown> = { ...event };
  const { principal } = fields;
  if (typeof principal === "object" && principal !== null) {
    const { provider, subject, email, groups } = principal as Readonly<Record<string, unknown>>;
    const known = typeof groups === "object" && groups !== null && "names" in groups ? { groups: groups.names } : {};
    fields.principal = { provider, subject, email, ...(event.event === "refusal" ? known : {}) };
  }
  for (const [name, value] of Object.entries(fields))
    if (typeof value === "string" && value.length > longestText) fields[name] = `${value.slice(0, longestText)}…`;
  return fields as AuditEvent;
}

/** Whether an entry meets every condition. Made once per question, called for each entry. */
export function matcherOf({ event, text, about, since }: AuditFilter): (entry: AuditEntry) => boolean {
  const wanted = text?.toLowerCase() ?? null;
  return (entry) =>
    (event === null || entry.event === event) &&
    (since == null || entry.at >= since) &&
    (wanted === null || holds(entry, wanted)) &&
    (about == null || isAbout(entry, about));
}

function isAbout(entry: AuditEntry, { provider, subject, session }: NonNullable<AuditFilter["about"]>): boolean {
  if ("session" in entry && entry.session === session) return true;
  const who = "principal" in entry && typeof entry.principal === "object" ? entry.principal : null;
  return who !== null && who.provider === provider && who.subject === subject;
}

function holds(value: unknown, text: string): boolean {
  if (typeof value === "string") return value.toLowerCase().includes(text);
  return typeof value === "object" && value !== null && Object.values(value).some((member) => holds(member, text));
}
