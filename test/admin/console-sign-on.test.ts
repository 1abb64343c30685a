import { generateKeyPairSync, sign } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { issueConsoleCookie } from "../../src/admin/console/sign-on.ts";
import { makeSecret } from "../../src/core/secret.ts";
import { anAdmin, consoleToken, someOperations } from "../support/operations.ts";

/*
 * The console's own fences, asked without the gateway in front: each holds by itself, whatever the app's rules have let through.
 */
const host = "console.acme.example";
const now = 1_800_000_000_000;
const good = generateKeyPairSync("ec", { namedCurve: "P-256" });
const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
const claims = { aud: host, exp: now / 1_000 + 60, sub: "1", provider: "entra", email: "ada@acme.example", groups: ["staff"] };

let mayAct: boolean;
let acts: number;
let ask: (path: string, headers: Record<string, string>, form?: Record<string, string>) => Promise<Response>;
beforeEach(() => {
  mayAct = true;
  acts = 0;
  const operations = someOperations(
    {
      assertionKeys: () => [good.publicKey.export({ format: "jwk" })],
      mayAct: () => mayAct,
      reload: async () => {
        acts += 1;
        return { outcome: "applied", detail: "" };
      },
    },
    { console: { token: makeSecret(consoleToken), host } },
  );
  const admin = anAdmin(operations, { names: () => [host, "admin.internal"], clock: () => now });
  ask = (path, headers, form) => {
    const sent = form === undefined ? { headers } : { method: "POST", headers, body: new URLSearchParams(form) };
    return admin(new Request(`http://${headers.host}${path}`, sent), "192.0.2.1");
  };
});

function assertion(change: object = {}, key = good.privateKey): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "ES256" })}.${part({ ...claims, ...change })}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}
const signed = (change: object = {}, key = good.privateKey) => ({ host, "x-vestibule-assertion": assertion(change, key) });
const cookieOf = (token: string, at: number) => issueConsoleCookie(token, at).split(";")[0] ?? "";

describe("who is let in on the console's host", () => {
  test.each([
    { who: "the person whom the gateway's assertion names", headers: () => signed(), status: 200 },
    { who: "nobody without one", headers: () => ({ host }), status: 401 },
    { who: "nobody by an assertion for another app", headers: () => signed({ aud: "wiki.acme.example" }), status: 401 },
    { who: "nobody by one for several apps", headers: () => signed({ aud: [host, "x"] }), status: 401 },
    { who: "nobody by one that is over", headers: () => signed({ exp: now / 1_000 }), status: 401 },
    { who: "nobody by one without an end", headers: () => signed({ exp: undefined }), status: 401 },
    { who: "nobody by one without a subject", headers: () => signed({ sub: 1 }), status: 401 },
    { who: "nobody by one of another key", headers: () => signed({}, other.privateKey), status: 401 },
    { who: "nobody by one with a part too many", headers: () => ({ host, "x-vestibule-assertion": `${assertion()}.x` }), status: 401 },
    { who: "nobody by the token's cookie", headers: () => ({ host, cookie: cookieOf(consoleToken, now) }), status: 401 },
  ])("$who: $status", async ({ headers, status }) => {
    expect((await ask("/console/now", headers())).status).toBe(status);
  });
});

describe("who is let in at the listener's own address", () => {
  const own = "127.0.0.1:9090";
  test.each([
    { who: "a browser that signed in with the token", headers: { cookie: cookieOf(consoleToken, now) }, status: 200 },
    { who: "nobody eight hours later", headers: { cookie: cookieOf(consoleToken, now - 8 * 3_600_000) }, status: 401 },
    {
      who: "nobody by a cookie under another token",
      headers: { cookie: cookieOf("another-token-of-before-0123456789", now) },
      status: 401,
    },
    {
      who: "nobody by a longer time than was given",
      headers: { cookie: cookieOf(consoleToken, now).replace(/=\d+/, `=${now * 2}`) },
      status: 401,
    },
    { who: "nobody by an assertion for the console's host", headers: { "x-vestibule-assertion": assertion() }, status: 401 },
  ])("$who: $status", async ({ headers, status }) => {
    expect((await ask("/console/now", { host: own, ...headers })).status).toBe(status);
  });
});

