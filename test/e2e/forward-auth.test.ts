import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { ownedFolder } from "../support/owned.ts";
import { exchange } from "../support/raw-client.ts";
import { type RecordingUpstream, startRecordingUpstream } from "../support/recording-upstream.ts";
import { type Rig, signIn, signInAt, startRig } from "../support/rig.ts";
import { connects, type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { newVisitor } from "../support/visitor.ts";

/** The recipe for a proxy, word for word as the document has it. */
function recipe(language: string): string {
  const text = readFileSync(new URL("../../docs/forward-auth.md", import.meta.url), "utf8");
  const found = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(text)?.[1];
  if (found === undefined) throw new Error(`docs/forward-auth.md has no recipe in ${language}`);
  return found;
}

async function startNginx(gateway: number, app: number, port: number): Promise<ServerProcess> {
  const folder = ownedFolder("vestibule-nginx-");
  await mkdir(join(folder, "tmp"));
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/tmp/${kind};`).join(" ");
  const server = recipe("nginx")
    .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
    .replace("wiki.acme.example", "notes.localhost")
    .replaceAll("gateway.internal:8080", `127.0.0.1:${gateway}`)
    .replaceAll("10.0.0.5:8080", `127.0.0.1:${app}`);
  const user = process.getuid?.() === 0 ? "user root;" : "";
  await writeFile(
    join(folder, "nginx.conf"),
    `daemon off; ${user} pid ${folder}/pid; error_log ${folder}/error.log; events {} http { ${places} access_log off; ${server} }`,
  );
  return startServerProcess({
    command: "nginx",
    args: ["-e", join(folder, "error.log"), "-p", folder, "-c", join(folder, "nginx.conf")],
    folder,
    ready: () => connects(port),
    endBy: "SIGTERM",
  });
}

async function startCaddy(gateway: number, app: number, port: number): Promise<ServerProcess> {
  const folder = ownedFolder("vestibule-caddy-");
  const sites = recipe("caddy")
    .replace("wiki.acme.example", `http://notes.localhost:${port}`)
    .replaceAll("gateway.internal:8080", `127.0.0.1:${gateway}`)
    .replaceAll("10.0.0.5:8080", `127.0.0.1:${app}`);
  await writeFile(join(folder, "Caddyfile"), `{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n${sites}`);
  return startServerProcess({
    command: "caddy",
    args: ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"],
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    folder,
    ready: () => connects(port),
    endBy: "SIGTERM",
  });
}

describe.each([
  { name: "nginx", start: startNginx, there: spawnSync("nginx", ["-v"]).status === 0 },
  { name: "caddy", start: startCaddy, there: spawnSync("caddy", ["version"]).status === 0 },
])("$name asks, by the document's recipe", ({ start, there }) => {
  let rig: Rig;
  let app: RecordingUpstream;
  let proxy: ServerProcess;
  let origin: string;
  let port: number;

  beforeAll(async () => {
    if (!there) return;
    port = await freePort();
    origin = `http://notes.localhost:${port}`;
    app = await startRecordingUpstream();
    rig = await startRig({
      top: `  - name: Notes
    host: notes.localhost
    origin: ${origin}
    sharedSubjects: true
    access: [{ allow: { groups: [staff] } }]
    public: [/open/**]
    routes:
      - { path: /admin, access: [{ allow: { groups: [admins] } }] }
forwardAuth: { peers: [127.0.0.1/32] }
trustedProxies: [127.0.0.1/32]
`,
    });
    proxy = await start(rig.port, app.port, port);
  }, 60_000);
  afterAll(async () => {
    await proxy?.stop();
    await rig?.close();
    await app?.close();
  });

  test.skipIf(!there)(
    "a stranger signs in and comes back to the page, with an identity that is the gateway's alone",
    { timeout: 30_000 },
    async () => {
      const bob = newVisitor();
      const headers = {
        "remote-user": "admin",
        "remote-groups": "admins",
        remote_user: "admin",
        "x-forwarded-uri": "/open/x",
        "x-forwarded-method": "GET",
      };
      const page = await signIn(bob, `${origin}/page?a=1`, "bob");
      expect([page.status, page.url.href]).toEqual([200, `${origin}/page?a=1`]);
      app.forget();
      expect((await bob.visit(`${origin}/page?b=%2F2`, { headers })).status).toBe(200);
      const [request] = app.requests;
      expect(request?.target).toBe("/page?b=%2F2");
      expect(request?.headerValues("remote-user")).toHaveLength(1);
      expect(request?.header("remote-user")).not.toBe("admin");
      expect(request?.header("remote-groups")).toBe("staff");
      expect(request?.headerValues("remote_user")).toEqual([]);
    },
  );

  test.skipIf(!there)("who is no admin is refused, however the address is written", { timeout: 30_000 }, async () => {
    const bob = newVisitor();
    await signInAt(bob, await bob.browse(`${origin}/page`), "bob");
    app.forget();
    const headers = { "x-forwarded-uri": "/page", "x-original-url": `${origin}/page`, "x-forwarded-host": "evil.example" };
    for (const path of ["/admin", "/%61dmin", "/admin/x", "/./admin", "/page/../admin", "/open/%2e%2e/admin", "//admin"]) {
      expect((await bob.visit(origin + path, { headers })).status, path).toBeGreaterThanOrEqual(400);
    }
    expect(app.requests.filter(({ target }) => /admin/.test(target))).toEqual([]);
    // As written by a client that normalises nothing.
    const cookie = [...bob.cookies("notes.localhost")].map(([key, value]) => `${key}=${value}`).join("; ");
    for (const path of ["/open/../admin", "/open/..%2fadmin", "/open/%2e%2e/admin", "/open//../admin", "/open/..;/admin"]) {
      const { answers } = await exchange(
        { port },
        `GET ${path} HTTP/1.1\r\nHost: notes.localhost:${port}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
      );
      expect(answers[0]?.status, path).toBeGreaterThanOrEqual(400);
    }
    expect(app.requests).toEqual([]);
  });

  test.skipIf(!there)(
    "what is public carries nobody's identity; a script is told 401 and not led anywhere",
    { timeout: 30_000 },
    async () => {
      app.forget();
      const stranger = newVisitor();
      expect(
        (await stranger.fetch(`${origin}/open/x`, { headers: { "remote-user": "admin", "remote-email": "a@b.example" } })).status,
      ).toBe(200);
      expect(app.requests[0]?.header("remote-user") ?? "").toBe("");
      expect(app.requests[0]?.header("remote-email") ?? "").toBe("");
      const script = await stranger.fetch(`${origin}/page`, { headers: { "sec-fetch-mode": "cors" } });
      expect([script.status, script.location]).toEqual([401, null]);
      expect((await stranger.fetch(`${origin}/page`, { method: "POST" })).status).toBe(401);
      expect(app.requests).toHaveLength(1);
    },
  );

  test.skipIf(!there)("a logout on the app's host ends what the proxy lets pass", { timeout: 30_000 }, async () => {
    const bob = newVisitor();
    await signIn(bob, `${origin}/page`, "bob");
    expect((await bob.fetch(`${origin}/page`)).status).toBe(200);
    await bob.visit(`${origin}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
    expect((await bob.fetch(`${origin}/page`)).status).toBe(401);
    expect(
      rig.gateway.logged(({ msg, host, decision }) => msg === "request" && host === "notes.localhost" && decision === "allow").length,
    ).toBeGreaterThan(0);
  });
});
