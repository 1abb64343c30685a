import type { AuditEvent } from "../core/audit-events.ts";
import type { Clock } from "../core/clock.ts";
import { createLineWriter, fileSink } from "./lines.ts";
import { scrub } from "./scrub.ts";

/** The audit events in a file of their own, one JSON object a line; `docs/logs.md` describes them. */
export interface AuditFile {
  note(event: AuditEvent): void;
  /** After a rotation: the file that has the name from now on. */
  reopen(): void;
  /** Whether the last lines were taken; what was lost is counted. */
  health(): { readonly ok: boolean; readonly detail: string };
  flush(timeoutMs: number): Promise<void>;
}

/** Of the form of the lines; a new number means that a reader must be changed. */
const version = 1;
const bufferBytes = 8 * 1024 * 1024;

/** One process writes it, the primary for its workers, so that lines never tear each other. A full disk costs lines, never a request. */
export function createAuditFile(deps: {
  readonly path: string;
  readonly clock: Clock;
  readonly onDrop: (lines: number) => void;
}): AuditFile {
  const sink = fileSink({ path: deps.path });
  const writer = createLineWriter({ sink, capacityBytes: bufferBytes, onDrop: deps.onDrop });
  return {
    note: (event) => {
      const { event: name, ...fields } = event;
      const clean = scrub(fields) as Readonly<Record<string, unknown>>;
      writer.write(`${JSON.stringify({ version, time: new Date(deps.clock()).toISOString(), event: name, ...clean })}\n`);
    },
    reopen: sink.reopen,
    health: () => {
      const failure = writer.failure();
      return { ok: failure === null, detail: failure === null ? `lines go to ${deps.path}` : `lines are lost: ${failure}` };
    },
    flush: writer.flush,
  };
}
