import { createServer as createPlainServer } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeAll, expect, test } from "vitest";
import { makeSecret } from "../../src/core/secret.ts";
import type { ProxySettings } from "../../src/core/settings.ts";
import { makeAuthority, type TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { startForwarder } from "../support/forwarder.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";

let authority: TestAuthority;
let stranger: TestAuthority;
let forName: TestCertificate;
let forAddress: TestCertificate;
let ours: TestCertificate;
beforeAll(async () => {
  [authority, stranger] = await Promise.all([makeAuthority(), makeAuthority("Stranger")]);
  [forName, forAddress, ours] = await Promise.all([
    authority.issue("DNS:inner.test"),
    authority.issue("IP:127.0.0.1"),
    authority.issue("DNS:gateway.test"),
  ]);
});
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Seen {
  readonly sni: string | false | null;
  readonly client: string | null;
  readonly host: string;
}
/** An https upstream that tells what it saw, and takes upgrades. */
async function start(tls: Partial<ProxySettings["tls"]>, server: ServerOptions) {
  const seen: Seen[] = [];
  const note = (socket: TLSSocket, host: string) =>
    void seen.push({ sni: socket.servername ?? null, client: socket.getPeerCertificate()?.subjectaltname ?? null, host });
  const https = createServer(server, (request, response) => {
    note(request.socket as TLSSocket, String(request.headers.host));
    response.end("safe");
  });
  https.on("upgrade", (request, socket) => {
    note(request.socket as TLSSocket, String(request.headers.host));
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
  const forwarder = await startForwarder({ upstreams: [`https://127.0.0.1:${(https.address() as AddressInfo).port}`], proxy: { tls } });
  closing.push(forwarder.close, () => {
    https.closeAllConnections();
    return new Promise((resolve) => https.close(resolve));
  });
  return { forwarder, seen };
}
const get = "GET / HTTP/1.1\r\nHost: wiki.test\r\n\r\n";
const upgrade =
  "GET / HTTP/1.1\r\nHost: wiki.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

type Case = {
  readonly when: string;
  readonly tls: () => Partial<ProxySettings["tls"]>;
  readonly server: () => ServerOptions;
  readonly answer: number;
};
const cases: readonly Case[] = [
  { when: "a certificate for the address", tls: () => ({ ca: authority.certificate }), server: () => served(forAddress), answer: 200 },
  {
    when: "a certificate for the configured name",
    tls: () => ({ ca: authority.certificate, serverName: "inner.test" }),
    server: () => served(forName),
    answer: 200,
  },
  { when: "a certificate for another name", tls: () => ({ ca: authority.certificate }), server: () => served(forName), answer: 502 },
  {
    when: "a certificate of the visitor's host only",
    tls: () => ({ ca: authority.certificate, serverName: "wiki.test" }),
    server: () => served(forName),
    answer: 502,
  },
  {
    when: "an authority that is not ours",
    tls: () => ({ ca: stranger.certificate, serverName: "inner.test" }),
    server: () => served(forName),
    answer: 502,
  },
  { when: "no authority configured", tls: () => ({ serverName: "inner.test" }), server: () => served(forName), answer: 502 },
  { when: "verification switched off", tls: () => ({ insecureSkipVerify: true }), server: () => served(forName), answer: 200 },
  {
    when: "a client certificate that is wanted and given",
    tls: () => ({ ca: authority.certificate, certificate: ours.certificate, key: makeSecret(ours.key) }),
    server: () => ({ ...served(forAddress), ca: authority.certificate, requestCert: true, rejectUnauthorized: true }),
    answer: 200,
  },
  {
    when: "a client certificate that is wanted and missing",
    tls: () => ({ ca: authority.certificate }),
    server: () => ({ ...served(forAddress), ca: authority.certificate, requestCert: true, rejectUnauthorized: true }),
    answer: 502,
  },
];
const served = ({ certificate, key }: TestCertificate): ServerOptions => ({ cert: certificate, key });

test.each(cases)("$when: $answer, for requests and for upgrades", async ({ tls, server, answer }) => {
  const { forwarder, seen } = await start(tls(), server());
  const { answers } = await exchange(forwarder, get, { quietMs: 100 });
  expect(answers.map(({ status }) => status)).toEqual([answer]);
  const tunnel = await rawConnect(forwarder);
  tunnel.send(upgrade);
  const opened = await tunnel.answer();
  expect(opened.status).toBe(answer === 200 ? 101 : 502);
  tunnel.destroy();
  if (answer !== 200) expect(seen).toEqual([]);
  expect(forwarder.uncaught).toEqual([]);
});

test("the name asked for by SNI is the upstream's, not the visitor's, and one connection serves all hosts", async () => {
  const { forwarder, seen } = await start({ ca: authority.certificate, serverName: "inner.test" }, served(forName));
  for (const host of ["wiki.test", "docs.test", "wiki.test"])
    await exchange(forwarder, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, { quietMs: 50 });
  expect(seen.map(({ sni, host }) => [sni, host])).toEqual([
    ["inner.test", "wiki.test"],
    ["inner.test", "docs.test"],
    ["inner.test", "wiki.test"],
  ]);
});

test("a failed proof is told apart from a dead upstream", async () => {
  const { forwarder } = await start({ ca: stranger.certificate }, served(forAddress));
  const { answers } = await exchange(forwarder, get, { quietMs: 100 });
  expect(answers[0]?.header("x-error")).toBe("upstream.tls-failed");
});

test("http:// to a port that speaks TLS, and https:// to one that does not: the failure says which to write", async () => {
  const https = createServer({ cert: forAddress.certificate, key: forAddress.key });
  const plain = createPlainServer((_, response) => response.end("plain"));
  const ports = await Promise.all(
    [https, plain].map(
      (server) => new Promise<number>((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))),
    ),
  );
  closing.push(async () => {
    https.close();
    plain.close();
  });
  const told = async (url: string) => {
    const forwarder = await startForwarder({ upstreams: [url] });
    closing.push(forwarder.close);
    expect((await exchange(forwarder, get)).statuses).toEqual([502]);
    return String((forwarder.results.at(-1)?.error as Error | undefined)?.message);
  };
  expect(await told(`http://127.0.0.1:${ports[0]}`)).toContain("if it speaks TLS on that port write https://");
  expect(await told(`https://127.0.0.1:${ports[1]}`)).toMatch(/^[^\n]*it does not speak TLS on that port: write http:\/\//);
});
