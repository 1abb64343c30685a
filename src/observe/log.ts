import { pino } from "pino";
import type { Clock } from "../core/clock.ts";
import { isOperatorsFault } from "../core/errors.ts";
import type { Audit, Log, LogFields } from "../core/ports/log.ts";
import type { LogLevel } from "../core/settings.ts";
import { scrub, scrubText } from "./scrub.ts";

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
