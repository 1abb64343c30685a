import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { startRig } from "../support/rig.ts";
import { newVisitor } from "../support/visitor.ts";

test("an upstream's authority and a secret in a header are read again when their files change", { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "vestibule-upstream-"));
  const [first, second] = await Promise.all([makeAuthority("First"), makeAuthority("Second")]);
  const [before, after] = await Promise.all([first.issue("IP:127.0.0.1"), second.issue("IP:127.0.0.1")]);
  const server = createServer({ cert: before.certificate, key: before.key }, (request, response) => {
    response.end(`${request.headers["x-api-key"]} ${request.headers.authorization}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await writeFile(join(folder, "ca.crt"), first.certificate);
  await writeFile(join(folder, "key"), "sesame\n");
  const app = `  - name: Inner
    host: inner.localhost
    upstream: https://127.0.0.1:${(server.address() as AddressInfo).port}
    access: [{ allow: { anyone: true } }]
    public: ["/**"]
    headers: { request: { set: { X-Api-Key: { file: ${folder}/key }, Authorization: { basic: { user: app, password: { file: ${folder}/key } } } } } }
    proxy: { keepAlive: 0s, tls: { ca: { file: ${folder}/ca.crt } } }
`;
  const rig = await startRig({ top: app });
  try {
    const ask = async () => {
      const { status, body } = await newVisitor().fetch(`http://inner.localhost:${rig.port}/`);
      return `${status} ${status === 200 ? body : ""}`;
    };
    const basic = (password: string) => Buffer.from(`app:${password}`).toString("base64");
    expect(await ask()).toBe(`200 sesame Basic ${basic("sesame")}`);
    server.setSecureContext({ cert: after.certificate, key: after.key });
    expect(await ask()).toBe("502 ");
    await writeFile(join(folder, "ca.crt"), second.certificate);
    await writeFile(join(folder, "key"), "open\n");
    await eventually(async () => expect(await ask()).toBe(`200 open Basic ${basic("open")}`), { timeoutMs: 20_000 });
    expect(rig.gateway.lines.join("\n")).not.toMatch(/sesame|YXBwO/);
  } finally {
    await rig.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
});
