import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { GatewayError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Address, ListenSettings } from "../../core/settings.ts";
import { listenFailure } from "../../lib/connection-cures.ts";
import { parseNetworks } from "../../lib/networks.ts";
import { mentionsWebSocket } from "../websocket.ts";
import { type Certificates, openCertificates } from "./certificates.ts";
import {
  type ClientConnection,
  clientErrorStatus,
  createAdmitConnection,
  createNoiseLog,
  createOneAtATime,
  type NoiseLog,
  type OneAtATime,
  refuseConnection,
} from "./connections.ts";

/** One public address. */
export interface Listener {
  address(): Address;
  /** Days until each of its certificates expires; empty without TLS. */
  certificates(): ReturnType<Certificates["daysLeft"]>;
  /** Requests whose answer is not complete. */
  openRequests(): number;
  /**
   * Stops accepting, lets what is in flight finish with `Connection: close`, closes idle connections, and cuts the rest when `graceMs`
   * have passed. Resolves when every connection is gone.
   */
  close(graceMs: number): Promise<void>;
}

export interface ListenerDeps {
  readonly settings: ListenSettings;
  readonly log: Log;
  readonly onRequest: (req: IncomingMessage, res: ServerResponse) => void;
  /** WebSocket handshakes, clean or not, and CONNECT. The socket has an error listener. */
  readonly onUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** For what could not be read as a request, and is answered and logged all the same. */
  readonly newRequestId: () => string;
}

/** Room for the target and the fields beyond our usual limits, so that those answer (414, 431) rather than the parser. */
const usualHeadBytes = 32 * 1024;
const headersMs = 10_000;
const checkEveryMs = 1_000;
/** Longer than balancers keep their idle connections, so that they close them and no request meets a closed one. */
const keepAliveMs = 75_000;
/** Connections that the kernel keeps until we take them. Node's 511 makes clients that come in a crowd try again seconds later. */
const backlog = 4_096;
/** While draining, how long an idle connection may still bring a request (answered with `Connection: close`) before it is closed. */
const idleGraceMs = 1_000;

const options: ServerOptions = {
  insecureHTTPParser: false,
  // Host is checked by readIncoming, which answers with a request id.
  requireHostHeader: false,
  headersTimeout: headersMs,
  // Bodies that move may take as long as they need; what stands still is cut by its reader.
  requestTimeout: 0,
  connectionsCheckingInterval: checkEveryMs,
  keepAliveTimeout: keepAliveMs,
  keepAlive: true,
  noDelay: true,
};

interface State {
  readonly deps: ListenerDeps;
  readonly server: Server;
  /** Every connection below TLS, upgraded ones included. */
  readonly sockets: Set<Socket>;
  /** By the socket that requests name, so above TLS. */
  readonly connections: Map<Duplex, ClientConnection>;
  readonly oneAtATime: OneAtATime;
  readonly noise: NoiseLog;
  draining: boolean;
}

/** Opens one listener with every limit set. Rejects with `listener.failed`. */
export async function createListener(deps: ListenerDeps): Promise<Listener> {
  const { tls } = deps.settings;
  const certificates = tls === null ? null : await openCertificates({ files: tls.certificates, log: deps.log });
  // Node asks this before it hands the connection over; what is no WebSocket is a plain request whose Upgrade field goes no further.
  const ignored = { upgrade: null as IncomingMessage | null };
  const shouldUpgradeCallback = (req: IncomingMessage) => {
    if (mentionsWebSocket(req.headers.upgrade ?? null)) return true;
    ignored.upgrade = req;
    return false;
  };
  const server = openServer(
    { ...options, maxHeaderSize: deps.settings.maxHeadBytes ?? usualHeadBytes, shouldUpgradeCallback },
    certificates,
  );
  // Not node's limit: it drops fields silently, framing fields among them (CVE-2026-58044). Ours refuses.
  server.maxHeadersCount = 0;
  if (deps.settings.maxConnections !== undefined) server.maxConnections = deps.settings.maxConnections;
  const state: State = {
    deps,
    server,
    sockets: new Set(),
    connections: new Map(),
    oneAtATime: createOneAtATime(server),
    noise: createNoiseLog(deps.log),
    draining: false,
  };
  trackConnections(state, certificates !== null);
  takeRequests(state, ignored);
  await listen(server, deps.settings);
  return {
    address: () => addressOf(server, deps.settings),
    certificates: () => certificates?.daysLeft() ?? [],
    openRequests: () => [...state.connections.values()].filter(isAnswering).length,
    close: async (graceMs) => {
      await drain(state, graceMs);
      certificates?.close();
    },
  };
}

function openServer(all: ServerOptions, certificates: Certificates | null): Server {
  if (certificates === null) return createServer(all);
  const server = createTlsServer({
    ...all,
    ALPNProtocols: ["http/1.1"],
    minVersion: "TLSv1.2",
    handshakeTimeout: headersMs,
    SNICallback: (name, done) => done(null, certificates.forName(name)),
  });
  certificates.onFallback((pair) => server.setSecureContext({ ...pair, minVersion: "TLSv1.2" }));
  return server;
}

