import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { consoleToken } from "../support/operations.ts";
import { exchange } from "../support/raw-client.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { clientSecret, type Rig, rigSecret, rigYaml, signIn, startRig } from "../support/rig.ts";
import { askScim } from "../support/scim-client.ts";
import { groupSchema, patchOf, userSchema } from "../support/scim-rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

/** Two instances over one Redis, which holds sessions and people; the provider provisions at the first. */
let redis: TestRedis;
let rig: Rig;
let second: GatewayProcess;
let secondPort: number;
let secondAdmin: number;
const token = "scim-token-of-the-rig-0123456789";
const options = {
  sessions: "  store: { redis: { url: { env: REDIS_URL } } }",
  oidc: "    scim: { tokens: [{ env: OLD_TOKEN }, { env: SCIM_TOKEN }] }",
  top: `  - name: People
    host: people.localhost
    upstream: UPSTREAM
    access: [{ allow: { roles: [boss] } }]
    headers: { set: { X-Person: "{person}", X-Roles: "{roles}", X-Teams: "{teams}", X-Name: "{name}" } }
console: { token: { env: CONSOLE_TOKEN } }
directory:
  store: redis
  provisioning: both
  roles: { boss: { groups: [Chiefs] } }
  teams: { from: [groups], names: { x: Operations } }`,
};

beforeAll(async () => {
  redis = await startRedis();
  const [port = 0, adminPort = 0] = await freePorts(2);
  secondPort = port;
  const env = { REDIS_URL: redis.url, SCIM_TOKEN: token, OLD_TOKEN: "an-older-token-0123456789", CONSOLE_TOKEN: consoleToken };
  rig = await startRig({ ...options, top: options.top.replace("UPSTREAM", "http://127.0.0.1:9"), env });
  const top = options.top.replace("UPSTREAM", rig.reports.url);
  const at = { issuer: rig.provider.issuer, wiki: rig.wiki.url, reports: rig.reports.url };
  await rig.gateway.rewriteConfig(rigYaml({ ...at, port: rig.port, adminPort: rig.adminPort }, { ...options, top }));
  rig.gateway.signal("SIGHUP");
  const yaml = rigYaml({ ...at, port, adminPort, publicPort: rig.port }, { ...options, top: `${top}\nworkers: 2\n` });
  secondAdmin = adminPort;
  second = await startGatewayProcess({ yaml, adminPort, env: { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: clientSecret, ...env } });
  await eventually(() => expect(rig.gateway.logged((line) => line.audit === "reload")).toHaveLength(1));
});
afterAll(async () => {
  await second.stop();
  await rig.close();
  await redis.stop();
});

const scim = (method: string, path: string, body?: object, change: { readonly token?: string; readonly port?: number } = {}) =>
  askScim({ port: rig.port, host: `auth.localhost:${rig.port}`, provider: "acme", token, method, path, body, ...change });

const atSecond = (visitor: Visitor, host: string, path: string) =>
  visitor.visit(`http://${host}:${secondPort}${path}`, { headers: { host: `${host}:${rig.port}` } });

test("SCIM from a provider to the gateway: made, found, put into a group, seen by the app, out within a second at both instances", async () => {
  const made = await scim("POST", "/Users", {
    schemas: [userSchema],
    userName: "alice@acme.example",
    externalId: "alice",
    displayName: "Alice by SCIM",
  });
  expect(made).toMatchObject({ status: 201, headers: { "content-type": "application/scim+json; charset=utf-8", etag: 'W/"1"' } });
  const { id } = made.body;
  expect((await scim("GET", "/Users?filter=userName%20eq%20%22ALICE%40acme.example%22")).body.totalResults).toBe(1);
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const people = `http://people.localhost:${rig.port}/`;
  expect((await visitor.browse(people)).status).toBe(403);
  const group = await scim(
    "POST",
    "/Groups",
    { schemas: [groupSchema], displayName: "Chiefs", members: [{ value: id }] },
    { port: secondPort },
  );
  expect(group.status).toBe(201);
  // Changed groups re-evaluate: nobody signs in again.
  await eventually(async () => expect((await visitor.browse(people)).status).toBe(200), { timeoutMs: 1_000 });
  const seen = rig.reports.requests.at(-1);
  expect(seen?.header("x-roles")).toBe("boss");
  expect(seen?.header("x-person")).toMatch(/^[0-9a-f-]{36}$/);
  expect((await atSecond(visitor, "people.localhost", "/x")).status).toBe(200);
  const own = await visitor.browse(`${rig.urls.auth}/_vestibule/account`);
  for (const text of ["role boss: group Chiefs", "Alice Archer", seen?.header("x-person") ?? "-"]) expect(own.body).toContain(text);
  await scim("PATCH", `/Groups/${group.body.id}`, patchOf({ op: "remove", path: `members[value eq "${id}"]` }));
  await eventually(async () => expect((await atSecond(visitor, "people.localhost", "/y")).status).toBe(403), { timeoutMs: 1_000 });

  expect((await scim("PATCH", `/Users/${id}`, patchOf({ op: "Replace", path: "active", value: "False" }))).status).toBe(200);
  await eventually(
    async () => {
      expect((await atSecond(visitor, "wiki.localhost", "/z")).status).toBe(302);
      expect((await visitor.visit(`${rig.urls.wiki}/z`)).status).toBe(302);
    },
    { timeoutMs: 1_000 },
  );
  const refused = await visitor.browse(`${rig.urls.wiki}/again`);
  expect(refused.status).toBe(403);
  expect(refused.body).toContain("has been deactivated");
});

