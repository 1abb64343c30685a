import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { ownedFolder, spawnOwned } from "../support/owned.ts";
import { allow } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";
import { writeCertificate } from "../support/server-certificate-files.ts";
import { answers, type ServerProcess, startServerProcess } from "../support/server-process.ts";

const isThere = spawnSync("apache2", ["-v"]).status === 0;
const hasRclone = spawnSync("rclone", ["version"]).status === 0;
const hasLitmus = spawnSync("litmus", ["--help"]).error === undefined;
const modules = "/usr/lib/apache2/modules";

/** Debian's Apache with mod_dav, plain HTTP on a loopback port, everything writable. */
async function startApache(): Promise<{ readonly port: number; readonly server: ServerProcess }> {
  const folder = ownedFolder("vestibule-dav-");
  const port = await freePort();
  for (const path of ["pub", "dav", "dav/admin"]) await mkdir(join(folder, "www", path), { recursive: true });
  const load = ["mpm_event", "authz_core", "dav", "dav_fs", "dav_lock"].map(
    (name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`,
  );
  const config = [
    ...load,
    `Listen 127.0.0.1:${port}`,
    "ServerName localhost",
    `ServerRoot ${folder}`,
    `PidFile ${folder}/pid`,
    `ErrorLog ${folder}/error.log`,
    `DocumentRoot ${folder}/www`,
    `DavLockDB ${folder}/lock`,
    `<Directory ${folder}/www>`,
    "Dav On",
    "Require all granted",
    "</Directory>",
  ];
  await writeFile(join(folder, "apache.conf"), `${config.join("\n")}\n`);
  spawnSync("chmod", ["-R", "a+rwX", folder]);
  const server = await startServerProcess({
    command: "apache2",
    args: ["-X", "-f", join(folder, "apache.conf")],
    folder,
    ready: () => answers(`http://127.0.0.1:${port}/`),
    endBy: "SIGTERM",
  });
  return { port, server };
}

async function withApache(work: (gateway: InProcessGateway) => Promise<void>): Promise<void> {
  const apache = await startApache();
  const upstreams = [{ url: `http://127.0.0.1:${apache.port}`, weight: 1 }];
  const certificates = [await writeCertificate(ownedFolder("vestibule-dav-tls-"), "localhost", ["localhost"])];
  try {
    const gateway = await startGatewayInProcess({
      app: { hosts: ["localhost"] },
      listen: { tls: { certificates } },
      routes: [
        { path: "/", upstreams, access: [allow({ groups: ["staff"] })] },
        { path: "/pub", upstreams, public: [{ method: null, glob: "/pub/**" }] },
        { path: "/dav/admin", upstreams, access: [allow({ groups: ["admins"] })] },
        { path: "/files", stripPath: true, upstreams, access: [allow({ groups: ["staff"] })] },
      ],
    });
    try {
      await work(gateway);
    } finally {
      await gateway.close();
    }
  } finally {
    await apache.server.stop();
  }
}

test.skipIf(!isThere)(
  "real mod_dav behind TLS: bob copies where he may write, and plants nothing where he may not",
  { timeout: 60_000 },
  async () => {
    await withApache(async (gateway) => {
      const { cookie } = await gateway.signIn({}, "localhost");
      const target = { port: gateway.port, tls: { serverName: "localhost" } };
      const ask = async (method: string, path: string, fields: readonly string[] = [], credentials = cookie, body = "") => {
        const head = [`${method} ${path} HTTP/1.1`, `Host: localhost:${gateway.port}`, `Cookie: ${credentials}`, ...fields];
        if (body !== "") head.push(`Content-Length: ${body.length}`);
        return (await exchange(target, `${[...head, "Connection: close"].join("\r\n")}\r\n\r\n${body}`)).statuses[0];
      };
      const here = `https://localhost:${gateway.port}`;
      expect(await ask("PUT", "/dav/bob.txt", [], cookie, "hello")).toBe(201);
      expect(await ask("GET", "/dav/admin/")).toBe(403);
      expect(await ask("COPY", "/dav/bob.txt", [`Destination: ${here}/dav/admin/planted.txt`])).toBe(403);
      expect(await ask("MOVE", "/dav/bob.txt", [`Destination: ${here}/dav/%61dmin/planted.txt`])).toBe(403);
      expect(await ask("COPY", "/pub/", [`Destination: ${here}/dav/admin/planted/`], "a=b")).toBe(401);
      // The whole, with the inner folder in it: to where it could be read, and away.
      expect(await ask("COPY", "/dav/", [`Destination: ${here}/copied/`])).toBe(403);
      expect(await ask("MOVE", "/dav/", [`Destination: ${here}/moved/`])).toBe(403);
      expect(await ask("DELETE", "/dav/")).toBe(403);
      expect(await ask("GET", "/copied/")).toBe(404);
      expect(await ask("COPY", "/dav/", [`Destination: ${here}/copied/`, "Depth: 0"])).toBe(201);
      expect(await ask("COPY", "/dav/bob.txt", [`Destination: ${here}/dav/copy.txt`])).toBe(201);
      expect(await ask("MOVE", "/dav/copy.txt", [`Destination: ${here}/dav/moved.txt`])).toBe(201);
      const root = await gateway.signIn({ subject: "root", groups: { kind: "known", names: ["admins", "staff"] } }, "localhost");
      expect(await ask("GET", "/dav/admin/planted.txt", [], root.cookie)).toBe(404);
      expect(await ask("COPY", "/dav/bob.txt", [`Destination: ${here}/dav/admin/meant.txt`], root.cookie)).toBe(201);
    });
  },
);

