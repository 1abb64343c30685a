import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** A tag, and a length of up to four bytes. */
const longestHead = 6;
/** No message of a directory nests as deeply. */
const deepest = 16;

/** The bytes of the whole element that begins here; null while its head is incomplete, NaN when it can be none (RFC 4511 5.1: definite lengths only). */
function elementBytes(bytes: Buffer): number | null {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) return null;
  const octets = first < 0x80 ? 0 : first & 0x7f;
  if ((tag & 0x1f) === 0x1f || first === 0x80 || octets > 4) return Number.NaN;
  if (octets === 0) return 2 + first;
  return bytes.length < 2 + octets ? null : 2 + octets + bytes.readUIntBE(2, octets);
}

/** Whether each element in it ends where its parent ends, or before. */
function isSound(content: Buffer, depth: number): boolean {
  for (let rest = content; rest.length > 0; ) {
    const length = elementBytes(rest);
    if (length === null || !(length <= rest.length)) return false;
    const [tag = 0, first = 0] = rest;
    const inside = rest.subarray(2 + (first < 0x80 ? 0 : first & 0x7f), length);
    if ((tag & 0x20) !== 0 && (depth === 0 || !isSound(inside, depth - 1))) return false;
    rest = rest.subarray(length);
  }
  return true;
}

/**
 * The connection as ldapts sees it: whole messages only, each of them sound. ldapts takes an element that is longer than its message for
 * an empty one without moving on, and would read it without end, with the process standing still and its memory growing.
 *
 * A message longer than `mostBytes` ends the connection as well.
 */
export function soundMessages(socket: Socket, mostBytes: number): Socket {
  const chunks: Buffer[] = [];
  let received = 0;
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => void socket.write(chunk, done),
    final: (done) => {
      socket.end();
      done();
    },
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  const give = () => {
    while (received > 0) {
      // A head that is spread over chunks is put together at once, the rest when all of it is there.
      if ((chunks[0]?.length ?? 0) < longestHead) chunks.splice(0, chunks.length, Buffer.concat(chunks));
      const [head = Buffer.alloc(0)] = chunks;
      const length = elementBytes(head);
      if (length !== null && !(length <= mostBytes && head[0] === 0x30)) throw new Error("the server sent what is no LDAP message");
      if (length === null || length > received) return;
      const all = Buffer.concat(chunks);
      const message = all.subarray(0, length);
      if (!isSound(message, deepest)) throw new Error("the server sent an LDAP message that is longer inside than outside");
      const rest = all.subarray(length);
      chunks.splice(0, chunks.length, ...(rest.length > 0 ? [rest] : []));
      received = rest.length;
      stream.push(message);
    }
  };
  socket.on("data", (chunk: Buffer) => {
    if (stream.destroyed) return;
    chunks.push(chunk);
    received += chunk.length;
    try {
      give();
    } catch (error) {
      stream.destroy(error as Error);
    }
  });
  socket.on("end", () => stream.push(null));
  socket.on("close", () => stream.destroy());
  socket.on("error", (error) => stream.destroy(error));
  stream.on("error", () => undefined);
  // What ldapts asks of a socket that is connected already.
  return Object.assign(stream, { connecting: false, readyState: "open" }) as unknown as Socket;
}
