import type { IncomingMessage } from "node:http";
import type { AccessRecord } from "../core/ports/log.ts";
import type { Outcome } from "./access-record.ts";

const shownChars = 200;

/** The access line of a request that was never understood: what it claimed, shortened, and judged by nobody. */
export function refusedRecord(req: IncomingMessage, requestId: string, outcome: Outcome): AccessRecord {
  const target = req.url ?? "";
  const mark = target.indexOf("?");
  return {
    id: requestId,
    client: req.socket.remoteAddress ?? "",
    method: req.method ?? "",
    host: (req.headers.host ?? "").slice(0, shownChars),
    path: (mark === -1 ? target : target.slice(0, mark)).slice(0, shownChars),
    route: null,
    principal: null,
    via: null,
    decision: "error",
    reason: outcome.error,
    shadow: null,
    status: outcome.status,
    bytesSent: outcome.bytesSent,
    // It was refused as soon as its head was read.
    durationMs: 0,
    upstreamMs: null,
    websocket: false,
    aborted: outcome.aborted,
  };
}
