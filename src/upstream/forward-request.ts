import type { IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import { createUpload } from "./bodies.ts";
import {
  acceptHead,
  awaitActivity,
  conclude,
  createSilenceWatch,
  type Exchange,
  onResponseClosed,
  relayChunk,
  relayEnd,
  stir,
} from "./exchange.ts";
import { peerAddress } from "./headers/request.ts";
import { relayInterim } from "./interim.ts";
import type { Machinery } from "./machinery.ts";
import type { ForwardPlan, ForwardResult } from "./plan.ts";
import { isSilentClose, type Upstream, upstreamFailure, upstreamHost, upstreamTarget } from "./upstreams.ts";

/** Sends one admitted request to its upstream and the answer to the client; see `ForwardResult` for what is left to the caller. */
export type ForwardRequest = (request: IncomingMessage, response: ServerResponse, plan: ForwardPlan) => Promise<ForwardResult>;

export function createForwardRequest(machinery: Machinery): ForwardRequest {
  const watch = createSilenceWatch<Exchange>(
    (exchange) => giveUpWaiting(machinery, exchange),
    () => performance.now(),
  );
  return (request, response, plan) =>
    new Promise((settle) => {
      begin(machinery, newExchange({ request, response, plan, startedAt: machinery.clock(), settle, watch }));
    });
}

type Given = "request" | "response" | "plan" | "startedAt" | "settle" | "watch";

function newExchange({ request, response, plan, startedAt, settle, watch }: Pick<Exchange, Given>): Exchange {
  return {
    request,
    response,
    plan,
    startedAt,
    settle,
    watch,
    upstream: null,
    upload: null,
    binding: null,
    tried: null,
    repeated: false,
    controller: null,
    answerBegun: false,
    interim: null,
    answer: null,
    gather: null,
    wholeBody: null,
    headSent: false,
    answerEnded: false,
    bytesSent: 0,
    upstreamMs: null,
    over: false,
    slot: -1,
    patienceMs: 0,
    moved: false,
    stillSince: 0,
  };
}

function begin(machinery: Machinery, exchange: Exchange): void {
  const { plan, response } = exchange;
  const { body, expectsContinue = false } = plan.incoming;
  const { maxRequestBodyBytes: maxBytes } = plan.route.settings.proxy;
  const tooLarge = () => {
    fail(machinery, exchange, new GatewayError("request.body-too-large", `the body is larger than ${maxBytes} bytes`));
  };
  response.on("close", () => onResponseClosed(exchange));
  if (maxBytes !== null && body.kind === "length" && body.bytes > maxBytes) {
    tooLarge();
    return;
  }
  if (body.kind === "chunked" || (body.kind === "length" && body.bytes > 0))
    exchange.upload = createUpload(exchange.request, response, {
      expectsContinue,
      maxBytes,
      onProgress: () => stir(exchange),
      onTooLarge: tooLarge,
      onWasteful: (bytes) => {
        fail(machinery, exchange, new GatewayError("request.malformed", `${bytes} bytes of chunk framing, more than they frame`));
      },
      takeTurn: machinery.takeTurn,
    });
  plan.onOpen?.(() => {
    conclude(exchange, { error: null, clientGone: true });
  });
  // Closed before it began: its session ended while it was being decided.
  if (exchange.over) return;
  exchange.binding = machinery.bound.find(exchange.request, plan);
  const upstream = exchange.binding?.upstream ?? machinery.upstreams.pick(plan.route, null);
  if (upstream === null) fail(machinery, exchange, new GatewayError("upstream.unreachable", "the route has no upstream"));
  else attempt(machinery, exchange, upstream);
}

function attempt(machinery: Machinery, exchange: Exchange, upstream: Upstream): void {
  exchange.upstream = upstream;
  machinery.afterPoll(() => {
    if (exchange.over) return;
    try {
      send(machinery, exchange, upstream);
    } catch (error) {
      fail(machinery, exchange, asGatewayError(error));
    }
  });
}

function send(machinery: Machinery, exchange: Exchange, upstream: Upstream): void {
  const shared = exchange.repeated ? upstream.dispatchFresh : upstream.dispatch;
  const dispatch = exchange.binding?.dispatchTo(upstream) ?? shared;
  dispatch(dispatchOptions(machinery, exchange, upstream), handlerFor(machinery, exchange, upstream));
}

function dispatchOptions(
  machinery: Machinery,
  exchange: Exchange,
  upstream: Upstream,
): Dispatcher.DispatchOptions & { servername: string } {
  const { plan, request } = exchange;
  const target = {
    host: upstreamHost(plan, upstream),
    peer: peerAddress(plan.incoming, request.socket.remoteAddress),
    edits: machinery.editsOf(plan.route.settings).request,
    upstream,
  };
  return {
    path: upstreamTarget(plan, upstream),
    method: plan.incoming.method,
    headers: machinery.buildRequestHeaders(plan, target),
    body: exchange.upload?.stream ?? null,
    // Constant, else undici opens a new TLS connection whenever the visitor's Host changes. The connector knows the real one.
    servername: upstream.url.hostname,
  };
}

function handlerFor(machinery: Machinery, exchange: Exchange, upstream: Upstream): Dispatcher.DispatchHandler {
  const { proxy } = exchange.plan.route.settings;
  return {
    onRequestStart(controller) {
      if (exchange.over) return controller.abort(new Error("the client left"));
      exchange.controller = controller;
      if (exchange.upload !== null) awaitActivity(exchange, proxy.idleTimeoutMs);
    },
    onBodySent: () => stir(exchange),
    onRequestSent() {
      if (exchange.answer === null) awaitActivity(exchange, proxy.headersTimeoutMs);
    },
    onResponseStarted() {
      exchange.answerBegun = true;
    },
    onResponseStart(controller, status, headers, reason) {
      if (status < 200) return relayInterim(exchange, upstream, { status, headers, now: machinery.clock() });
      const { plan } = exchange;
      const edits = machinery.editsOf(plan.route.settings).response;
      const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : [];
      if (status === 401) machinery.bound.noteChallenge(exchange.request, plan, upstream, raw);
      const head = machinery.buildResponseHeaders(raw, { status, edits, plan, upstream });
      acceptHead(exchange, head, status, reason ?? "", machinery.clock());
    },
    onResponseData: (controller, chunk) => relayChunk(exchange, controller, chunk),
    onResponseEnd() {
      if (machinery.upstreams.trace.isResetting()) return onUpstreamError(machinery, exchange, upstream, resetWithin());
      relayEnd(exchange);
    },
    onResponseError: (_, error) => onUpstreamError(machinery, exchange, upstream, error),
  };
}

/** The end of an answer without a length, as undici reports it, that was no end. */
function resetWithin(): Error {
  return Object.assign(new Error("the connection was reset in the middle of the answer"), { code: "ECONNRESET" });
}

function onUpstreamError(machinery: Machinery, exchange: Exchange, upstream: Upstream, error: Error): void {
  if (exchange.over || exchange.answerEnded) return;
  const failure = upstreamFailure(error, upstream.name, exchange.answerBegun);
  const next = nextToTry(machinery, exchange, upstream, failure);
  if (next === null) fail(machinery, exchange, failure);
  else attempt(machinery, exchange, next);
}

/** Where a failed request may go again without any chance of being carried out twice; null = nowhere. */
function nextToTry(machinery: Machinery, exchange: Exchange, upstream: Upstream, failure: GatewayError): Upstream | null {
  if (exchange.controller === null) {
    if (failure.code === "gateway.internal") return null;
    // No connection, so not a byte was sent and no body was read: any method may go elsewhere.
    upstream.unreachable();
    exchange.tried ??= new Set();
    exchange.tried.add(upstream);
    return machinery.upstreams.pick(exchange.plan.route, exchange.tried);
  }
  if (!mayRepeat(machinery, exchange, failure.cause)) return null;
  exchange.repeated = true;
  exchange.controller = null;
  return upstream;
}

/**
 * Only what changes nothing upstream, when an idle connection turned out to be closed; everything else might happen twice. Once: the second
 * time it travels on a new connection, because all idle ones may be dead when an upstream or a firewall was restarted.
 */
function mayRepeat({ upstreams }: Machinery, exchange: Exchange, error: unknown): boolean {
  if (!(error instanceof Error) || exchange.repeated || exchange.answerBegun || exchange.upload !== null) return false;
  return /^(?:GET|HEAD|OPTIONS)$/.test(exchange.plan.incoming.method) && isSilentClose(error) && upstreams.trace.brokeAfterUse(error);
}

function giveUpWaiting(machinery: Machinery, exchange: Exchange): void {
  const waitsForClient = exchange.answer === null && exchange.upload?.waitsForClient === true;
  const error = waitsForClient
    ? new GatewayError("request.timeout", "the client stopped sending its body")
    : new GatewayError("upstream.timeout", `${exchange.upstream?.name ?? "the upstream"}: silent for too long`);
  fail(machinery, exchange, error);
}

function fail({ metrics }: Machinery, exchange: Exchange, error: GatewayError): void {
  if (exchange.over) return;
  if (error.code.startsWith("upstream.")) metrics.upstreamErrors(exchange.plan.route.id, error.code);
  conclude(exchange, { error, clientGone: false });
}
