import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { freePorts } from "../../support/free-port.ts";
import { ownedFolder } from "../../support/owned.ts";
import { startRedis } from "../../support/redis.ts";
import { answers, startServerProcess } from "../../support/server-process.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const main = new URL("../../../src/main.ts", import.meta.url).pathname;

test("in a container, where each primary has the same number, what the one before left behind is removed, too", {
  timeout: 60_000,
}, async () => {
  const redis = await startRedis();
  const folder = ownedFolder("vestibule-leftovers-");
  closing.push(
    () => redis.stop(),
    () => rmSync(folder, { recursive: true, force: true }),
  );
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  // A process that lives, and another program: neither is ours to remove.
  for (const name of [`vestibule-${process.pid}-live`, "vestibule-notes"]) mkdirSync(join(temporary, name));
  const [port = 0, adminPort = 0] = await freePorts(2);
  const file = join(folder, "vestibule.yaml");
  writeFileSync(
    file,
    `listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
workers: 2
auth: { origin: https://auth.acme.example }
sessions: { store: { redis: { url: redis://127.0.0.1:${redis.port} } } }
apps: [{ host: wiki.acme.example, upstream: http://127.0.0.1:9, public: ["/**"] }]
`,
  );
  // exec keeps the number: the folder is that of a process with the number which the primary is about to have.
  const script = `mkdir "$TMPDIR/vestibule-$$-old" "$TMPDIR/vestibule-$$-krb5-old" && exec "${process.execPath}" "${main}" serve --config "${file}"`;
  const gateway = await startServerProcess({
    command: "sh",
    args: ["-c", script],
    env: { PATH: process.env.PATH, TMPDIR: temporary, VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef-left" },
    ready: () => answers(`http://127.0.0.1:${adminPort}/readyz`),
    patienceMs: 60_000,
    endBy: "SIGTERM",
    graceMs: 10_000,
  });
  closing.unshift(() => gateway.stop());
  const left = readdirSync(temporary);
  expect(left.filter((name) => name.endsWith("-old"))).toEqual([]);
  expect(left).toEqual(expect.arrayContaining([`vestibule-${process.pid}-live`, "vestibule-notes"]));
  // The one that it works with now.
  expect(left.filter((name) => name.startsWith(`vestibule-${gateway.pid()}-`))).toHaveLength(1);
});
