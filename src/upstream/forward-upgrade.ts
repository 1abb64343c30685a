import { type IncomingMessage, ServerResponse, validateHeaderValue } from "node:http";
import { Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import { createForwardRequest, type ForwardRequest } from "./forward-request.ts";
import { createMachinery, type ForwardDeps, type Machinery } from "./machinery.ts";
import type { ForwardPlan, ForwardResult } from "./plan.ts";
import { type Accepted, askUpstreams, type Handshake, type PlainAnswer } from "./upgrade-handshake.ts";

/**
 * Takes one admitted WebSocket handshake to its upstream, on a connection of its own.
 *
 * The tunnel opens when, and only when, the upstream itself said `101` and `Upgrade: websocket`: any other answer is relayed as an
 * answer, with its body, and the connection closed, so that what the client sends next can never reach the upstream as a request of its
 * own making ("WebSocket smuggling").
 */
type ForwardUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, plan: ForwardPlan) => Promise<ForwardResult>;

function createForwardUpgrade(machinery: Machinery): ForwardUpgrade {
  return async (request, socket, head, plan) => {
    // Before anything is awaited: a reset at this moment must not end the process.
    socket.on("error", () => socket.destroy());
    const handshake: Handshake = { machinery, request, socket, head, plan, startedAt: machinery.clock() };
    let close: () => void = () => socket.destroy();
    plan.onOpen?.(() => close());
    try {
      const answer = await askUpstreams(handshake);
      if (answer.kind === "answer") return await relayPlainAnswer(handshake, answer);
      const tunnel = switchOver(handshake, answer);
      close = tunnel.close;
      const upstreamMs = machinery.clock() - handshake.startedAt;
      // Not awaited: what the handshake needed is let go while thousands of tunnels sit idle.
      return tunnel.ended.then(({ bytesSent, clean }) => ({ status: 101, bytesSent, upstreamMs, aborted: !clean, error: null }));
    } catch (error) {
      if (socket.destroyed) return { status: null, bytesSent: 0, upstreamMs: null, aborted: true, error: null };
      const failure = asGatewayError(error);
      if (failure.code.startsWith("upstream.")) machinery.metrics.upstreamErrors(plan.route.id, failure.code);
      return { status: null, bytesSent: 0, upstreamMs: null, aborted: false, error: failure };
    }
  };
}

/** Says 101 to the client, hands over what either side sent too early, and joins the two. */
function switchOver(handshake: Handshake, accepted: Accepted): Tunnel {
  const { socket: client, plan } = handshake;
  const { socket: upstream, head } = accepted;
  try {
    client.write(acceptance(handshake, accepted), "latin1");
  } catch (error) {
    upstream.destroy();
    throw error;
  }
  if (head.length > 0) client.write(head);
  if (handshake.head.length > 0) upstream.write(handshake.head);
  steady(client);
  steady(upstream);
  return openTunnel(client, upstream, { idleMs: plan.route.settings.proxy.idleTimeoutMs });
}

/** The head of the 101, with the upstream's fields rebuilt like those of any answer. */
function acceptance({ machinery, plan }: Handshake, { response, upstream }: Accepted): string {
  const edits = machinery.editsOf(plan.route.settings).response;
  const { headers } = machinery.buildResponseHeaders(response.rawHeaders, { status: 101, edits, plan, upstream });
  let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name = "", value = ""] = [headers[at], headers[at + 1]];
    // RFC 9110 section 8.6: no framing on 1xx.
    if (name.toLowerCase() === "content-length") continue;
    // Written by hand, so checked by hand.
    validateHeaderValue(name, value);
    head += `${name}: ${value}\r\n`;
  }
  return `${head}\r\n`;
}

/** The upstream did not upgrade. Its answer goes out as an ordinary one, and nothing that the client sends is looked at any more. */
async function relayPlainAnswer(handshake: Handshake, { response: answer, upstream }: PlainAnswer): Promise<ForwardResult> {
  const { machinery, request, socket, plan } = handshake;
  const status = answer.statusCode ?? 502;
  const edits = machinery.editsOf(plan.route.settings).response;
  const { headers } = machinery.buildResponseHeaders(answer.rawHeaders, { status, edits, plan, upstream });
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

interface TunnelEnd {
  /** Bytes that went to the client. */
  readonly bytesSent: number;
  /** Both sides said goodbye; otherwise it was cut: an error, the idle limit, `close`. */
  readonly clean: boolean;
}
interface Tunnel {
  readonly ended: Promise<TunnelEnd>;
  /** Cuts both sides at once. */
  close(): void;
}

/** Joins two sockets until both have ended: bytes unchanged, back-pressure and half-closes passed on. `idleMs` 0 = no limit. */
function openTunnel(client: Duplex, upstream: Duplex, { idleMs }: { idleMs: number }): Tunnel {
  let bytesSent = 0;
  let cut = false;
  const close = () => {
    cut = true;
    client.destroy();
    upstream.destroy();
  };
  const idle = idleMs > 0 ? setTimeout(close, idleMs) : null;
  const ended = new Promise<TunnelEnd>((resolve) => {
    let open = 2;
    const onClose = () => {
      open -= 1;
      if (open > 0) return;
      if (idle !== null) clearTimeout(idle);
      resolve({ bytesSent, clean: !cut });
    };
    for (const side of [client, upstream]) {
      // Gone already, and its event with it.
      if (side.closed) queueMicrotask(onClose);
      else side.once("close", onClose);
    }
    if (client.destroyed || upstream.destroyed) close();
  });
  // One side that breaks takes the other along: a peer must not wait for frames that cannot come.
  for (const [side, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    side.on("error", close);
    side.once("close", () => {
      if (!side.readableEnded) cut = true;
      if (!other.destroyed && !side.readableEnded) other.destroy();
    });
    side.on("data", () => idle?.refresh());
    other.on("drain", () => idle?.refresh());
  }
  upstream.on("data", (chunk: Buffer) => {
    bytesSent += chunk.length;
  });
  client.pipe(upstream);
  upstream.pipe(client);
  return { ended, close };
}

/** The way to the upstreams, for requests and for WebSocket handshakes. It carries out plans and decides nothing. */
interface Forward {
  readonly forward: ForwardRequest;
  readonly forwardUpgrade: ForwardUpgrade;
}

export function createForward(deps: ForwardDeps): Forward {
  const machinery = createMachinery(deps);
  return { forward: createForwardRequest(machinery), forwardUpgrade: createForwardUpgrade(machinery) };
}
