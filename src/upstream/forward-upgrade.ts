import { type ClientRequest, request as httpRequest, type IncomingMessage, ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import { peerAddress } from "./forwarding-headers.ts";
import type { Machinery } from "./machinery.ts";
import type { ForwardPlan, ForwardResult } from "./plan.ts";
import { maxAnswerHeadBytes } from "./pools.ts";
import { upstreamHost, upstreamTarget } from "./target.ts";
import { upstreamTls } from "./tls-options.ts";
import { openTunnel } from "./tunnel.ts";
import { upstreamFailure } from "./upstream-failure.ts";
import type { Upstream } from "./upstreams.ts";

/**
 * Takes one admitted WebSocket handshake to its upstream, on a connection of its own.
 *
 * The tunnel opens when, and only when, the upstream itself said `101` and `Upgrade: websocket`: any other answer is relayed as an
 * answer, with its body, and the connection closed, so that what the client sends next can never reach the upstream as a request of its
 * own making ("WebSocket smuggling").
 */
export type ForwardUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, plan: ForwardPlan) => Promise<ForwardResult>;

/** One handshake under way. */
interface Handshake {
  readonly machinery: Machinery;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly plan: ForwardPlan;
  readonly startedAt: number;
}

export function createForwardUpgrade(machinery: Machinery): ForwardUpgrade {
  return async (request, socket, head, plan) => {
    // Before anything is awaited: a reset at this moment must not end the process.
    socket.on("error", () => socket.destroy());
    const handshake: Handshake = { machinery, request, socket, head, plan, startedAt: machinery.clock() };
    let close: () => void = () => socket.destroy();
    plan.onOpen?.(() => close());
    try {
      const answer = await askUpstreams(handshake);
      if (answer.kind === "answer") return await relayPlainAnswer(handshake, answer.response);
      const { head: ours, status } = acceptance(handshake, answer.response);
      socket.write(ours, "latin1");
      if (answer.head.length > 0) socket.write(answer.head);
      if (head.length > 0) answer.socket.write(head);
      steady(socket);
      steady(answer.socket);
      const tunnel = openTunnel(socket, answer.socket, { idleMs: plan.route.settings.proxy.idleTimeoutMs });
      close = tunnel.close;
      const upstreamMs = machinery.clock() - handshake.startedAt;
      const { bytesSent, clean } = await tunnel.ended;
      return { status, bytesSent, upstreamMs, aborted: !clean, error: null };
    } catch (error) {
      if (socket.destroyed) return { status: null, bytesSent: 0, upstreamMs: null, aborted: true, error: null };
      const failure = asGatewayError(error);
      if (failure.code.startsWith("upstream.")) machinery.metrics.upstreamErrors(plan.route.id, failure.code);
      return { status: null, bytesSent: 0, upstreamMs: null, aborted: false, error: failure };
    }
  };
}

type UpstreamAnswer =
  | { readonly kind: "accepted"; readonly response: IncomingMessage; readonly socket: Duplex; readonly head: Buffer }
  | { readonly kind: "answer"; readonly response: IncomingMessage };

/** The answer of the first upstream that could be reached. */
async function askUpstreams(handshake: Handshake): Promise<UpstreamAnswer> {
  const { machinery, plan } = handshake;
  const tried = new Set<Upstream>();
  let upstream = handshake.socket.destroyed ? null : machinery.upstreams.pick(plan.route, null);
  for (;;) {
    if (upstream === null) throw new GatewayError("upstream.unreachable", "no upstream could be reached");
    const outcome = await ask(handshake, upstream);
    if (outcome.kind !== "unreachable") return outcome;
    upstream.unreachable();
    tried.add(upstream);
    upstream = handshake.socket.destroyed ? null : machinery.upstreams.pick(plan.route, tried);
    if (upstream === null) throw outcome.failure;
  }
}

