import { pino } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Log, LogFields } from "../core/ports/log.ts";
import type { LogLevel } from "../core/settings.ts";
import { type LogFormat, lineFormatter } from "./pretty.ts";
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
