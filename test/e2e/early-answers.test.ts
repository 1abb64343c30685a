import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startForwarder } from "../support/forwarder.ts";

/** An application that refuses an upload answers, closes and leaves the rest unread: its answer races with the reset that follows. */
const curl = "/usr/bin/curl";
const uploads = 10;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vestibule-early-"));
  await writeFile(join(folder, "upload"), Buffer.alloc(20_000_000, "x"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Answers as soon as it has seen `after` bytes, and reads nothing more. */
async function startRefusing(head: string, after: number, leave: (socket: Socket) => void) {
  const server = createServer((socket) => {
    let seen = 0;
    const onData = (bytes: Buffer) => {
      seen += bytes.length;
      if (seen < after) return;
      socket.off("data", onData).pause();
      socket.write(`HTTP/1.1 ${head}\r\nContent-Length: 6\r\nConnection: close\r\n\r\nno way`, () => leave(socket));
    };
    socket.on("error", () => {});
    socket.on("data", onData);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

const variants = [
  { when: "at once", after: 1, leave: (socket: Socket) => void socket.destroy() },
  { when: "after 300 KB", after: 300_000, leave: (socket: Socket) => void socket.destroy() },
  { when: "and says goodbye", after: 1, leave: (socket: Socket) => void socket.end() },
];

test
  .skipIf(!existsSync(curl))
  .each(["413 Content Too Large", "401 Unauthorized"].flatMap((head) => variants.map((variant) => ({ head, ...variant }))))(
  "$head $when reaches every one of curl's uploads (skipped without curl)",
  { timeout: 60_000 },
  async ({ head, after, leave }) => {
    const app = await startRefusing(head, after, leave);
    const forwarder = await startForwarder({ upstreams: [`http://127.0.0.1:${app.port}`] });
    const options = [[], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]];
    const statuses: string[] = [];
    for (let count = 0; count < uploads; count += 1) {
      const fixed = ["-s", "-o", join(folder, "answer"), "-w", "%{http_code}", "-T", join(folder, "upload"), "-H", "Host: wiki.test"];
      const asked = [...fixed, ...(options[count % options.length] ?? []), `http://127.0.0.1:${forwarder.port}/up`];
      const { stdout } = await promisify(execFile)(curl, asked).catch((error: { stdout: string; code: number }) => ({
        stdout: `${error.stdout}, curl: ${error.code}`,
      }));
      statuses.push(stdout);
    }
    expect(statuses).toEqual(Array.from({ length: uploads }, () => head.slice(0, 3)));
    expect(forwarder.uncaught).toEqual([]);
    await forwarder.close();
    app.close();
  },
);
