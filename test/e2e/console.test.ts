import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bearer, makeToken } from "../support/personal-tokens.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

const token = "console-token-of-the-console-0123456";
let rig: Rig;
let consoleUrl: string;
beforeAll(async () => {
  const top = `console:
  token: { env: CONSOLE_TOKEN }
  host: console.localhost
  access: [{ allow: { groups: [admins] } }]
  readers: [{ allow: { groups: [staff] } }]
personalTokens: {}
`;
  rig = await startRig({ top, env: { CONSOLE_TOKEN: token } });
  consoleUrl = `http://console.localhost:${rig.port}`;
});
afterAll(() => rig.close());

const local = () => `http://127.0.0.1:${rig.adminPort}`;

async function signedIn(): Promise<Visitor> {
  const visitor = newVisitor();
  await visitor.visit(`${local()}/console/sign-in`, { method: "POST", form: { token }, headers: { origin: local() } });
  return visitor;
}

test("on the admin listener the console asks for the token, and shows nothing without it", async () => {
  const stranger = newVisitor();
  for (const path of ["/console/now", "/console/sessions", "/console/config", "/console/nothing"]) {
    const page = await stranger.visit(local() + path);
    expect([page.status, page.body.includes('type="password"')]).toEqual([401, true]);
  }
  const wrong = await stranger.visit(`${local()}/console/sign-in`, { method: "POST", form: { token: "x" }, headers: { origin: local() } });
  expect([wrong.status, wrong.setCookies]).toEqual([401, []]);
  const page = await (await signedIn()).visit(`${local()}/console/now`);
  expect([page.status, page.headers["x-frame-options"]]).toEqual([200, "DENY"]);
  expect(page.headers["content-security-policy"]).not.toContain("unsafe-inline");
});

test("a body without an end is cut off before anybody is signed in, announced or not", async () => {
  const post = (path: string, headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: rig.adminPort, path, method: "POST", headers }, (response) => {
        resolve(response.statusCode ?? 0);
        sent.destroy();
      });
      sent.on("error", reject);
      const piece = Buffer.alloc(64 * 1024, "x");
      // Bounded, so that a gateway which reads on fails here and not by a time limit.
      let left = 64;
      const more = () => {
        while (left > 0) {
          left -= 1;
          if (!sent.write(piece)) return;
        }
        sent.end();
      };
      sent.on("drain", more);
      more();
    });
  const form = { origin: local(), host: `127.0.0.1:${rig.adminPort}`, "content-type": "application/x-www-form-urlencoded" };
  const json = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const bytes = String(64 * 64 * 1024);
  expect(await post("/console/sign-in", form)).toBe(413);
  expect(await post("/console/sign-in", { ...form, "content-length": bytes })).toBe(413);
  expect(await post("/api/v1/sessions/end", json)).toBe(413);
  expect(await post("/api/v1/sessions/end", { ...json, "content-length": bytes })).toBe(413);
});

test("who is signed in is found, and ended after a count", async () => {
  const alice = newVisitor();
  await signIn(alice, `${rig.urls.wiki}/`, "alice");
  const operator = await signedIn();
  expect((await operator.visit(`${local()}/console/sessions?person=alice`)).body).toContain("alice@");
  const post = (path: string, form: Record<string, string>, origin = local()) =>
    operator.visit(`${local()}/console${path}`, { method: "POST", form, headers: { origin } });
  expect((await post("/sessions/count", { person: "alice" })).body).toContain("Sessions that match: 1");
  // Another site's form, and a form without any condition, end nothing.
  expect((await post("/sessions/end-all", { person: "alice" }, "https://evil.example")).status).toBe(403);
  expect((await post("/sessions/end-all", {})).status).toBe(400);
  expect((await alice.visit(`${rig.urls.wiki}/`)).status).toBe(200);
  expect((await post("/sessions/end-all", { person: "alice" })).status).toBe(303);
  expect((await alice.visit(`${rig.urls.wiki}/`)).status).toBe(302);
});

