import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { ownedFolder } from "../support/owned.ts";
import { signIn, startRig } from "../support/rig.ts";
import { answers, startServerProcess } from "../support/server-process.ts";
import { newVisitor } from "../support/visitor.ts";

test("an unmodified application that trusts a header is protected end to end", { timeout: 60_000 }, async () => {
  expect(spawnSync("radicale", ["--version"]).status, "Debian's radicale is installed").toBe(0);
  const folder = ownedFolder("vestibule-radicale-");
  const port = await freePort();
  const config = join(folder, "config");
  await writeFile(
    config,
    `[server]\nhosts = 127.0.0.1:${port}\n[auth]\ntype = http_x_remote_user\n[rights]\ntype = owner_only\n[storage]\nfilesystem_folder = ${folder}/data\n[web]\ntype = none\n`,
  );
  const ready = () => answers(`http://127.0.0.1:${port}/`);
  const radicale = await startServerProcess({ command: "radicale", args: ["--config", config], folder, ready });
  try {
    const rig = await startRig({
      top: `  - name: Calendar\n    host: calendar.localhost\n    upstream: http://127.0.0.1:${port}\n    access:\n      - allow: { groups: [staff] }\n    headers: { preset: radicale }\n`,
    });
    try {
      const calendar = `http://calendar.localhost:${rig.port}`;
      const stranger = await newVisitor().fetch(`${calendar}/alice/`, { method: "PROPFIND", headers: { "x-remote-user": "alice" } });
      expect(stranger.status).toBe(401);

      const alice = newVisitor();
      await signIn(alice, `${calendar}/.web/`, "alice");
      const made = await alice.fetch(`${calendar}/alice/work/`, { method: "MKCALENDAR" });
      expect(made.status).toBe(201);
      const found = await alice.fetch(`${calendar}/alice/`, { method: "PROPFIND", headers: { depth: "1" } });
      expect(found.status).toBe(207);
      expect(found.body).toContain("/alice/work/");

      const bob = newVisitor();
      await signIn(bob, `${calendar}/.web/`, "bob");
      const forged = await bob.fetch(`${calendar}/alice/work/`, {
        method: "DELETE",
        headers: { "x-remote-user": "alice", X_Remote_User: "alice" },
      });
      expect(forged.status).toBe(403);
      expect((await alice.fetch(`${calendar}/alice/work/`, { method: "PROPFIND" })).status).toBe(207);
    } finally {
      await rig.close();
    }
  } finally {
    await radicale.stop();
  }
});
