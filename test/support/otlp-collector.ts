import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One span as it came over the wire. Ids are hexadecimal; times are nanoseconds since the epoch. */
export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty at the root of a trace. */
  readonly parent: string;
  readonly state: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The spans of other traces that it belongs together with, as `trace-span`. */
  readonly links: readonly string[];
  /** 2 = error. */
  readonly status: number;
  /** Of the process that made it. */
  readonly resource: Readonly<Record<string, unknown>>;
}
export interface OtlpCollector {
  readonly url: string;
  readonly spans: readonly SentSpan[];
  /** Of every export. */
  readonly heads: readonly IncomingHttpHeaders[];
  /** All bytes of every export: what must not be in them is looked for here. */
  readonly bodies: readonly Buffer[];
  /** Answers exports with this status from now on; `null`: not at all, and the connection stays open. */
  answerWith(status: number | null): void;
  forget(): void;
  close(): Promise<void>;
}

/** A collector's OTLP/HTTP receiver on loopback: takes protobuf at /v1/traces and keeps what it decodes. */
export async function startOtlpCollector(port = 0): Promise<OtlpCollector> {
  let status: number | null = 200;
  const spans: SentSpan[] = [];
  const heads: IncomingHttpHeaders[] = [];
  const bodies: Buffer[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const isExport = req.method === "POST" && req.url === "/v1/traces" && req.headers["content-type"] === "application/x-protobuf";
      if (isExport && status === 200) {
        const body = Buffer.concat(chunks);
        heads.push(req.headers);
        bodies.push(body);
        spans.push(...decodeExport(body));
      }
      if (isExport && status === null) return;
      res.writeHead(isExport ? (status ?? 200) : 404, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    heads,
    bodies,
    answerWith: (next) => {
      status = next;
    },
    forget: () => {
      spans.length = 0;
      heads.length = 0;
      bodies.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** One field of a protobuf message: a number, or the bytes of a text or of another message. */
interface Field {
  readonly number: number;
  readonly value: bigint | Buffer;
}

function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at] ?? 0;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (wire === 0) yield { number, value: varint() };
    else if (wire === 1) {
      yield { number, value: message.readBigUInt64LE(at) };
      at += 8;
    } else if (wire === 5) {
      yield { number, value: BigInt(message.readUInt32LE(at)) };
      at += 4;
    } else if (wire === 2) {
      const length = Number(varint());
      yield { number, value: message.subarray(at, at + length) };
      at += length;
    } else throw new Error(`wire type ${wire}`);
  }
}

const parts = (message: Buffer, wanted: number): Buffer[] =>
  [...fieldsOf(message)].flatMap(({ number, value }) => (number === wanted && Buffer.isBuffer(value) ? [value] : []));
const numberIn = (message: Buffer, wanted: number): bigint => {
  const found = [...fieldsOf(message)].find(({ number }) => number === wanted)?.value;
  return typeof found === "bigint" ? found : 0n;
};
const textIn = (message: Buffer, wanted: number): string => parts(message, wanted)[0]?.toString("utf8") ?? "";
const hexIn = (message: Buffer, wanted: number): string => parts(message, wanted)[0]?.toString("hex") ?? "";

/** opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest. */
function decodeExport(message: Buffer): SentSpan[] {
  return parts(message, 1).flatMap((ofResource) => {
    const resource = Object.fromEntries(parts(ofResource, 1).flatMap((one) => parts(one, 1).map(decodeAttribute)));
    return parts(ofResource, 2).flatMap((ofScope) => parts(ofScope, 2).map((span) => decodeSpan(span, resource)));
  });
}

function decodeSpan(span: Buffer, resource: Readonly<Record<string, unknown>>): SentSpan {
  const [status] = parts(span, 15);
  return {
    traceId: hexIn(span, 1),
    spanId: hexIn(span, 2),
    state: textIn(span, 3),
    parent: hexIn(span, 4),
    name: textIn(span, 5),
    kind: Number(numberIn(span, 6)),
    start: numberIn(span, 7),
    end: numberIn(span, 8),
    attributes: Object.fromEntries(parts(span, 9).map(decodeAttribute)),
    links: parts(span, 13).map((link) => `${hexIn(link, 1)}-${hexIn(link, 2)}`),
    status: status === undefined ? 0 : Number(numberIn(status, 3)),
    resource,
  };
}

function decodeAttribute(pair: Buffer): [string, unknown] {
  const [value] = [...fieldsOf(parts(pair, 2)[0] ?? Buffer.alloc(0))];
  return [textIn(pair, 1), Buffer.isBuffer(value?.value) ? value.value.toString("utf8") : Number(value?.value ?? 0)];
}