interface Found {
  readonly requests: readonly { readonly path: string }[];
  readonly people: readonly { readonly id: string }[];
  readonly sessions: readonly unknown[];
}
async function api(adminPort: number, method: string, path: string): Promise<Found | null> {
  const headers = { authorization: `Bearer ${consoleToken}` };
  const answer = await fetch(`http://127.0.0.1:${adminPort}/api/v1${path}`, { method, headers });
  return answer.status === 204 ? null : ((await answer.json()) as Found);
}

test("operators see the SCIM requests of all instances, and a person deactivated at one is out at the other", async () => {
  await scim("GET", "/Users?count=1");
  await scim("GET", "/Groups?count=1", undefined, { port: secondPort });
  await eventually(async () => {
    for (const port of [rig.adminPort, secondAdmin]) {
      const found = await api(port, "GET", "/scim/requests?provider=acme");
      expect(found?.requests.map(({ path }) => path)).toEqual(expect.arrayContaining(["/Users", "/Groups"]));
    }
  });
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "carol");
  const [person] = (await api(secondAdmin, "GET", "/people?q=carol"))?.people ?? [];
  expect((await api(secondAdmin, "GET", `/people/${person?.id}`))?.sessions).toHaveLength(1);
  await api(secondAdmin, "POST", `/people/${person?.id}/deactivate`);
  await eventually(async () => expect((await visitor.visit(`${rig.urls.wiki}/`)).status).toBe(302), { timeoutMs: 1_000 });
  const { ready, directory } = (await (await fetch(`http://127.0.0.1:${secondAdmin}/readyz`)).json()) as Record<string, unknown>;
  expect([ready, directory]).toMatchObject([true, { ok: true }]);
  expect(await (await fetch(`http://127.0.0.1:${secondAdmin}/metrics`)).text()).toMatch(/^vestibule_directory_ok(\{[^}]*\})? 1$/m);
});

test("just-in-time: somebody whom no SCIM knows gets a person at the first login, and keeps it", async () => {
  const visitor = newVisitor();
  expect((await signIn(visitor, `${rig.urls.wiki}/`, "bob")).status).toBe(200);
  expect(rig.gateway.logged((line) => line.audit === "directory" && line.action === "person-made" && line.subject === "bob")).toHaveLength(
    1,
  );
  await signIn(newVisitor(), `${rig.urls.wiki}/`, "bob");
  expect(rig.gateway.logged((line) => line.audit === "directory" && line.action === "person-made" && line.subject === "bob")).toHaveLength(
    1,
  );
});

test("HEAD is answered as GET is, without the body; a token counts in one Authorization field alone", async () => {
  const head = await scim("HEAD", "/ServiceProviderConfig");
  expect([head.status, head.headers["content-type"], head.body]).toEqual([200, "application/scim+json; charset=utf-8", null]);
  expect((await scim("HEAD", "/Users/none")).status).toBe(404);
  const path = "/_vestibule/scim/acme/v2/Users";
  const bytes = (target: string, ...fields: string[]) =>
    [`GET ${target} HTTP/1.1`, `Host: auth.localhost:${rig.port}`, ...fields, "Connection: close", "", ""].join("\r\n");
  const bearer = `Authorization: Bearer ${token}`;
  const status = async (text: string) => (await exchange({ port: rig.port }, text)).answers[0]?.status;
  expect(await status(bytes(path, bearer))).toBe(200);
  expect(await status(bytes(path, bearer, bearer))).toBe(400);
  expect(await status(bytes(path, "Authorization: Bearer wrong", bearer))).toBe(400);
  for (const fields of [[`Cookie: token=${token}`], [`X-Authorization: Bearer ${token}`], [`Authorization: Basic ${btoa(`x:${token}`)}`]])
    expect(await status(bytes(path, ...fields)), String(fields)).toBe(401);
  expect(await status(bytes(`${path}?access_token=${token}`))).toBe(401);
});

test("each configured token counts, others are refused, and whoever guesses is shut out", async () => {
  expect((await scim("GET", "/Users", undefined, { token: "an-older-token-0123456789" })).status).toBe(200);
  const wrong = await scim("GET", "/Users", undefined, { token: "wrong" });
  expect(wrong).toMatchObject({ status: 401, headers: { "www-authenticate": 'Bearer realm="scim"' }, body: { status: "401" } });
  for (let at = 0; at < 25; at += 1) await scim("GET", "/Users", undefined, { token: `wrong-${at}`, port: secondPort });
  expect((await scim("GET", "/Users", undefined, { token: "wrong", port: secondPort })).status).toBe(429);
  expect((await scim("GET", "/Users", undefined, { port: secondPort })).status).toBe(429);
});