test.skipIf(!isThere || !hasLitmus)(
  "litmus, behind TLS, finds in mod_dav what it finds straight (skipped where it is not installed)",
  { timeout: 120_000 },
  async () => {
    await withApache(async (gateway) => {
      const folder = ownedFolder("vestibule-litmus-");
      const litmus = spawnOwned("litmus", ["-k", `https://localhost:${gateway.port}/pub/`], { cwd: folder });
      let report = "";
      litmus.stdout?.on("data", (chunk) => {
        report += chunk;
      });
      litmus.stderr?.on("data", (chunk) => {
        report += chunk;
      });
      await new Promise((resolve) => litmus.on("close", resolve));
      const totals = [...report.matchAll(/of (\d+) tests run: (\d+) passed, (\d+) failed/g)].map(([, run, passed, failed]) => [
        run,
        passed,
        failed,
      ]);
      expect(totals.length, report).toBe(5);
      for (const [run, passed, failed] of totals) expect([passed, failed], report).toEqual([run, "0"]);
    });
  },
);

/** Debian's rclone, signed in with the cookie, at one path of the gateway. */
function rcloneAt(gateway: InProcessGateway, path: string, cookie: string) {
  const remote = {
    RCLONE_CONFIG: "/dev/null",
    RCLONE_CONFIG_DAV_TYPE: "webdav",
    RCLONE_CONFIG_DAV_VENDOR: "other",
    RCLONE_CONFIG_DAV_URL: `https://localhost:${gateway.port}${path}`,
  };
  const options = ["--no-check-certificate", "--header", `Cookie: ${cookie}`, "--retries", "1", "--low-level-retries", "1"];
  return async (command: string, ...words: readonly string[]) => {
    const rclone = spawnOwned("rclone", [command, ...options, ...words], { env: { ...process.env, ...remote } });
    const ran = { code: null as number | null, out: "", err: "" };
    rclone.stdout?.on("data", (chunk) => {
      ran.out += chunk;
    });
    rclone.stderr?.on("data", (chunk) => {
      ran.err += chunk;
    });
    ran.code = await new Promise((resolve) => rclone.on("close", resolve));
    return ran;
  };
}

test.skipIf(!isThere || !hasRclone)(
  "rclone, behind TLS, moves and copies within mod_dav (skipped where it is not installed)",
  { timeout: 120_000 },
  async () => {
    await withApache(async (gateway) => {
      const { cookie } = await gateway.signIn({}, "localhost");
      const rclone = rcloneAt(gateway, "/dav/", cookie);
      const file = join(ownedFolder("vestibule-rclone-"), "one.txt");
      await writeFile(file, "hello");
      expect(await rclone("copyto", file, "dav:a folder/one.txt")).toMatchObject({ code: 0 });
      expect(await rclone("moveto", "dav:a folder/one.txt", "dav:a folder/tw%o.txt")).toMatchObject({ code: 0 });
      expect(await rclone("copyto", "dav:a folder/tw%o.txt", "dav:three.txt")).toMatchObject({ code: 0 });
      expect(await rclone("moveto", "dav:a folder", "dav:another")).toMatchObject({ code: 0 });
      const { out } = await rclone("lsf", "-R", "--files-only", "dav:");
      expect(out.trim().split("\n").sort()).toEqual(["another/tw%o.txt", "three.txt"]);
      // What bob may not write stays unwritten.
      expect((await rclone("moveto", "dav:three.txt", "dav:admin/planted.txt")).code).not.toBe(0);
      expect(await rclone("cat", "dav:three.txt")).toMatchObject({ code: 0, out: "hello" });
    });
  },
);

test.skipIf(!isThere || !hasRclone)(
  "rclone moves a file behind TLS and stripPath (skipped where it is not installed)",
  { timeout: 120_000 },
  async () => {
    await withApache(async (gateway) => {
      const { cookie } = await gateway.signIn({}, "localhost");
      const straight = rcloneAt(gateway, "/dav/", cookie);
      const stripped = rcloneAt(gateway, "/files/dav/", cookie);
      const file = join(ownedFolder("vestibule-rclone-"), "one.txt");
      await writeFile(file, "hello");
      expect(await straight("copyto", file, "dav:one.txt")).toMatchObject({ code: 0 });
      expect(await stripped("moveto", "dav:one.txt", "dav:two.txt")).toMatchObject({ code: 0 });
      expect((await straight("lsf", "--files-only", "dav:")).out.trim()).toBe("two.txt");
    });
  },
);
