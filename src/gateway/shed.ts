import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { AccessLog, Log } from "../core/ports/log.ts";
import type { RenderPage } from "../core/ports/pages.ts";
import { answerError } from "./answer-error.ts";
import { type Line, sendAnswer } from "./line.ts";
import { refusedRecord } from "./refused-record.ts";

/** Refuses one request because of load. Reads nothing of it but what the answer needs. Never throws. */
export type Shed = (line: Line) => void;
interface ShedDeps {
  readonly newRequestId: () => string;
  readonly renderPage: RenderPage;
  readonly accessLog: AccessLog;
  readonly log: Log;
  readonly clock: Clock;
}

const warnEveryMs = 10_000;

export function createShed(deps: ShedDeps): Shed {
  const overloaded = new GatewayError("gateway.overloaded", "more requests than this process can serve in time");
  let warnedAt = Number.NEGATIVE_INFINITY;
  return (line) => {
    const { req } = line;
    if (Math.abs(deps.clock() - warnedAt) > warnEveryMs) {
      warnedAt = deps.clock();
      deps.log.warn({ code: overloaded.code }, "there is more load than this process can take; requests are refused with 503");
    }
    const requestId = deps.newRequestId();
    // What follows a body that nobody judged cannot be trusted.
    const close = line.kind === "socket" || req.headers["content-length"] !== undefined || req.headers["transfer-encoding"] !== undefined;
    const context = { requestId, acceptLanguage: req.headers["accept-language"] ?? null, rawHeaders: req.rawHeaders, close };
    sendAnswer(deps.log, line, answerError(deps.renderPage, overloaded, context), ({ bytes, complete }) => {
      const outcome = { status: 503, bytesSent: bytes, upstreamMs: null, aborted: !complete, error: overloaded.code };
      deps.accessLog(refusedRecord(req, requestId, outcome));
    });
  };
}
