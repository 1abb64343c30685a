import type { IncomingMessage, ServerResponse } from "node:http";
import type { GatewayError } from "../core/errors.ts";
import type { ForwardPlan, ForwardResult } from "./plan.ts";
import type { AnswerHead } from "./response-headers.ts";
import type { SilenceWatch, Watched } from "./silence-watch.ts";
import type { Upload } from "./upload.ts";
import type { Upstream } from "./upstreams.ts";

/** What can be asked of the connection to the upstream while it answers. */
export interface Controller {
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
  /** Upstreams that were asked, in vain. */
  tried: Set<Upstream> | null;
  repeated: boolean;
  /** Set from the moment that bytes of this request may have been sent. */
  controller: Controller | null;
  /** Bytes of an answer, even an interim one, have arrived. */
  answerBegun: boolean;
  answer: (AnswerHead & { readonly status: number; readonly reason: string }) | null;
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

/** Gives up when `ms` pass without `stir`; replaces whatever was being waited for. 0 = wait for ever. */
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