/** Rejects when the upstream was reached and failed; "unreachable" when not a byte was sent. */
function ask(handshake: Handshake, upstream: Upstream): Promise<UpstreamAnswer | { kind: "unreachable"; failure: GatewayError }> {
  const { proxy } = handshake.plan.route.settings;
  const asked = sendHandshake(handshake, upstream);
  return new Promise((resolve, reject) => {
    let connected = false;
    let timer = expectWithin(proxy.connectTimeoutMs);
    function expectWithin(ms: number): NodeJS.Timeout | undefined {
      const tooSlow = () => asked.destroy(new GatewayError("upstream.timeout", `${upstream.url.origin}: silent for too long`));
      return ms > 0 ? setTimeout(tooSlow, ms) : undefined;
    }
    const over = () => {
      clearTimeout(timer);
      handshake.socket.off("close", onClientGone);
    };
    const onClientGone = () => asked.destroy(new Error("the client left"));
    handshake.socket.once("close", onClientGone);
    const malformed = (why: string) => {
      const error = new GatewayError("upstream.answer-malformed", `${upstream.url.origin}: ${why}`);
      asked.destroy(error);
      reject(error);
    };

    asked.on("socket", (socket) =>
      socket.once(upstream.url.protocol === "https:" ? "secureConnect" : "connect", () => {
        connected = true;
        clearTimeout(timer);
        timer = expectWithin(proxy.headersTimeoutMs);
      }),
    );
    asked.on("error", (error) => {
      over();
      const failure = upstreamFailure(error, upstream.url.origin);
      if (connected) reject(failure);
      else resolve({ kind: "unreachable", failure });
    });
    asked.on("information", ({ statusCode }) => {
      if (statusCode < 100 || statusCode === 101) malformed(`status ${statusCode} without an upgrade`);
    });
    asked.on("upgrade", (response, socket, head) => {
      over();
      socket.on("error", () => socket.destroy());
      if (response.headers.upgrade?.toLowerCase() === "websocket") resolve({ kind: "accepted", response, socket, head });
      else {
        socket.destroy();
        malformed("switched to something that was not asked for");
      }
    });
    asked.on("response", (response) => {
      over();
      const status = response.statusCode ?? 0;
      if (response.httpVersionMajor !== 1 || status < 200) malformed(`status ${status} in HTTP/${response.httpVersion}`);
      else resolve({ kind: "answer", response });
    });
    asked.end();
  });
}

function sendHandshake({ machinery, plan, request }: Handshake, upstream: Upstream): ClientRequest {
  const headers = machinery.buildRequestHeaders(plan, {
    host: upstreamHost(plan, upstream),
    peer: peerAddress(plan.incoming, request.socket.remoteAddress),
    edits: machinery.editsOf(plan.route.settings).request,
  });
  headers.push("Connection", "Upgrade", "Upgrade", "websocket");
  const { url } = upstream;
  const options = {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port),
    method: "GET",
    path: upstreamTarget(plan, upstream),
    headers,
    setHost: false,
    // A connection that becomes a tunnel is nobody else's.
    agent: false as const,
    allowHalfOpen: true,
    maxHeaderSize: maxAnswerHeadBytes,
    insecureHTTPParser: false,
  };
  return url.protocol === "https:"
    ? httpsRequest({ ...options, ...upstreamTls(url.hostname, plan.route.settings.proxy.tls) })
    : httpRequest(options);
}

/** The 101 for the client, with the upstream's fields rebuilt like those of any answer. */
function acceptance({ machinery, plan }: Handshake, response: IncomingMessage): { head: string; status: number } {
  const edits = machinery.editsOf(plan.route.settings).response;
  const { headers } = machinery.buildResponseHeaders(response.rawHeaders, { status: 101, edits, setCookie: plan.setCookie });
  let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  for (let at = 0; at + 1 < headers.length; at += 2)
    // RFC 9110 section 8.6: no framing on 1xx.
    if (headers[at]?.toLowerCase() !== "content-length") head += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return { head: `${head}\r\n`, status: 101 };
}

/** The upstream did not upgrade. Its answer goes out as an ordinary one, and nothing that the client sends is looked at any more. */
async function relayPlainAnswer(handshake: Handshake, answer: IncomingMessage): Promise<ForwardResult> {
  const { machinery, request, socket, plan } = handshake;
  const status = answer.statusCode ?? 502;
  const edits = machinery.editsOf(plan.route.settings).response;
  const { headers } = machinery.buildResponseHeaders(answer.rawHeaders, { status, edits, setCookie: plan.setCookie });
  const upstreamMs = machinery.clock() - handshake.startedAt;
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // An upgrade's socket is a net.Socket or its TLS kind; Node types it more loosely.
  if (!(socket instanceof Socket)) throw new GatewayError("gateway.internal", "the upgrade's connection is not a socket");
  response.assignSocket(socket);
  response.writeHead(status, headers);
  response.flushHeaders();
  socket.resume();
  let bytesSent = 0;
  answer.on("data", (chunk: Buffer) => {
    bytesSent += chunk.length;
    idle?.refresh();
  });
  const { idleTimeoutMs } = plan.route.settings.proxy;
  const idle = idleTimeoutMs > 0 ? setTimeout(() => answer.destroy(new Error("silent for too long")), idleTimeoutMs) : null;
  const failed = await new Promise<boolean>((resolve) => {
    pipeline(answer, response, (error) => resolve(error !== undefined && error !== null));
    socket.once("close", () => answer.destroy());
  });
  if (idle !== null) clearTimeout(idle);
  // Cut, not ended: a truncated body must not look whole.
  if (failed) socket.destroy();
  else socket.end();
  return { status, bytesSent, upstreamMs, aborted: failed, error: null };
}

function steady(socket: Duplex): void {
  if (!(socket instanceof Socket)) return;
  socket.setTimeout(0);
  socket.setNoDelay(true);
  // Finds out within minutes that a silent peer is gone, where no idle limit does.
  socket.setKeepAlive(true, 60_000);
}
