import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

const lingerMs = 1_000;

/** A connection as far as it matters when its bytes turn out not to be HTTP. */
export interface ClientConnection {
  /** The latest response that was begun on it. */
  response: ServerResponse | null;
  /** It has been told off; what still arrives is read away. */
  refused: boolean;
}

/** The status for bytes that the parser refused. */
export function clientErrorStatus(error: Error & { readonly code?: string; readonly rawPacket?: unknown }): number {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      // One limit for the request line and the fields: without an end of the first line it is the target that is too long.
      return Buffer.isBuffer(error.rawPacket) && /^[A-Z-]+ \S+$/.test(error.rawPacket.subarray(0, 12_000).toString("latin1")) ? 414 : 431;
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return 413;
    default:
      return 400;
  }
}

/**
 * Ends a connection whose bytes are not HTTP: with a bare answer where the client waits for one, without a word where it would land in the
 * middle of another answer. The parser's state is lost, so nothing that follows may be taken for a request.
 */
export function refuseConnection(socket: Duplex, connection: ClientConnection, status: number, requestId: string): void {
  if (connection.refused) return;
  connection.refused = true;
  const { response } = connection;
  const answering = response !== null && !response.writableFinished;
  if (!socket.writable || (answering && (response.headersSent || response.socket !== socket))) {
    socket.destroy();
    return;
  }
  // Closing with unread bytes would reset the connection, and the reset could overtake the answer.
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nX-Request-Id: ${requestId}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
