import { execFile, execFileSync } from "node:child_process";
import { copyFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ConnectionOptions, connect } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCertificates } from "../../../src/http/listener/certificates.ts";
import { createListener, type Listener } from "../../../src/http/listener/server.ts";
import { eventually } from "../../support/eventually.ts";
import { ownedFolder } from "../../support/owned.ts";
import { recordingLog } from "../../support/quiet.ts";
import { rawConnect } from "../../support/raw-client.ts";
import { writeCertificate } from "../../support/server-certificate-files.ts";

let folder: string;
let listener: Listener;
const log = recordingLog();
beforeAll(async () => {
  folder = ownedFolder("vestibule-tls-");
  const certificates = [
    await writeCertificate(folder, "acme", ["acme.example", "wiki.acme.example"]),
    await writeCertificate(folder, "wild", ["*.apps.example"]),
    await writeCertificate(folder, "one", ["one.apps.example"]),
  ];
  listener = await createListener({
    settings: { host: "127.0.0.1", port: 0, tls: { certificates } },
    log,
    onRequest: (_, res) => void res.end("ok"),
    onUpgrade: (_, socket) => void socket.destroy(),
    newRequestId: () => "r-1",
  });
});
afterAll(async () => {
  await listener.close(0);
  await rm(folder, { recursive: true });
});

