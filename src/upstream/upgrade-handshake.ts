import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { GatewayError } from "../core/errors.ts";
import { peerAddress } from "./headers/request.ts";
import type { Machinery } from "./machinery.ts";
import type { ForwardPlan } from "./plan.ts";
import { maxAnswerHeadBytes } from "./pools.ts";
import { type Upstream, upstreamFailure, upstreamHost, upstreamTarget } from "./upstreams.ts";

/** One handshake under way. */
export interface Handshake {
  readonly machinery: Machinery;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly plan: ForwardPlan;
  readonly startedAt: number;
}

export interface Accepted {
  readonly kind: "accepted";
  readonly upstream: Upstream;
  readonly response: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}
export interface PlainAnswer {
  readonly kind: "answer";
  readonly upstream: Upstream;
  readonly response: IncomingMessage;
}
export type UpstreamAnswer = Accepted | PlainAnswer;

/** The answer of the first upstream that could be reached. */
export async function askUpstreams(handshake: Handshake): Promise<UpstreamAnswer> {
  const { machinery, plan } = handshake;
  const tried = new Set<Upstream>();
  let upstream = handshake.socket.destroyed ? null : machinery.upstreams.pick(plan.route, null);
  for (;;) {
    if (upstream === null) throw new GatewayError("upstream.unreachable", "no upstream could be reached");
    const outcome = await ask(handshake, upstream);
    if (outcome.kind !== "unreachable") return outcome;
    // A client that gave up says nothing about the upstream.
    if (handshake.socket.destroyed) throw outcome.failure;
    upstream.unreachable();
    tried.add(upstream);
    upstream = machinery.upstreams.pick(plan.route, tried);
    if (upstream === null) throw outcome.failure;
  }
}

/** Rejects when the upstream was reached and failed; "unreachable" when not a byte was sent. */
function ask(handshake: Handshake, upstream: Upstream): Promise<UpstreamAnswer | { kind: "unreachable"; failure: GatewayError }> {
  const { headersTimeoutMs } = handshake.plan.route.settings.proxy;
  return new Promise((resolve, reject) => {
    let connected = false;
    let timer: NodeJS.Timeout | undefined;
    const asked = sendHandshake(handshake, upstream, () => {
      connected = true;
      const tooSlow = () => asked.destroy(new GatewayError("upstream.timeout", `${upstream.name}: silent for too long`));
      if (headersTimeoutMs > 0) timer = setTimeout(tooSlow, headersTimeoutMs);
    });
    const onClientGone = () => asked.destroy(new Error("the client left"));
    handshake.socket.once("close", onClientGone);
    const over = () => {
      clearTimeout(timer);
      handshake.socket.off("close", onClientGone);
    };
    const malformed = (why: string) => {
      asked.destroy();
      reject(new GatewayError("upstream.answer-malformed", `${upstream.name}: ${why}`));
    };
    let answering: IncomingMessage | null = null;
    asked.on("error", (error) => {
      over();
      // Node ends an answer without a length when its connection is reset: cut by this error first, it does not look whole.
      answering?.destroy(error);
      const failure = upstreamFailure(error, upstream.name);
      if (connected) reject(failure);
      else resolve({ kind: "unreachable", failure });
    });
    asked.on("upgrade", (response, socket, head) => {
      over();
      socket.on("error", () => socket.destroy());
      if (response.headers.upgrade?.toLowerCase() === "websocket") return resolve({ kind: "accepted", upstream, response, socket, head });
      socket.destroy();
      malformed("switched to something that was not asked for");
    });
    asked.on("response", (response) => {
      over();
      const status = response.statusCode ?? 0;
      if (response.httpVersionMajor !== 1 || status < 200) malformed(`status ${status} in HTTP/${response.httpVersion}`);
      else {
        answering = response;
        resolve({ kind: "answer", upstream, response });
      }
    });
    asked.end();
  });
}

function sendHandshake({ machinery, plan, request }: Handshake, upstream: Upstream, onConnected: () => void): ClientRequest {
  const headers = machinery.buildRequestHeaders(plan, {
    host: upstreamHost(plan, upstream),
    peer: peerAddress(plan.incoming, request.socket.remoteAddress),
    edits: machinery.editsOf(plan.route.settings).request,
    upstream,
  });
  headers.push("Connection", "Upgrade", "Upgrade", "websocket");
  return httpRequest({
    method: "GET",
    path: upstreamTarget(plan, upstream),
    headers,
    setHost: false,
    maxHeaderSize: maxAnswerHeadBytes,
    insecureHTTPParser: false,
    createConnection: (_, done) => {
      upstream.connect((error, socket) => {
        if (error !== null) return done(error, new Socket());
        onConnected();
        done(null, socket);
      });
      return undefined;
    },
  });
}
