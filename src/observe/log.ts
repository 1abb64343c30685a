import { pino } from "pino";
import type { AuditEvent } from "../core/audit-events.ts";
import type { Clock } from "../core/clock.ts";
import { isOperatorsFault } from "../core/errors.ts";
import type { Audit, Log, LogFields } from "../core/ports/log.ts";
import type { LogLevel } from "../core/settings.ts";
import { createLineWriter, fileSink } from "./lines.ts";

export interface LogDeps {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes one line with its newline; must not block. */
  readonly write: (line: string) => void;
  readonly pid: number;
  readonly clock: Clock;
}

/**
 * The structured log: one JSON object per line with `level`, `time`, `pid`, the fields and `msg`.
 *
 * Callers pass no secrets; what looks like one is taken out all the same. An Error in any field is written with its
 * code and cause chain.
 */
export function createLog({ level, format, write, pid, clock }: LogDeps): Log {
  const formatLine = lineFormatter(format);
  const logger = pino(
    {
      level,
      base: { pid },
      timestamp: () => `,"time":"${new Date(clock()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => write(formatLine(line)) },
  );
  const at = (name: "debug" | "info" | "warn" | "error") => (fields: LogFields, message: string) => {
    if (logger.isLevelEnabled(name)) logger[name](scrub(fields), scrubText(message));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/**
 * Audit lines: `"audit": "login"` and the event's fields. Written whatever the log level is: evidence is not a detail. A login that
 * failed by an operator's fault is a warning.
 */
export function createAudit(deps: Omit<LogDeps, "level">): Audit {
  const log = createLog({ ...deps, level: "info" });
  return (entry) => {
    const { event, ...fields } = entry;
    const at = event === "login-failed" && isOperatorsFault(entry.code) ? "warn" : "info";
    log[at]({ audit: event, ...withoutMore(fields) }, `audit: ${event}`);
  };
}

/** Who it was, and no more: groups, claims and attributes of a person are not for every log. */
function withoutMore(fields: LogFields): LogFields {
  const { principal } = fields;
  if (typeof principal !== "object" || principal === null) return fields;
  const { provider, subject, email } = principal as Readonly<Record<string, unknown>>;
  return { ...fields, principal: { provider, subject, email } };
}

type LogFormat = "json" | "pretty";

const leaveOut = new Set(["level", "time", "pid", "msg"]);

/** Turns one JSON line into what the operator asked for. */
export function lineFormatter(format: LogFormat): (jsonLine: string) => string {
  return format === "json" ? (line) => line : prettyLine;
}

/** `12:00:01.250 WARN  message  key=value`; values stay JSON, so that no client can write a line or a colour of its own. */
function prettyLine(jsonLine: string): string {
  const entry = JSON.parse(jsonLine) as Record<string, unknown>;
  const time = String(entry.time).slice(11, 23);
  const level = String(entry.level).toUpperCase().padEnd(5);
  const fields = Object.entries(entry).filter(([name, value]) => !leaveOut.has(name) && value !== null);
  const words = fields.map(([name, value]) => `${name}=${readable(value)}`).join(" ");
  return `${time} ${level} ${readable(entry.msg)}${words === "" ? "" : `  ${words}`}\n`;
}

/** Plain words stay as they are; everything else as JSON, which escapes control characters (and C1 controls by hand). */
function readable(value: unknown): string {
  if (typeof value === "string" && /^[\w./:@+ -]*$/.test(value)) return value;
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const depthLimit = 6;
const listLimit = 100;
const redacted = "[redacted]";

/** Names whose text never belongs in a log, also when it is passed by mistake. */
const secretNames = /^(proxy-)?authorization$|^(set-)?cookies?$|(token|secret|password|passwd|private_?key|code_?verifier)$/i;
/** What a credential looks like inside other text: a scheme with its value, a JWT, a query parameter of the login flow. */
const credentials = [
  /\b(?<keep>Bearer|Basic|Negotiate|DPoP)\s+[\w.~+/=-]{8,}/gi,
  /(?<keep>\bvst_)[\w-]{20,}/g,
  /(?<keep>)\beyJ[\w-]{5,}\.[\w-]+\.?[\w-]*/g,
  /(?<keep>[?&#](?:code|access_token|id_token|id_token_hint|refresh_token|client_secret|client_assertion|logout_token|ticket|parked)=)[^&#\s"']+/gi,
];

/** Text without anything that looks like a credential. */
function scrubText(text: string): string {
  let clean = text;
  for (const pattern of credentials) {
    clean = clean.replace(pattern, (_match, keep: string) => (/\w$/.test(keep) ? `${keep} ${redacted}` : `${keep}${redacted}`));
  }
  return clean;
}

/** A plain copy of any value, safe to write as JSON: bounded, acyclic, secrets by name and by look taken out. */
function scrub(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return scrubText(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return typeof value === "function" ? "[function]" : value;
  if (value instanceof Error) return errorFields(value);
  if (depth >= depthLimit) return "[deeper]";
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return scrubEntries(value, depth);
  if (Array.isArray(value) || value instanceof Set)
    return Array.from(value)
      .slice(0, listLimit)
      .map((item) => scrub(item, depth + 1));
  if ("toJSON" in value && typeof value.toJSON === "function") return scrub(value.toJSON(), depth + 1);
  return scrubEntries(Object.entries(value), depth);
}

function scrubEntries(entries: Iterable<readonly [unknown, unknown]>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of entries) {
    const name = String(key);
    copy[name] = typeof value === "string" && secretNames.test(name) ? redacted : scrub(value, depth + 1);
  }
  return copy;
}

/** An error with its code and its whole cause chain: the reason is usually the innermost one. */
function errorFields(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: scrubText(String(error)) };
  const fields: Record<string, unknown> = { type: error.name, message: scrubText(error.message) };
  if ("code" in error && (typeof error.code === "string" || typeof error.code === "number")) fields.code = error.code;
  if (error.stack !== undefined) fields.stack = scrubText(error.stack.slice(0, 4096));
  if (depth >= depthLimit) return fields;
  if (error.cause !== undefined) fields.cause = errorFields(error.cause, depth + 1);
  if (error instanceof AggregateError) fields.errors = error.errors.slice(0, 5).map((inner) => errorFields(inner, depth + 1));
  return fields;
}

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
