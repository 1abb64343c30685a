import { copyFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ConnectionOptions, connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createListener, type Listener } from "../../../src/http/listener/server.ts";
import { eventually } from "../../support/eventually.ts";
import { ownedFolder } from "../../support/owned.ts";
import { recordingLog } from "../../support/quiet.ts";
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
