import { GatewayError } from "../core/errors.ts";
import type { Visit } from "../core/site.ts";
import { asOwnAnswer } from "../http/answer.ts";
import { toAnswer, toWebRequest } from "../http/web-exchange.ts";
import { accessRecord } from "./access-record.ts";
import { answerFailureEarly } from "./conclude.ts";
import type { GatewayDeps } from "./deps.ts";
import { type Line, sendAnswer } from "./line.ts";

/** Hands a request to the gateway's own pages and endpoints. Nothing under `/_vestibule/` is ever proxied. Never rejects. */
export function serveControl(deps: GatewayDeps, line: Line, visit: Visit): void {
  if (line.kind === "socket") throw new GatewayError("request.not-found", "the gateway's own pages take no WebSocket");
  const { incoming } = visit;
  toWebRequest(line.req, line.res, visit)
    .then((request) => deps.control(request, visit))
    .then(toAnswer)
    .then((answer) => {
      sendAnswer(deps.log, line, asOwnAnswer(answer, incoming.id), ({ bytes, complete }) => {
        const outcome = { status: answer.status, bytesSent: bytes, upstreamMs: null, aborted: !complete, error: null };
        deps.accessLog(accessRecord(incoming, null, null, "control", outcome, deps.clock()));
      });
    })
    .catch((error) => answerFailureEarly(deps, line, incoming, error));
}