/** What a TLS client sees. */
function shake(
  options: ConnectionOptions,
): Promise<{ name: string; protocol: string | null; alpn: string | false | null; fingerprint: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: listener.address().port, host: "127.0.0.1", rejectUnauthorized: false, ...options }, () => {
      const { subject, fingerprint256 } = socket.getPeerCertificate();
      resolve({ name: String(subject.CN), protocol: socket.getProtocol(), alpn: socket.alpnProtocol, fingerprint: fingerprint256 });
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

test.each([
  { servername: "wiki.acme.example", name: "acme.example" },
  { servername: "WIKI.ACME.EXAMPLE", name: "acme.example" },
  { servername: "two.apps.example", name: "*.apps.example" },
  { servername: "one.apps.example", name: "one.apps.example" },
  { servername: "a.b.apps.example", name: "acme.example" },
  { servername: "apps.example", name: "acme.example" },
  { servername: "unknown.example", name: "acme.example" },
  { servername: "", name: "acme.example" },
])("a client that asks for '$servername' is shown the certificate of $name", async ({ servername, name }) => {
  expect((await shake({ servername })).name).toBe(name);
});

test("HTTP/1.1 is agreed on, HTTP/2 is not offered", async () => {
  expect((await shake({ servername: "wiki.acme.example", ALPNProtocols: ["h2", "http/1.1"] })).alpn).toBe("http/1.1");
});

test("TLS 1.1 is refused, 1.2 is taken", async () => {
  await expect(shake({ servername: "wiki.acme.example", minVersion: "TLSv1.1", maxVersion: "TLSv1.1" })).rejects.toThrow();
  expect((await shake({ servername: "wiki.acme.example", maxVersion: "TLSv1.2" })).protocol).toBe("TLSv1.2");
});

test("a renewed pair is in use soon, by name and without one; a broken one changes nothing and is logged", async () => {
  const before = await shake({ servername: "wiki.acme.example" });
  await writeFile(join(folder, "acme.crt"), "not a certificate");
  await eventually(() => expect(log.lines.map((line) => line.message)).toContain("the new certificate is not usable; the old one stays"));
  expect((await shake({ servername: "wiki.acme.example" })).fingerprint).toBe(before.fingerprint);

  const renewed = await writeCertificate(folder, "renewed", ["acme.example", "wiki.acme.example"]);
  await copyFile(renewed.certificateFile, join(folder, "acme.crt"));
  await copyFile(renewed.keyFile, join(folder, "acme.key"));
  await eventually(async () => expect((await shake({ servername: "wiki.acme.example" })).fingerprint).not.toBe(before.fingerprint));
  await eventually(async () => expect((await shake({ servername: "" })).fingerprint).not.toBe(before.fingerprint));
});

test("a pair that does not belong together stops the start and names both files", async () => {
  const certificates = [{ certificateFile: join(folder, "one.crt"), keyFile: join(folder, "wild.key") }];
  const start = createListener({
    settings: { host: "127.0.0.1", port: 0, tls: { certificates } },
    log,
    onRequest: () => {},
    onUpgrade: () => {},
    newRequestId: () => "r-1",
  });
  await expect(start).rejects.toThrow(/one\.crt.*wild\.key/);
});

const started = async (pair: { readonly certificateFile: string; readonly keyFile: string }) => {
  const said = recordingLog();
  const certificates = await openCertificates({ files: [pair], log: said });
  return { certificates, lines: () => said.lines.map(({ level, message }) => `${level}: ${message}`) };
};
const expiredSaid = "error: a certificate has expired: browsers refuse it";

test("an expired certificate is said to be one, at the start and when it is taken into use later", async () => {
  const old = await writeCertificate(folder, "old", ["old.example"], { madeDaysAgo: 10 });
  const fromTheStart = await started(old);
  expect(fromTheStart.lines()).toEqual([expiredSaid]);
  expect(fromTheStart.certificates.daysLeft()[0]?.days).toBeLessThan(-7);
  fromTheStart.certificates.close();

  const pair = await writeCertificate(folder, "renewed-badly", ["old.example"]);
  const { certificates, lines } = await started(pair);
  // Two days are few: the operator hears of that, and of nothing worse.
  expect(lines()).toEqual(["warn: a certificate expires soon"]);
  await copyFile(old.keyFile, pair.keyFile);
  await copyFile(old.certificateFile, pair.certificateFile);
  await eventually(() => expect(lines()).toContain(expiredSaid));
  expect(lines()).toContain("info: a new certificate is in use");
  certificates.close();
});

test("a start that falls between the writing of certificate and key waits for the second", async () => {
  const pair = await writeCertificate(folder, "half", ["half.example"]);
  const next = await writeCertificate(folder, "whole", ["half.example"]);
  await copyFile(next.certificateFile, pair.certificateFile);
  let isOpen = false;
  const opening = started(pair).then((one) => {
    isOpen = true;
    return one;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOpen).toBe(false);
  await rename(next.keyFile, pair.keyFile);
  const { certificates } = await opening;
  expect(certificates.forName("half.example")).toBeDefined();
  certificates.close();
});

test("benign twin: a pair that has been wrong for a while ends the start at once", async () => {
  const one = await writeCertificate(folder, "wrong", ["wrong.example"]);
  const other = await writeCertificate(folder, "other", ["wrong.example"]);
  const pair = { certificateFile: one.certificateFile, keyFile: other.keyFile };
  for (const file of Object.values(pair)) execFileSync("touch", ["-d", "1 hour ago", file]);
  let looks = 0;
  const ticks = setInterval(() => {
    looks += 1;
  }, 100);
  await expect(started(pair)).rejects.toMatchObject({ code: "listener.failed" });
  clearInterval(ticks);
  // Not even one pause of its patience.
  expect(looks).toBe(0);
});

test("a pipe in the place of a certificate stops no one: at the start it is refused, later the old pair stays", async () => {
  const pair = await writeCertificate(folder, "piped", ["piped.example"]);
  const { certificates, lines } = await started(pair);
  await rm(pair.keyFile);
  execFileSync("mkfifo", [pair.keyFile]);
  await eventually(() => expect(lines()).toContain("warn: the new certificate is not usable; the old one stays"));
  certificates.close();
  execFileSync("touch", ["-d", "1 hour ago", pair.keyFile, pair.certificateFile]);
  await expect(started(pair)).rejects.toThrow(/piped\.key is not a regular file/);
});

/** The lines about connections that failed, since `from`. */
const failures = (from: number, count: number) =>
  eventually(() => {
    const found = log.lines.slice(from).filter(({ message }) => /handshake failed|not HTTP/.test(message));
    if (found.length < count) throw new Error("not told yet");
    return found;
  });

test("http:// on a listener with TLS is told once at warn, with the cure", async () => {
  const from = log.lines.length;
  for (const _ of [1, 2]) {
    const client = await rawConnect({ port: listener.address().port });
    client.send("GET / HTTP/1.1\r\nHost: acme.example\r\n\r\n");
    await client.closed(10_000);
  }
  const told = await failures(from, 2);
  expect(told.map(({ level }) => level)).toEqual(["warn", "debug"]);
  expect(told[0]?.fields).toMatchObject({ cure: expect.stringMatching(/plain HTTP on a listener with TLS.*let them use https:/) });
});

test("a proxy that does not trust the listener's certificate is told once at warn, with the cure", async () => {
  const from = log.lines.length;
  const { port } = listener.address();
  // OpenSSL says what is wrong before it leaves; Node leaves without a word.
  const line = ["--silent", "--resolve", `acme.example:${port}:127.0.0.1`, `https://acme.example:${port}/`];
  await expect(promisify(execFile)("curl", line)).rejects.toMatchObject({ code: 60 });
  const [told] = await failures(from, 1);
  expect(told).toMatchObject({
    level: "warn",
    fields: { cure: expect.stringMatching(/does not accept this listener's certificate.*vestibule check/) },
  });
});