test("a session's page shows its person's tokens and ends one; a reader may not", async () => {
  const alice = newVisitor();
  await signIn(alice, `${rig.urls.wiki}/`, "alice");
  const secret = await makeToken(alice, rig.urls.auth, "laptop");
  const use = async () => (await newVisitor().fetch(`${rig.urls.wiki}/page`, { headers: { authorization: bearer(secret) } })).status;
  expect(await use()).toBe(200);
  const operator = await signedIn();
  const listed = await operator.visit(`${local()}/console/sessions?person=alice`);
  const session = /href="\/console\/sessions\/([\w-]{43})"/.exec(listed.body)?.[1] ?? "";
  const page = await operator.visit(`${local()}/console/sessions/${session}`);
  expect(page.body).toContain("End the token laptop");
  const form = page.body.split("<form").find((part) => part.includes("/console/sessions/end-token")) ?? "";
  const fields = Object.fromEntries([...form.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]));
  const post = (visitor: Visitor, base: string) =>
    visitor.visit(`${base}/console/sessions/end-token`, { method: "POST", form: fields, headers: { origin: base } });
  const bob = newVisitor();
  await signIn(bob, `${consoleUrl}/console/now`, "bob");
  expect((await post(bob, consoleUrl)).status).toBe(403);
  expect(await use()).toBe(200);
  expect((await post(operator, local())).status).toBe(303);
  expect(await use()).toBe(401);
});

test("a refusal is shown with its rule, and explained by one click", async () => {
  const bob = newVisitor();
  await signIn(bob, `${rig.urls.wiki}/`, "bob");
  expect((await bob.visit(`${rig.urls.wiki}/admin`)).status).toBe(403);
  const operator = await signedIn();
  const page = await operator.visit(`${local()}/console/refusals`);
  const number = /href="\/console\/explain\?request=([^"]+)"/.exec(page.body)?.[1] ?? "";
  expect(page.body).toContain("/admin");
  const explained = await operator.visit(`${local()}/console/explain?request=${number}`);
  expect(explained.body).toContain("/admin");
  expect(explained.body).toContain("Refused");
});

test("on its own host the console is behind single sign-on: admins act, readers look, others are refused", async () => {
  const admin = newVisitor();
  const page = await signIn(admin, `${consoleUrl}/console/now`, "alice");
  expect([page.status, page.url.href]).toEqual([200, `${consoleUrl}/console/now`]);
  const act = (visitor: Visitor) =>
    visitor.visit(`${consoleUrl}/console/sessions/count`, { method: "POST", form: { person: "x" }, headers: { origin: consoleUrl } });
  expect((await act(admin)).status).toBe(200);
  const reader = newVisitor();
  const seen = await signIn(reader, `${consoleUrl}/console/sessions`, "bob");
  // Readers see who is signed in, and no button that would end anything.
  expect([seen.status, seen.body.includes("alice@"), seen.body.includes('method="post"')]).toEqual([200, true, false]);
  expect((await admin.visit(`${consoleUrl}/console/sessions`)).body).toContain('method="post"');
  expect((await act(reader)).status).toBe(403);
  expect((await signIn(newVisitor(), `${consoleUrl}/console/now`, "carol")).status).toBe(403);
});

test("behind single sign-on readers explain, too, with more groups than an address may hold, and do nothing else", async () => {
  const reader = newVisitor();
  await signIn(reader, `${consoleUrl}/console/explain`, "bob");
  const groups = Array.from({ length: 3_000 }, (_, at) => `CN=Group ${at},OU=Groups,DC=acme`);
  const form = { url: `${rig.urls.wiki}/admin`, groupLines: groups.join("\r\n") };
  const post = (path: string) => reader.visit(`${consoleUrl}${path}`, { method: "POST", form, headers: { origin: consoleUrl } });
  const { status, body } = await post("/console/explain");
  expect([status, body.includes("CN=Group 2999,OU=Groups,DC=acme")]).toEqual([200, true]);
  for (const path of [
    "/console/sessions/count",
    "/console/sessions/end-all",
    "/console/config/reload",
    "/console/explain/../config/reload",
  ])
    expect([path, (await post(path)).status]).toEqual([path, 403]);
});

test("the admin listener believes no one who merely names the console's host, and answers no other site's name", async () => {
  const ask = (host: string, headers: Record<string, string> = {}, path = "/console/now") =>
    new Promise<number>((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: rig.adminPort, path, headers: { host, ...headers } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.once("error", reject).end();
    });
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(`{"aud":"console.localhost","exp":99999999999,"sub":"x"}`).toString("base64url")}.`;
  expect(await ask("console.localhost", { "x-vestibule-assertion": unsigned })).toBe(401);
  expect(await ask("evil.example")).toBe(421);
  // Nor does the API, whatever the token: a page that made its own name lead here could read the answer.
  const authorization = `Bearer ${token}`;
  expect([
    await ask("evil.example", { authorization }, "/api/v1/status"),
    await ask("localhost", { authorization }, "/api/v1/status"),
  ]).toEqual([421, 200]);
  // The token's cookie counts at the listener's own address only.
  const cookie = [...(await signedIn()).cookies("127.0.0.1")].map(([name, value]) => `${name}=${value}`).join("; ");
  expect(await ask("console.localhost", { cookie })).toBe(401);
});
