import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { BerReader, BerWriter } from "ldapts";
import { type DerElement, elementsOf, readElement } from "../../src/login/kerberos/der.ts";

/** One entry: its attributes by name. `password` is what a bind is compared with; `refusal` is what a bind is answered instead. */
export interface DemoEntry {
  readonly dn: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly password?: string;
  readonly refusal?: string;
}

/** Tags of RFC 4511: requests, and the answers to them. */
const bind = { request: 0x60, answer: 0x61 };
const search = { request: 0x63, entry: 0x64, answer: 0x65 };
const extended = { request: 0x77, answer: 0x78 };
const unbindRequest = 0x42;
const result = { success: 0, protocolError: 2, noSuchObject: 32, invalidCredentials: 49 };

/** A directory that knows simple binds and searches: enough for a gateway, and in this process, so that the demo needs nothing installed. */
export async function startDemoDirectory(port: number, entries: readonly DemoEntry[]): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let pending = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      for (let message = firstMessage(pending); message !== null; message = firstMessage(pending)) {
        pending = pending.subarray(message.length);
        answer(socket, message, entries);
      }
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The first whole message of what was received so far; null when there is none. */
function firstMessage(bytes: Buffer): Buffer | null {
  const first = bytes[1];
  if (first === undefined) return null;
  const octets = first < 0x80 ? 0 : first & 0x7f;
  if (bytes.length < 2 + octets) return null;
  const length = 2 + octets + (octets === 0 ? first : bytes.readUIntBE(2, octets));
  return bytes.length < length ? null : bytes.subarray(0, length);
}

function answer(socket: Socket, message: Buffer, entries: readonly DemoEntry[]): void {
  const reader = new BerReader(message);
  reader.readSequence();
  const id = reader.readInt() ?? 0;
  const operation = reader.peek();
  if (operation === unbindRequest) {
    socket.end();
    return;
  }
  reader.readSequence(operation ?? undefined);
  if (operation === bind.request) answerBind(socket, id, reader, entries);
  else if (operation === search.request) answerSearch(socket, id, reader, entries);
  else socket.write(finished(id, operation === extended.request ? extended.answer : search.answer, result.protocolError));
}

function answerBind(socket: Socket, id: number, reader: BerReader, entries: readonly DemoEntry[]): void {
  reader.readInt();
  const dn = reader.readString() ?? "";
  const password = reader.readString(0x80) ?? "";
  const entry = entries.find((one) => isSame(one.dn, dn));
  const isRight = entry?.password !== undefined && password !== "" && entry.password === password;
  const code = isRight && entry.refusal === undefined ? result.success : result.invalidCredentials;
  socket.write(finished(id, bind.answer, code, isRight ? (entry.refusal ?? "") : ""));
}

function answerSearch(socket: Socket, id: number, reader: BerReader, entries: readonly DemoEntry[]): void {
  const base = reader.readString() ?? "";
  const scope = reader.readEnumeration() ?? 0;
  reader.readEnumeration();
  reader.readInt();
  reader.readInt();
  reader.readBoolean();
  const filter = readElement(reader.remainingBuffer)?.element;
  const below = entries.filter(({ dn }) => isSame(dn, base) || (scope !== 0 && dn.toLowerCase().endsWith(`,${base.toLowerCase()}`)));
  if (below.length === 0) {
    socket.write(finished(id, search.answer, result.noSuchObject));
    return;
  }
  for (const entry of below) {
    if (filter !== undefined && matches(filter, entry)) socket.write(found(id, entry));
  }
  socket.write(finished(id, search.answer, result.success));
}

/** And, or, not, equality and presence (RFC 4511 4.5.1.7); every other filter is true of none. */
function matches({ tag, content }: DerElement, entry: DemoEntry): boolean {
  if (tag === 0x87) return valuesOf(entry, content.toString()) !== undefined;
  const parts = elementsOf(content) ?? [];
  if (tag === 0xa0) return parts.every((part) => matches(part, entry));
  if (tag === 0xa1) return parts.some((part) => matches(part, entry));
  if (tag === 0xa2) return parts.every((part) => !matches(part, entry));
  const [name, value] = parts;
  if (tag !== 0xa3 || name === undefined || value === undefined) return false;
  return valuesOf(entry, name.content.toString())?.some((one) => isSame(one, value.content.toString())) ?? false;
}

function valuesOf({ attributes }: DemoEntry, name: string): readonly string[] | undefined {
  return Object.entries(attributes).find(([key]) => isSame(key, name))?.[1];
}

const isSame = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();

function found(id: number, { dn, attributes }: DemoEntry): Buffer {
  return message(id, search.entry, (writer) => {
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, values] of Object.entries(attributes)) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(0x31);
      for (const value of values) writer.writeString(value);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });
}

function finished(id: number, operation: number, code: number, words = ""): Buffer {
  return message(id, operation, (writer) => {
    writer.writeEnumeration(code);
    writer.writeString("");
    writer.writeString(words);
  });
}

function message(id: number, operation: number, content: (writer: BerWriter) => void): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(operation);
  content(writer);
  writer.endSequence();
  writer.endSequence();
  return Buffer.from(writer.buffer);
}
