import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Answer } from "../core/answer.ts";
import type { Log } from "../core/ports/log.ts";
import { writeAnswer, writeRawAnswer } from "../http/answer.ts";
import type { ForwardPlan, ForwardResult } from "../upstream/plan.ts";

/** Where the answer to one request goes: to a response, or, for an upgrade, to the bare socket. */
export type Line =
  | { readonly kind: "response"; readonly req: IncomingMessage; readonly res: ServerResponse }
  | { readonly kind: "socket"; readonly req: IncomingMessage; readonly socket: Duplex; readonly head: Buffer };

/** How an answer of our own went: body bytes sent, and whether all of it was. */
export interface Sent {
  readonly bytes: number;
  readonly complete: boolean;
}

/** Writes one of our own answers; `done` is told once, when it is gone or cannot go. */
export function sendAnswer(log: Log, line: Line, answer: Answer, done: (sent: Sent) => void): void {
  const bytes = line.req.method === "HEAD" ? 0 : (answer.bytes?.length ?? Buffer.byteLength(answer.body));
  const stream = line.kind === "response" ? line.res : line.socket;
  let told = false;
  const tell = () => {
    if (told) return;
    told = true;
    done({ bytes: stream.writableFinished ? bytes : 0, complete: stream.writableFinished });
  };
  stream.once("finish", tell).once("close", tell);
  if (stream.destroyed) tell();
  try {
    if (line.kind === "response") writeAnswer(line.res, answer);
    else writeRawAnswer(line.socket, answer);
  } catch (error) {
    // A header value that node refuses: nothing was sent, and nothing else can be said safely.
    log.error({ error, status: answer.status }, "an answer could not be written");
    stream.destroy();
  }
}

/** Both ways to an upstream. */
interface Forwarding {
  readonly forward: (req: IncomingMessage, res: ServerResponse, plan: ForwardPlan) => Promise<ForwardResult>;
  readonly forwardUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer, plan: ForwardPlan) => Promise<ForwardResult>;
}

export function forwardOn(deps: Forwarding, line: Line, plan: ForwardPlan): Promise<ForwardResult> {
  return line.kind === "response" ? deps.forward(line.req, line.res, plan) : deps.forwardUpgrade(line.req, line.socket, line.head, plan);
}
