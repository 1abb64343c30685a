// Two users over the same few upstream connections, with uploads, aborts and slow answers in between: nobody may ever see, or send as,
// the other. Compared is what the upstream saw (identity header, body) and what each client got.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Forwarder, startForwarder } from "../support/forwarder.ts";
import { rawConnect } from "../support/raw-client.ts";

let upstream: Server;
let forwarder: Forwarder;
const seen: { user: string; body: string }[] = [];
beforeAll(async () => {
  upstream = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => {});
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const user = String(request.headers["remote-user"]);
      const body = Buffer.concat(chunks).toString();
      seen.push({ user, body });
      const text = `${user}|${body}|${request.url}|`.repeat(1 + (seen.length % 40) * 30);
      if (seen.length % 3 === 0) response.setHeader("Content-Length", Buffer.byteLength(text));
      response.write(text.slice(0, 10));
      setImmediate(() => response.end(text.slice(10)));
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  forwarder = await startForwarder({
    upstreams: [`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`],
    identityHeaders: (request) => ({
      removes: (name) => name.toLowerCase() === "remote-user",
      set: [["Remote-User", String(request.headers["x-test-session"])]],
    }),
  });
});
afterAll(async () => {
  await forwarder.close();
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});

async function visit(user: string, number: number): Promise<void> {
  const client = await rawConnect(forwarder);
  const body = `${user}-${number}`.padEnd(20 + (number % 5) * 400, ".");
  const framing =
    number % 2 === 0
      ? `Content-Length: ${body.length}\r\n\r\n${body}`
      : `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const head = `${number % 4 === 0 ? "GET" : "POST"} /${user}/${number} HTTP/1.1\r\nHost: wiki.test\r\nX-Test-Session: ${user}\r\nRemote-User: admin\r\n`;
  const bytes = head + (number % 4 === 0 ? "\r\n" : framing);
  if (number % 7 === 3) {
    // Leaves in the middle of its upload, or right after it.
    client.send(bytes.slice(0, number % 2 === 0 ? bytes.length : bytes.length - 12));
    await new Promise((resolve) => setImmediate(resolve));
    client.destroy();
    return;
  }
  client.send(bytes);
  const answer = await client.answer({ timeoutMs: 20_000 });
  const expected = `${user}|${number % 4 === 0 ? "" : body}|/${user}/${number}|`;
  expect(answer.status).toBe(200);
  expect(answer.complete).toBe(true);
  expect(answer.text.startsWith(expected)).toBe(true);
  expect(answer.text.replaceAll(expected, "")).toBe("");
  client.destroy();
}

test("hundreds of interleaved requests of two users, some of them aborted, never mix", async () => {
  const visits = Array.from({ length: 400 }, (_, number) => ({ user: number % 2 === 0 ? "alice" : "bob", number: number >> 1 }));
  const work = visits.values();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const { user, number } of work) await visit(user, number);
    }),
  );
  for (const { user, body } of seen) {
    expect(["alice", "bob"]).toContain(user);
    if (body !== "") expect(body.startsWith(`${user}-`)).toBe(true);
  }
  expect(seen.length).toBeGreaterThan(300);
  expect(forwarder.uncaught).toEqual([]);
});
