import { asGatewayError, GatewayError } from "../core/errors.ts";
import { awaitActivity, type Controller, conclude, type Exchange, stir } from "./exchange.ts";
import type { AnswerHead } from "./response-headers.ts";

/** Interim answers: early hints are passed on, all others end here; what is not HTTP throws. */
export function relayInterim(exchange: Exchange, status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
  // 101 to a request that asked for no upgrade, or a status like 099 (http-proxy crashes on it).
  if (status < 100 || status === 101) throw new GatewayError("upstream.answer-malformed", `the upstream answered with status ${status}`);
  // They do not prolong the wait for the real one.
  const { request, response } = exchange;
  const links = headers.link;
  if (status !== 103 || links === undefined || response.headersSent || request.httpVersionMinor === 0) return;
  try {
    response.writeEarlyHints({ link: links });
  } catch {
    // Node is strict about Link. A hint that cannot be passed on is no loss (RFC 8297 section 2).
  }
}

/** The head of the final answer. It is held back until the first bytes of the body, or until nothing more came with it. */
export function acceptHead(exchange: Exchange, head: AnswerHead, status: number, reason: string, now: number): void {
  exchange.answer = { ...head, status, reason: /^[\t\x20-\x7e]+$/.test(reason) ? reason : "" };
  exchange.upstreamMs = now - exchange.startedAt;
  process.nextTick(sendHeldBack, exchange);
}

/** Passes a piece of the body on; a client that reads slowly slows the upstream down. */
export function relayChunk(exchange: Exchange, controller: Controller, chunk: Buffer): void {
  if (exchange.over || exchange.answer === null) return;
  if (!exchange.headSent) {
    // All of it at once: head and body leave in one write, and a head whose body never came whole was never sent.
    if (chunk.length === exchange.answer.contentLength) {
      exchange.wholeBody = chunk;
      return;
    }
    beginStream(exchange);
  }
  stir(exchange);
  exchange.bytesSent += chunk.length;
  if (!exchange.response.write(chunk)) waitForDrain(exchange, controller);
}

export function relayEnd(exchange: Exchange): void {
  if (exchange.over || exchange.answer === null) return;
  const { response, wholeBody } = exchange;
  if (!exchange.headSent) writeHead(exchange);
  exchange.answerEnded = true;
  if (wholeBody !== null) exchange.bytesSent += wholeBody.length;
  if (wholeBody !== null && wholeBody.length <= 16384) response.end(wholeBody.toString("latin1"), "latin1");
  else response.end(wholeBody ?? undefined);
  // Answered before the upload was over: the client may stop.
  exchange.upload?.stop({ discard: true });
  // Zero: everything is in the kernel's hands. Else the client must go on reading.
  awaitActivity(exchange, response.writableLength > 0 ? exchange.plan.route.settings.proxy.idleTimeoutMs : 0);
}

function sendHeldBack(exchange: Exchange): void {
  if (exchange.over || exchange.headSent) return;
  // Not finished in the same turn: an event stream's head must not wait for its first event.
  try {
    beginStream(exchange);
  } catch (error) {
    // A header that Node will not write; here nobody else would catch it.
    return void exchange.controller?.abort(asGatewayError(error));
  }
  exchange.response.flushHeaders();
  const { wholeBody } = exchange;
  if (wholeBody === null) return;
  exchange.wholeBody = null;
  exchange.bytesSent += wholeBody.length;
  exchange.response.write(wholeBody);
}

function beginStream(exchange: Exchange): void {
  writeHead(exchange);
  awaitActivity(exchange, exchange.plan.route.settings.proxy.idleTimeoutMs);
}

function writeHead(exchange: Exchange): void {
  const { answer, response } = exchange;
  if (answer === null) return;
  if (answer.reason === "") response.writeHead(answer.status, answer.headers);
  else response.writeHead(answer.status, answer.reason, answer.headers);
  exchange.headSent = true;
}

function waitForDrain(exchange: Exchange, controller: Controller): void {
  controller.pause();
  exchange.response.once("drain", () => {
    stir(exchange);
    if (!exchange.over) controller.resume();
  });
}

/** The client is gone, or has everything. */
export function onResponseClosed(exchange: Exchange): void {
  conclude(exchange, { error: null, clientGone: !exchange.response.writableFinished });
}
