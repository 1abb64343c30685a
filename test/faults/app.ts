import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";

/** An application that is cheap to ask, and can be slow and large on demand. */
export interface App {
  readonly port: number;
  readonly url: string;
  readonly requests: number;
  /** Requests outside the public path that came without an identity: none may ever come. */
  readonly unauthenticated: number;
  /** Of each `/bytes` that was cut: milliseconds from the last bytes that it could send until then. */
  readonly stalls: readonly number[];
  close(): Promise<void>;
}

const block = Buffer.alloc(64 * 1024, "vestibule ");
const digestOf = (bytes: number) => {
  const hash = createHash("sha256");
  for (let left = bytes; left > 0; left -= block.length) hash.update(block.subarray(0, Math.min(left, block.length)));
  return hash.digest("hex");
};
const digests = new Map<number, string>();
/** What `/bytes?n=` sends, as a hash. */
export function digestOfBytes(bytes: number): string {
  const known = digests.get(bytes) ?? digestOf(bytes);
  digests.set(bytes, known);
  return known;
}
export const blockOfBytes = block;

/** `/`, `/slow?ms=`, `/bytes?n=`, `POST /hash?pause=` (answers the SHA-256 of what came), `/sleepy` (says nothing), WebSockets that echo. */
export async function startApp(): Promise<App> {
  let requests = 0;
  let unauthenticated = 0;
  const stalls: number[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer({ maxHeaderSize: 64 * 1024 }, (request, response) => {
    requests += 1;
    const url = new URL(request.url ?? "/", "http://app");
    const user = request.headers["remote-user"];
    if (user === undefined && url.pathname !== "/healthz") unauthenticated += 1;
    if (url.pathname === "/slow") return void setTimeout(() => response.end("slow"), Number(url.searchParams.get("ms")));
    if (url.pathname === "/sleepy") return;
    if (url.pathname === "/bytes") return sendBytes(response, Number(url.searchParams.get("n")), stalls);
    if (url.pathname === "/drip") {
      const ticks = Number(url.searchParams.get("n"));
      response.writeHead(200, { "content-length": ticks });
      let sent = 0;
      const timer = setInterval(() => {
        response.write("x");
        sent += 1;
        if (sent === ticks) {
          clearInterval(timer);
          response.end();
        }
      }, 100);
      return void response.once("close", () => clearInterval(timer));
    }
    if (url.pathname === "/hash") {
      const hash = createHash("sha256");
      const pause = Number(url.searchParams.get("pause") ?? 0);
      request.on("data", (chunk: Buffer) => {
        hash.update(chunk);
        if (pause === 0) return;
        request.pause();
        setTimeout(() => request.resume(), pause);
      });
      request.on("error", () => undefined);
      return void request.on("end", () => response.end(hash.digest("hex")));
    }
    response.end(`hello ${user ?? "nobody"} ${request.headers["remote-groups"] ?? ""}`);
  });
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false });
  webSockets.on("connection", (socket, request) => {
    if (request.headers["remote-user"] === undefined) unauthenticated += 1;
    socket.on("error", () => undefined);
    socket.on("message", (data) => socket.send(data));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 4_096, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    stalls,
    get unauthenticated() {
      return unauthenticated;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function sendBytes(response: import("node:http").ServerResponse, bytes: number, stalls: number[]): void {
  response.writeHead(200, { "content-length": bytes });
  let left = bytes;
  let sentAt = performance.now();
  response.once("close", () => void (left > 0 && stalls.push(performance.now() - sentAt)));
  const write = () => {
    sentAt = performance.now();
    while (left > 0) {
      const chunk = block.subarray(0, Math.min(left, block.length));
      left -= chunk.length;
      if (left === 0) return void response.end(chunk);
      if (!response.write(chunk)) return void response.once("drain", write);
    }
  };
  write();
}
