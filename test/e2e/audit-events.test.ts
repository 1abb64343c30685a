import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AuditEvent, auditEvents } from "../../src/core/audit-events.ts";
import { eventually } from "../support/eventually.ts";
import { bearer, makeToken } from "../support/personal-tokens.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { type Rig, signIn, signInAt, startRig } from "../support/rig.ts";
import { newVisitor } from "../support/visitor.ts";

const consoleToken = "console-token-of-the-audit-0123456789";
const patience = { timeoutMs: 20_000, everyMs: 50 };

let redis: TestRedis;
let rig: Rig;
beforeAll(async () => {
  redis = await startRedis();
  rig = await startRig({
    env: { CONSOLE_TOKEN: consoleToken, REDIS_URL: redis.url },
    sessions: "  store: { redis: { url: { env: REDIS_URL } } }\n  idle: 3s\n  lifetime: 20s",
    provider: { acrValues: ["low", "high"] },
    oidc: "      pushedAuthorization: never\n",
    wiki: "      - path: /vault\n        access:\n          - allow: { groups: [admins], acr: [high] }\n",
    top: "workers: 2\nconsole: { token: { env: CONSOLE_TOKEN } }\npersonalTokens: { lifetime: 1h, perUser: 10 }\n",
  });
}, 60_000);
afterAll(async () => {
  await rig?.close();
  await redis?.stop();
});

const eventsOf = (event: AuditEvent["event"], subject: string) =>
  rig.gateway.logged((line) => line.audit === event && JSON.stringify(line.principal ?? line).includes(`"${subject}"`));
const api = (method: string, path: string, body?: object) =>
  fetch(`http://127.0.0.1:${rig.adminPort}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${consoleToken}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const metric = async (line: RegExp) =>
  Number(line.exec(await (await fetch(`http://127.0.0.1:${rig.adminPort}/metrics`)).text())?.[1] ?? "0");

test("a session enters each app once, whichever worker it comes to; a token likewise", async () => {
  const bob = newVisitor();
  await signIn(bob, `${rig.urls.wiki}/`, "bob");
  for (let count = 0; count < 6; count += 1) await bob.fetch(`${rig.urls.wiki}/page`);
  await bob.browse(`${rig.urls.reports}/`);
  await eventually(
    () => expect(eventsOf("enter", "bob").map(({ app }) => app)).toEqual(["wiki.localhost", "reports.internal.localhost"]),
    patience,
  );
  const [login] = eventsOf("login", "bob");
  expect(eventsOf("enter", "bob")[0]).toMatchObject({
    ...{ session: login?.session, via: "session", client: "127.0.0.1", principal: { provider: "acme", subject: "bob" } },
    request: expect.stringMatching(/./),
  });
  const token = await makeToken(bob, rig.urls.auth, "robot");
  const asProgram = { headers: { accept: "application/json", authorization: bearer(token) } };
  for (let count = 0; count < 6; count += 1) await newVisitor().fetch(`${rig.urls.wiki}/page`, asProgram);
  await eventually(() => expect(eventsOf("enter", "bob").filter(({ via }) => via === "token")).toHaveLength(1), patience);
  expect(eventsOf("personal-token", "bob").map(({ action }) => action)).toEqual(["made", "first-used"]);
});

test("a session that is left alone is told as idle, once, and counted; one that is used until its end as over", async () => {
  const [left, used] = [newVisitor(), newVisitor()];
  await signIn(left, `${rig.urls.reports}/`, "carol");
  await signIn(used, `${rig.urls.wiki}/`, "alice");
  const idleBefore = await metric(/vestibule_logouts_total\{[^}]*reason="idle"[^}]*\} (\d+)/);
  await eventually(async () => {
    await used.fetch(`${rig.urls.wiki}/page`);
    expect(eventsOf("expiry", "carol")).toHaveLength(1);
  }, patience);
  const [login] = eventsOf("login", "carol");
  expect(eventsOf("expiry", "carol")[0]).toMatchObject({
    session: login?.session,
    why: "idle",
    principal: { provider: "acme", subject: "carol" },
  });
  expect(await metric(/vestibule_logouts_total\{[^}]*reason="idle"[^}]*\} (\d+)/)).toBeGreaterThan(0);
  expect(idleBefore).toBeGreaterThanOrEqual(0);
  await eventually(
    async () => {
      await used.fetch(`${rig.urls.wiki}/page`);
      expect(eventsOf("expiry", "alice")[0]).toMatchObject({ why: "lifetime" });
    },
    { timeoutMs: 40_000, everyMs: 200 },
  );
}, 90_000);

