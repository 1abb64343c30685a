import type { Audit } from "../core/ports/log.ts";
import { createLog, type LogDeps } from "./log.ts";

/** Audit lines: `"audit": "login"` and the event's fields. Written whatever the log level is: evidence is not a detail. */
export function createAudit(deps: Omit<LogDeps, "level">): Audit {
  const log = createLog({ ...deps, level: "info" });
  return ({ event, ...fields }) => log.info({ audit: event, ...fields }, `audit: ${event}`);
}
