import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { fieldValues, takeMessage, type WireMessage } from "./http-bytes.ts";

export interface RawAnswer extends WireMessage {
  readonly status: number;
  readonly text: string;
  /** The first value of a field, null without one. */
  header(name: string): string | null;
  headerValues(name: string): readonly string[];
}

/** A client that sends exactly the bytes it is given and keeps every byte it gets. */
export interface RawClient {
  readonly socket: Socket;
  send(bytes: string | Uint8Array): void;
  /** Half-closes. */
  end(): void;
  /** The next answer; rejects when the connection closes or stays silent first. 1xx answers are answers of their own. */
  answer(options?: { timeoutMs?: number; head?: boolean }): Promise<RawAnswer>;
  /** Waits until the bytes not yet taken by `answer` satisfy `enough`, and takes them (after an upgrade). */
  bytes(enough: (bytes: Buffer) => boolean, timeoutMs?: number): Promise<Buffer>;
  /** Resolves when the other side closed; the value is what was left unread. */
  closed(timeoutMs?: number): Promise<Buffer>;
  readonly isClosed: boolean;
  destroy(): void;
}

export interface RawTarget {
  readonly port: number;
  readonly host?: string;
  /** Talks TLS and trusts anything (the tests are about HTTP). */
  readonly tls?: { readonly serverName: string };
}

/** Strings are sent as latin1: one char, one byte. */
export async function rawConnect({ port, host = "127.0.0.1", tls }: RawTarget): Promise<RawClient> {
  const socket =
    tls === undefined ? connect({ port, host }) : connectTls({ port, host, servername: tls.serverName, rejectUnauthorized: false });
  let buffer: Buffer = Buffer.alloc(0);
  let ended = false;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of [...waiting]) check();
  };
  socket.on("data", (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    wake();
  });
  for (const event of ["end", "close"] as const)
    socket.on(event, () => {
      ended = true;
      wake();
    });
  await new Promise<void>((resolve, reject) => {
    socket.once(tls === undefined ? "connect" : "secureConnect", () => resolve());
    socket.once("error", reject);
  });
  // A reset is one way to be closed, not a failure of the test.
  socket.on("error", () => {});

  const until = <T>(take: () => T | null, what: string, timeoutMs: number): Promise<T> =>
    new Promise((resolve, reject) => {
      const check = () => {
        const value = take();
        if (value !== null) finish(() => resolve(value));
        else if (ended) finish(() => reject(new Error(`closed before ${what}; unread: ${buffer.toString("latin1").slice(0, 500)}`)));
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`no ${what} within ${timeoutMs} ms; unread: ${buffer.toString("latin1").slice(0, 500)}`))),
        timeoutMs,
      );
      const finish = (settle: () => void) => {
        waiting.delete(check);
        clearTimeout(timer);
        settle();
      };
      waiting.add(check);
      check();
    });

  return {
    socket,
    send: (bytes) => void socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes),
    end: () => void socket.end(),
    answer: ({ timeoutMs = 5_000, head = false } = {}) =>
      until(
        () => {
          const taken = takeAnswer(buffer, ended, head);
          if (taken !== null) buffer = buffer.subarray(taken.length);
          return taken;
        },
        "answer",
        timeoutMs,
      ),
    bytes: (enough, timeoutMs = 5_000) =>
      until(
        () => {
          if (!enough(buffer)) return null;
          const taken = buffer;
          buffer = Buffer.alloc(0);
          return taken;
        },
        "enough bytes",
        timeoutMs,
      ),
    closed: (timeoutMs = 5_000) => until(() => (ended ? buffer : null), "close", timeoutMs),
    get isClosed() {
      return ended;
    },
    destroy: () => void socket.destroy(),
  };
}

export interface Exchange {
  /** Final answers and 1xx ones, in order. */
  readonly answers: readonly RawAnswer[];
  /** The statuses of `answers`. */
  readonly statuses: readonly number[];
  readonly closed: boolean;
}

/**
 * Sends `bytes` on a connection of its own and collects what comes back until the other side closes, or stays silent for
 * `quietMs` after the last byte. Never rejects because of what the other side does.
 */
export async function exchange(target: RawTarget, bytes: string | Uint8Array, { quietMs = 300 } = {}): Promise<Exchange> {
  const client = await rawConnect(target);
  const head = typeof bytes === "string" && bytes.startsWith("HEAD ");
  client.send(bytes);
  const answers: RawAnswer[] = [];
  for (;;) {
    try {
      answers.push(await client.answer({ timeoutMs: answers.length === 0 ? 10 * quietMs : quietMs, head }));
    } catch {
      break;
    }
  }
  const closed = client.isClosed;
  client.destroy();
  return { answers, statuses: answers.map((answer) => answer.status), closed };
}

function takeAnswer(buffer: Buffer, ended: boolean, head: boolean): RawAnswer | null {
  const statusOf = (line: string) => Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1] ?? Number.NaN);
  const bodyless = (line: string) => head || statusOf(line) === 204 || statusOf(line) === 304 || statusOf(line) < 200;
  const message = takeMessage(buffer, { ended, bodyless: ({ startLine }) => bodyless(startLine), closeDelimited: true });
  if (message === null) return null;
  return {
    ...message,
    status: statusOf(message.startLine),
    text: message.body.toString("utf8"),
    header: (name) => fieldValues(message, name)[0] ?? null,
    headerValues: (name) => fieldValues(message, name),
  };
}