function trackConnections({ server, sockets, connections, oneAtATime, deps, noise }: State, tls: boolean): void {
  const admit = createAdmitConnection({
    most: deps.settings.maxConnectionsPerAddress ?? Number.POSITIVE_INFINITY,
    exempt: parseNetworks(deps.settings.trustedProxies ?? []),
    onRefused: (client) => deps.log.debug({ client }, "too many connections of one address"),
  });
  server.on("connection", (socket: Socket) => {
    if (!admit(socket)) return;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on(tls ? "secureConnection" : "connection", (socket: Socket) => {
    const connection: ClientConnection = { response: null, refused: false };
    connections.set(socket, connection);
    oneAtATime.guard(socket, () => (isAnswering(connection) ? connection.response : null));
    socket.once("close", () => connections.delete(socket));
  });
  server.on("tlsClientError", (error, socket) => {
    noise("debug", error, { error, client: socket.remoteAddress }, "a TLS handshake failed");
    socket.destroy();
  });
  server.on("error", (error) => deps.log.error({ error }, "the listener failed"));
}

function takeRequests(state: State, ignored: { upgrade: IncomingMessage | null }): void {
  const { server, connections, deps, noise } = state;
  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    const connection = connections.get(req.socket);
    if (connection !== undefined) connection.response = res;
    // Past an upgrade that was not taken, the parser no longer sees where the next request starts.
    if (ignored.upgrade === req || state.draining) res.shouldKeepAlive = false;
    ignored.upgrade = null;
    deps.onRequest(req, res);
  };
  server.on("request", onRequest);
  // Listened to, or node would answer 100 before access was decided.
  server.on("checkContinue", onRequest);
  server.on("checkExpectation", onRequest);
  const onUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (state.oneAtATime.hold(req, socket, head)) return;
    // Before anything else: node has taken its own away, and a reset now would end the process.
    socket.on("error", () => socket.destroy());
    deps.onUpgrade(req, socket, head);
  };
  server.on("upgrade", onUpgrade);
  server.on("connect", onUpgrade);
  server.on("clientError", (error: Error & { code?: string }, socket) => {
    const connection = connections.get(socket);
    // A TLS handshake failed: `tlsClientError` has logged and ended it.
    if (connection === undefined) return;
    if (error.code === "ECONNRESET") return void socket.destroy();
    // Bytes behind the last request of a connection: they are not read, and the last answer is still on its way.
    if (error.code === "HPE_CLOSED_CONNECTION" && isAnswering(connection)) return;
    if (connection.refused) return;
    const [request, status] = [deps.newRequestId(), clientErrorStatus(error)];
    noise("info", error, { request, client: clientOf(socket), code: error.code ?? error.message, status }, "bytes that are not HTTP");
    refuseConnection(socket, connection, status, request);
  });
}

function isAnswering({ response }: ClientConnection): boolean {
  return response !== null && !response.writableFinished && !response.destroyed;
}

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => reject(new GatewayError("listener.failed", listenFailure(address, "listen", cause), { cause }));
    server.once("error", onError);
    server.listen({ host: address.host, port: address.port, backlog }, () => {
      server.off("error", onError);
      resolve();
    });
  });
}

function drain(state: State, graceMs: number): Promise<void> {
  const { server, sockets, connections } = state;
  state.draining = true;
  for (const { response } of connections.values()) {
    if (response !== null && !response.headersSent) response.shouldKeepAlive = false;
  }
  return new Promise((resolve) => {
    let closeIdle: NodeJS.Timeout | null = null;
    const begin = setTimeout(
      () => {
        // Opened in reserve and never used: node takes these for busy. Not at once, for one opened just now is about to bring a request.
        for (const socket of connections.keys()) if ("bytesRead" in socket && socket.bytesRead === 0) socket.destroy();
        closeIdle = setInterval(() => server.closeIdleConnections(), 100);
      },
      Math.min(idleGraceMs, graceMs),
    );
    const cutAll = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    // Not http's close: it cuts idle connections at once, and with them requests that are on their way.
    NetServer.prototype.close.call(server, () => {
      clearTimeout(begin);
      clearTimeout(cutAll);
      if (closeIdle !== null) clearInterval(closeIdle);
      // Stops node's own timers.
      server.close(() => {});
      resolve();
    });
  });
}

function addressOf(server: Server, settings: Address): Address {
  const address = server.address() as AddressInfo | string | null;
  return address === null || typeof address === "string" ? settings : { host: address.address, port: address.port };
}

function clientOf(socket: Duplex): string | undefined {
  return "remoteAddress" in socket && typeof socket.remoteAddress === "string" ? socket.remoteAddress : undefined;
}
