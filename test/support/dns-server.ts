import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { createLookUpTxt, type LookUpTxt } from "../../src/directory/domains.ts";

/** A name server for TXT records on a UDP port of its own (RFC 1035). */
export interface DnsServer {
  /** `127.0.0.1:5353`. */
  readonly address: string;
  readonly lookUp: LookUpTxt;
  /** By name, lower case: each record is a list of strings. */
  readonly records: Map<string, string[][]>;
  /** `silent` answers nothing, `failing` SERVFAIL. */
  mode: "answering" | "silent" | "failing";
  /** The names that were asked for, in order. */
  readonly asked: string[];
  /** One record with one string. */
  set(name: string, text: string): void;
  close(): Promise<void>;
}

export async function startDnsServer(): Promise<DnsServer> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const address = `127.0.0.1:${socket.address().port}`;
  const server: DnsServer = {
    address,
    lookUp: createLookUpTxt([address]),
    records: new Map(),
    mode: "answering",
    asked: [],
    set: (name, text) => void server.records.set(name, [[text]]),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
  socket.on("message", (query: Buffer, from: RemoteInfo) => {
    const { name, end } = readName(query);
    server.asked.push(name);
    if (server.mode === "silent") return;
    const records = server.records.get(name.toLowerCase()) ?? [];
    const code = server.mode === "failing" ? 2 : records.length === 0 ? 3 : 0;
    const answers = code === 0 ? records.map(answerOf) : [];
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(answers.length, 6);
    head.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([head, query.subarray(12, end + 4), ...answers]), from.port, from.address);
  });
  return server;
}

/** The name in the question, and where its type begins. */
function readName(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), end: at + 1 };
}

/** A TXT record of the name that was asked for (a pointer to offset 12). */
function answerOf(texts: readonly string[]): Buffer {
  const data = Buffer.concat(texts.map((text) => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)])));
  const head = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