test.each([
  { name: "127.0.0.1:9090", status: 200 },
  { name: "[::1]:9090", status: 200 },
  { name: "LOCALHOST", status: 200 },
  { name: "admin.internal.:80", status: 200 },
  { name: "10.0.0.7:9090", status: 200 },
  { name: "VESTIBULE", status: 200 },
  { name: "evil.example:9090", status: 421 },
  { name: "vestibule.evil.example", status: 421 },
  { name: "a/b", status: 421 },
  { name: "evil-admin.internal", status: 421 },
  { name: "x.localhost", status: 421 },
  { name: "127.0.0.1.evil.example", status: 421 },
  { name: "a b", status: 421 },
  { name: "admin.internal:x", status: 421 },
  { name: "", status: 421 },
])("the listener asked for as '$name' answers $status", async ({ name, status }) => {
  const admin = anAdmin(someOperations(), { names: () => ["admin.internal", "vestibule"] });
  const request = new Request("http://127.0.0.1/healthz");
  request.headers.set("host", name);
  expect((await admin(request, "192.0.2.1")).status).toBe(status);
});

describe("who may act", () => {
  const form = { origin: `https://${host}` };
  test.each([
    { when: "an operator's own form", more: form, may: true, status: 303 },
    { when: "its own form, with Fetch Metadata", more: { ...form, "sec-fetch-site": "same-origin" }, may: true, status: 303 },
    { when: "its own form of a browser that hides the origin", more: { "sec-fetch-site": "same-origin" }, may: true, status: 303 },
    { when: "a reader's own form", more: form, may: false, status: 403 },
    { when: "another site's form", more: { origin: "https://evil.example" }, may: true, status: 403 },
    { when: "a sandboxed page's form", more: { origin: "null" }, may: true, status: 403 },
    { when: "a form of a neighbour's host", more: { ...form, "sec-fetch-site": "same-site" }, may: true, status: 403 },
    { when: "another site's form with a made-up origin", more: { ...form, "sec-fetch-site": "cross-site" }, may: true, status: 403 },
    { when: "a request that says nothing of where it comes from", more: {}, may: true, status: 403 },
  ])("$when: $status", async ({ more, may, status }) => {
    mayAct = may;
    expect((await ask("/console/config/reload", { ...signed(), ...more }, {})).status).toBe(status);
    expect(acts).toBe(status === 303 ? 1 : 0);
    expect((await ask("/console/now", signed())).status).toBe(200);
  });
});

test("a reader asks `explain`, which changes nothing", async () => {
  mayAct = false;
  const form = { url: "https://wiki.acme.example/" };
  const own = { origin: `https://${host}`, "sec-fetch-site": "same-origin" };
  expect((await ask("/console/explain", { ...signed(), ...own }, form)).status).toBe(200);
  expect((await ask("/console/explain/", { ...signed(), ...own }, form)).status).toBe(403);
  expect((await ask("/console/sessions/count", { ...signed(), ...own }, form)).status).toBe(403);
});

test("a page of the console is framed by no other, runs one script, and is kept by no cache", async () => {
  const page = await ask("/console/now", signed());
  const policy = new Map(
    (page.headers.get("content-security-policy") ?? "").split("; ").map((part) => part.split(/ (.*)/s) as [string, string]),
  );
  expect([policy.get("default-src"), policy.get("frame-ancestors"), policy.get("form-action")]).toEqual(["'none'", "'none'", "'self'"]);
  expect(policy.get("script-src")).toMatch(/^'sha256-[A-Za-z0-9+/=]+'$/);
  expect(policy.get("style-src")).toMatch(/^'sha256-[A-Za-z0-9+/=]+'$/);
  expect([page.headers.get("x-frame-options"), page.headers.get("cache-control")]).toEqual(["DENY", "no-store"]);
});