test("a login that a rule asked for is a step-up as well", async () => {
  const alice = newVisitor();
  await signIn(alice, `${rig.urls.wiki}/`, "alice");
  await signInAt(alice, await alice.browse(`${rig.urls.wiki}/vault/1`), "alice");
  await eventually(() => expect(eventsOf("step-up", "alice")).toHaveLength(1), patience);
  expect(eventsOf("step-up", "alice")[0]).toMatchObject({ wanted: ["high"], acr: "high", app: "wiki.localhost" });
  expect(eventsOf("login", "alice").at(-1)?.session).toBe(eventsOf("step-up", "alice")[0]?.session);
});

test("an operator's acts are told with who, what and how many, and what each session suffered", async () => {
  const dora = newVisitor();
  await signIn(dora, `${rig.urls.wiki}/`, "alice");
  await api("POST", "/sessions/end", { person: "alice" });
  await api("POST", "/reload");
  await eventually(() => {
    const acts = rig.gateway.logged(({ audit }) => audit === "operator").map(({ by, act, what, count }) => ({ by, act, what, count }));
    expect(acts).toContainEqual({ by: "token", act: "end-sessions", what: { subject: "alice" }, count: expect.any(Number) });
    expect(acts).toContainEqual({ by: "token", act: "reload", what: null, count: 1 });
  }, patience);
  expect(eventsOf("logout", "alice").at(-1)).toMatchObject({ why: "revoked", by: "token" });
  expect(eventsOf("revocation", "alice").at(-1)).toMatchObject({ by: "token" });
  expect(rig.gateway.logged(({ audit }) => audit === "reload").at(-1)).toMatchObject({ outcome: "applied", changes: expect.anything() });
});

/** Where each event is seen to happen. A new one needs its place here, or the types say so. */
const seenIn: Readonly<Record<AuditEvent["event"], string>> = {
  login: "test/e2e/audit-events.test.ts",
  "login-failed": "test/login/flow/login.test.ts",
  "step-up": "test/e2e/audit-events.test.ts",
  enter: "test/e2e/audit-events.test.ts",
  refusal: "test/gateway/answers.test.ts",
  logout: "test/e2e/audit-events.test.ts",
  expiry: "test/e2e/audit-events.test.ts",
  revocation: "test/e2e/audit-events.test.ts",
  "groups-changed": "test/identity/refresh.test.ts",
  "personal-token": "test/e2e/personal-tokens.test.ts",
  ticket: "test/e2e/kerberos-login.test.ts",
  directory: "test/directory/logins.test.ts",
  operator: "test/e2e/audit-events.test.ts",
  reload: "test/e2e/audit-events.test.ts",
};

test("each event of the table is raised somewhere, and seen in a test", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(`src/${name}`, "utf8"))
    .join("\n");
  // A member of the type says `readonly event:`.
  const isRaised = (event: string) => new RegExp(`(?<!readonly )event: "${event}"`).test(sources);
  expect(Object.keys(auditEvents).filter((event) => !isRaised(event))).toEqual([]);
  for (const [event, file] of Object.entries(seenIn)) expect(readFileSync(file, "utf8"), event).toContain(`"${event}"`);
});
