import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { ownedFolder } from "../support/owned.ts";
import { signIn, startRig } from "../support/rig.ts";
import { answers, startServerProcess } from "../support/server-process.ts";
import { newVisitor } from "../support/visitor.ts";

const there = spawnSync("prometheus", ["--version"]).status === 0;

test.skipIf(!there)(
  "Prometheus, as docs/apps has it: staff may query, admins may administer, nobody's identity is sent",
  { timeout: 60_000 },
  async () => {
    const folder = ownedFolder("vestibule-prometheus-");
    const port = await freePort();
    await writeFile(join(folder, "p.yml"), "global: { scrape_interval: 1h }\n");
    const args = [`--config.file=${folder}/p.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`];
    const prometheus = await startServerProcess({
      command: "prometheus",
      args: [...args, "--web.enable-lifecycle", "--web.external-url=http://prometheus.localhost/"],
      folder,
      ready: () => answers(`http://127.0.0.1:${port}/-/ready`),
      patienceMs: 30_000,
    });
    try {
      const rig = await startRig({
        top: `  - name: Prometheus
    host: prometheus.localhost
    upstream: http://127.0.0.1:${port}
    headers: { preset: prometheus }
    access: [{ allow: { groups: [staff] } }]
    public: [/-/healthy]
    routes:
      - { path: /-, access: [{ allow: { groups: [admins] } }] }
`,
      });
      try {
        const origin = `http://prometheus.localhost:${rig.port}`;
        expect((await newVisitor().fetch(`${origin}/-/healthy`)).status).toBe(200);
        expect((await newVisitor().fetch(`${origin}/api/v1/query?query=1`, { headers: { accept: "application/json" } })).status).toBe(401);
        const bob = newVisitor();
        await signIn(bob, `${origin}/api/v1/query?query=1%2B1`, "bob");
        const answer = await bob.fetch(`${origin}/api/v1/query?query=1%2B1`);
        expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('"2"')]);
        expect((await bob.fetch(`${origin}/-/reload`, { method: "POST" })).status).toBe(403);
        const alice = newVisitor();
        await signIn(alice, `${origin}/graph`, "alice");
        expect((await alice.fetch(`${origin}/-/reload`, { method: "POST" })).status).toBe(200);
      } finally {
        await rig.close();
      }
    } finally {
      await prometheus.stop();
    }
  },
);
