import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
// As in the gateway, which talks to applications through it.
import "undici";
import { expect, onTestFinished, test } from "vitest";
import { createProviderFetch } from "../../../src/login/remote/provider-fetch.ts";

const documentText = '{"issuer":"https://id.example"}';

async function serve(codings: number): Promise<{ readonly url: string; readonly ended: Promise<void> }> {
  const ended = Promise.withResolvers<void>();
  const server: Server = createServer((_, response) => {
    response.once("close", ended.resolve);
    let body: Uint8Array = Buffer.from(documentText);
    for (let each = 0; each < codings; each += 1) body = gzipSync(body);
    response.writeHead(200, { "content-encoding": Array(codings).fill("gzip").join(", ") });
    // More than the codings that are taken: it stays open, so that who gives it up must end it.
    if (codings > 5) response.write(body);
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, ended: ended.promise };
}

function aFetch() {
  const closing = new AbortController();
  const metrics = { providerFetches: () => undefined };
  return { ask: createProviderFetch({ provider: "acme", allowHttp: true, fetch, metrics, closing: closing.signal }), closing };
}

test("an answer with more content codings than are taken is refused, its connection ended, and nothing is left to fail later", async () => {
  const { url, ended } = await serve(6);
  const { ask, closing } = aFetch();
  const uncaught: unknown[] = [];
  const hear = (error: unknown) => void uncaught.push(error);
  process.prependListener("uncaughtException", hear);
  onTestFinished(() => void process.off("uncaughtException", hear));
  await expect(ask("metadata", url, { method: "GET", headers: {} })).rejects.toThrow("too many content codings");
  // What would end an exchange that was left.
  closing.abort();
  await ended;
  await new Promise((resolve) => setImmediate(resolve));
  expect(uncaught).toEqual([]);
});

test.each([0, 1, 5])("an answer with %i content codings is read", async (codings) => {
  const { url } = await serve(codings);
  const response = await aFetch().ask("metadata", url, { method: "GET", headers: {} });
  expect(await response.text()).toBe(documentText);
});
