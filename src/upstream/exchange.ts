import type { IncomingMessage, ServerResponse } from "node:http";
import { asGatewayError, type GatewayError } from "../core/errors.ts";
import { createSlots, type Slotted } from "../lib/collections.ts";
import { createGather, type Gather, type Upload } from "./bodies.ts";
import type { AnswerHead } from "./headers/response.ts";
import type { InterimCount } from "./interim.ts";
import type { Binding } from "./machinery.ts";
import type { ForwardPlan, ForwardResult } from "./plan.ts";
import type { Upstream } from "./upstreams.ts";

/** What can be asked of the connection to the upstream while it answers. */
interface Controller {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** Everything that is known of one request while it is being forwarded. Changed only by this folder's functions, in event order. */
export interface Exchange extends Watched {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly plan: ForwardPlan;
  readonly startedAt: number;
  readonly settle: (result: ForwardResult) => void;
  upload: Upload | null;
  /** Its own way to the upstream, where the client's authentication is bound to a connection. */
  binding: Binding | null;
  /** Upstreams that were asked and did not answer. */
  tried: Set<Upstream> | null;
  repeated: boolean;
  /** Set from the moment that bytes of this request may have been sent. */
  controller: Controller | null;
  /** Bytes of an answer, even an interim one, have arrived. */
  answerBegun: boolean;
  /** What of its interim answers was passed on; null before the first. */
  interim: InterimCount | null;
  answer: (AnswerHead & { readonly status: number; readonly reason: string }) | null;
  /** Of a body that is streamed; null before its first piece. */
  gather: Gather | null;
  /** A whole body that came with the head; sent in one piece with it. */
  wholeBody: Buffer | null;
  headSent: boolean;
  answerEnded: boolean;
  bytesSent: number;
  upstreamMs: number | null;
  /** Gives up on it when nothing moves. */
  readonly watch: SilenceWatch<Exchange>;
  /** Whom it was last sent to. */
  upstream: Upstream | null;
  over: boolean;
}

/** Gives up when `ms` pass without `stir`; replaces whatever was being waited for. 0 = wait without limit. */
export function awaitActivity(exchange: Exchange, ms: number): void {
  exchange.watch.wait(exchange, exchange.over ? 0 : ms);
}

/** Something moved, in whichever direction. */
export function stir(exchange: Exchange): void {
  exchange.watch.stir(exchange);
}

/**
 * Ends the exchange as it stands. With an error and nothing sent, the answer is left to the caller. With a head sent and the body
 * incomplete, the client's connection is broken off: a truncated answer must never look whole, and nothing may be appended to it.
 */
export function conclude(exchange: Exchange, how: { error: GatewayError | null; clientGone: boolean }): void {
  if (exchange.over) return;
  const rest = how.clientGone ? null : (exchange.gather?.take() ?? null);
  if (rest !== null && !exchange.response.destroyed) exchange.response.write(rest);
  exchange.over = true;
  exchange.watch.wait(exchange, 0);
  const complete = exchange.response.writableFinished;
  if (!exchange.answerEnded) exchange.controller?.abort(how.error ?? new Error("the exchange is over"));
  exchange.upload?.stop({ discard: false });
  const cut = how.clientGone || (exchange.headSent && !complete);
  if (cut) breakOff(exchange.response);
  exchange.settle({
    status: exchange.headSent ? (exchange.answer?.status ?? null) : null,
    bytesSent: exchange.bytesSent,
    upstreamMs: exchange.upstreamMs,
    aborted: cut && !complete,
    error: how.error,
  });
}

function breakOff(response: ServerResponse): void {
  const { socket } = response;
  // A reset, not a FIN: to HTTP/1.0 clients a FIN is the proper end of a body without a length. TLS has its own mark for that.
  if (socket !== null && !socket.destroyed && !("encrypted" in socket)) socket.resetAndDestroy();
  response.destroy();
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
  exchange.gather ??= createGather((bytes, written) => exchange.over || exchange.response.write(bytes, written));
  if (!exchange.gather.add(chunk)) waitForDrain(exchange, controller);
}

export function relayEnd(exchange: Exchange): void {
  if (exchange.over || exchange.answer === null) return;
  const { response, wholeBody } = exchange;
  if (!exchange.headSent) writeHead(exchange);
  exchange.answerEnded = true;
  if (wholeBody !== null) exchange.bytesSent += wholeBody.length;
  if (wholeBody !== null && wholeBody.length <= 16384) response.end(wholeBody.toString("latin1"), "latin1");
  else response.end(wholeBody ?? exchange.gather?.take() ?? undefined);
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
    // A header that Node will not write; here nothing else would catch it.
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

/** Something that may stand still for a while, and no longer. The fields are the watch's. */
export interface Watched extends Slotted {
  patienceMs: number;
  /** Since the last tick. */
  moved: boolean;
  /** By the watch's own clock: the tick at which it was last seen to have moved. */
  stillSince: number;
}

/** Tells of those that stand still for too long: never early, and at most about two ticks late. */
interface SilenceWatch<T extends Watched> {
  /** From now on it may stand still for `ms`; 0 = without limit. Replaces what was said before. */
  wait(one: T, ms: number): void;
  /** It moved. */
  stir(one: T): void;
}

const tickMs = 100;
/** A process that was not given the CPU did not see what moved meanwhile: the watch's clock stands still with it. */
const longestStepMs = 1_000;

/**
 * One timer for all, instead of one for each: nearly every request is over before the first tick, and to start and stop a timer for it
 * costs more than to log it. `monotonic` is in milliseconds and never goes back.
 */
export function createSilenceWatch<T extends Watched>(onSilence: (one: T) => void, monotonic: () => number): SilenceWatch<T> {
  const watched = createSlots<T>();
  let now = 0;
  let tickedAt = 0;
  let ticking: NodeJS.Timeout | null = null;

  const tick = () => {
    const time = monotonic();
    now += Math.min(longestStepMs, time - tickedAt);
    tickedAt = time;
    const all = watched.all();
    for (const one of all) {
      if (one.moved) {
        one.moved = false;
        one.stillSince = now;
      } else if (now - one.stillSince >= one.patienceMs && watched.remove(one)) onSilence(one);
    }
    if (all.length > 0 || ticking === null) return;
    clearInterval(ticking);
    ticking = null;
  };
  const start = () => {
    tickedAt = monotonic();
    // What is waited for keeps the process alive by itself.
    return setInterval(tick, tickMs).unref();
  };
  return {
    wait(one, ms) {
      watched.remove(one);
      if (ms === 0) return;
      one.patienceMs = ms;
      one.moved = true;
      watched.add(one);
      ticking ??= start();
    },
    stir(one) {
      one.moved = true;
    },
  };
}
