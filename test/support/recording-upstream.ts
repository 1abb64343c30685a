import { type AddressInfo, createServer, type Socket } from "node:net";
import { fieldValues, takeMessage, type WireMessage } from "./http-bytes.ts";

export interface RecordedRequest extends WireMessage {
  readonly method: string;
  readonly target: string;
  /** Which connection it came on, from 0. */
  readonly connection: number;
  /** The first value of a field, null without one. */
  header(name: string): string | null;
  headerValues(name: string): readonly string[];
}

/** What the upstream does with one request. Strings are bytes (latin1). */
export type Scripted =
  | string
  | Uint8Array
  | { readonly bytes: string | Uint8Array; readonly after: "keep" | "end" | "destroy" }
  /** Bytes in pieces: the script writes to the socket by itself. */
  | ((socket: Socket) => void)
  /** Stays silent. */
  | null;

export interface RecordingUpstream {
  readonly port: number;
  readonly url: string;
  /** Every complete request, in order of arrival, over all connections. */
  readonly requests: readonly RecordedRequest[];
  /** All bytes received, by connection: also those that never became a request. */
  readonly received: readonly Buffer[];
  readonly connections: number;
  readonly openConnections: number;
  /** Replaces the script for the requests that follow. */
  answerWith(script: (request: RecordedRequest) => Scripted): void;
  forget(): void;
  close(): Promise<void>;
}

export const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok";

/**
 * An upstream made of bytes: it records what arrives without normalising, and answers as scripted (200 "ok" by default). After an
 * answer that begins with `HTTP/1.1 101` the connection is a tunnel that echoes. With `socketFile` it listens there and has no port.
 */
export async function startRecordingUpstream(
  script: (request: RecordedRequest) => Scripted = () => okAnswer,
  { socketFile }: { readonly socketFile?: string } = {},
): Promise<RecordingUpstream> {
  let current = script;
  let requests: RecordedRequest[] = [];
  let received: Buffer[] = [];
  let connections = 0;
  const sockets = new Set<Socket>();

  const server = createServer((socket) => {
    const connection = connections;
    connections += 1;
    sockets.add(socket);
    received[connection] = Buffer.alloc(0);
    let pending: Buffer = Buffer.alloc(0);
    let tunnel = false;
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      received[connection] = Buffer.concat([received[connection] ?? Buffer.alloc(0), chunk]);
      if (tunnel) return void socket.write(chunk);
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const message = takeMessage(pending, { ended: false, bodyless: () => false, closeDelimited: false });
        if (message === null) return;
        pending = pending.subarray(message.length);
        const request = asRequest(message, connection);
        requests.push(request);
        tunnel = act(socket, current(request));
        if (tunnel && pending.length > 0) socket.write(pending);
        if (tunnel) return;
      }
    });
  });
  await new Promise<void>((resolve) => {
    if (socketFile === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(socketFile, resolve);
  });
  const port = socketFile === undefined ? (server.address() as AddressInfo).port : 0;
  return {
    port,
    url: socketFile === undefined ? `http://127.0.0.1:${port}` : `unix://${socketFile}`,
    get requests() {
      return requests;
    },
    get received() {
      return received;
    },
    get connections() {
      return connections;
    },
    get openConnections() {
      return sockets.size;
    },
    answerWith: (next) => {
      current = next;
    },
    forget: () => {
      requests = [];
      received = [];
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Carries one answer out; true when the connection is a tunnel from here on. */
function act(socket: Socket, scripted: Scripted): boolean {
  if (scripted === null) return false;
  if (typeof scripted === "function") {
    scripted(socket);
    return false;
  }
  const { bytes: given, after } =
    typeof scripted === "string" || scripted instanceof Uint8Array ? { bytes: scripted, after: "keep" } : scripted;
  const bytes = typeof given === "string" ? Buffer.from(given, "latin1") : Buffer.from(given);
  socket.write(bytes);
  if (after === "end") socket.end();
  // Destroyed only when the bytes are gone: the reset must not overtake them.
  if (after === "destroy") socket.write("", () => socket.destroy());
  return bytes.subarray(0, 12).toString("latin1") === "HTTP/1.1 101";
}

function asRequest(message: WireMessage, connection: number): RecordedRequest {
  const [method = "", target = ""] = message.startLine.split(" ");
  return {
    ...message,
    method,
    target,
    connection,
    header: (name) => fieldValues(message, name)[0] ?? null,
    headerValues: (name) => fieldValues(message, name),
  };
}
