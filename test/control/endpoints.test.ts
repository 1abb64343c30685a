import { expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import { createControlBrowser, incomingFor } from "../support/control-browser.ts";
import { createControlRig } from "../support/control-rig.ts";
import { anAdmin, someOperations } from "../support/operations.ts";

const auth = "https://auth.acme.example";
const wiki = "https://wiki.acme.example";
const tools = "https://tools.acme.example";

test("the session endpoint says who is signed in and until when, under the app's own limits", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const start = rig.now;
  await browser.go(`${auth}/_vestibule/login?return=${encodeURIComponent(`${tools}/`)}&provider=google`);
  const reply = await browser.ask(`${tools}/_vestibule/session`, { headers: { accept: "application/json" } });
  expect(reply.headers.get("cache-control")).toBe("no-store");
  expect(JSON.parse(reply.body)).toEqual({
    subject: "s-1",
    name: "Alice",
    email: "alice@acme.example",
    groups: ["staff"],
    provider: "google",
    app: "Tools",
    authenticated_at: new Date(0).toISOString(),
    expires_at: new Date(start + 3_600_000).toISOString(),
    idle_expires_at: new Date(start + 30 * 60_000).toISOString(),
  });
});

test("without a session it answers 401 and names the login", async () => {
  const rig = createControlRig();
  const reply = await createControlBrowser(rig).ask(`${wiki}/_vestibule/session`, {
    headers: { accept: "application/json", referer: `${wiki}/page?x=1` },
  });
  expect(reply.status).toBe(401);
  expect(JSON.parse(reply.body)).toMatchObject({
    error: "login_required",
    request_id: "r-1",
    login_url: `${auth}/_vestibule/login?return=${encodeURIComponent(`${wiki}/page?x=1`)}`,
  });
});

test("while the store cannot answer it says so, and not that nobody is signed in", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  await browser.go(`${wiki}/`);
  rig.failing = new GatewayError("store.unavailable", "no answer");
  const reply = await browser.ask(`${wiki}/_vestibule/session`, { headers: { accept: "application/json" } });
  expect([reply.status, JSON.parse(reply.body).error]).toEqual([503, "store.unavailable"]);
  const login = await browser.ask(`${auth}/_vestibule/login?return=${encodeURIComponent(`${wiki}/`)}`);
  const page = await browser.ask((await browser.ask(login.location ?? "")).location ?? "");
  expect([page.status, page.setCookies]).toEqual([503, []]);
});

test("the assertion keys are public and may be cached", async () => {
  const reply = await createControlBrowser(createControlRig()).ask(`${wiki}/_vestibule/jwks.json`);
  expect([reply.status, reply.body, reply.headers.get("cache-control")]).toEqual([200, '{"keys":[]}', "public, max-age=300"]);
});

test("a provider fetches our public keys on the auth origin, of the provider that it is", async () => {
  const rig = createControlRig();
  const keys = [{ kty: "EC", kid: "ours", use: "sig" }];
  Object.assign(rig.providers.entra, { publicKeys: () => ({ keys }) });
  const ask = (url: string) => createControlBrowser(rig).ask(url, { headers: { accept: "application/json" } });
  const reply = await ask(`${auth}/_vestibule/oidc/entra/jwks.json`);
  expect([reply.status, JSON.parse(reply.body), reply.headers.get("cache-control")]).toEqual([200, { keys }, "public, max-age=300"]);
  expect(JSON.parse((await ask(`${auth}/_vestibule/oidc/google/jwks.json`)).body)).toEqual({ keys: [] });
  expect((await ask(`${auth}/_vestibule/oidc/nobody/jwks.json`)).status).toBe(404);
});

test.each([
  { when: "an unknown address", url: `${wiki}/_vestibule/nothing`, method: "GET", status: 404 },
  { when: "the bare prefix", url: `${wiki}/_vestibule`, method: "GET", status: 404 },
  { when: "a callback on an app's host", url: `${wiki}/_vestibule/oidc/entra/callback?state=x`, method: "GET", status: 404 },
  { when: "the login on an app's host", url: `${wiki}/_vestibule/login`, method: "GET", status: 404 },
  { when: "enter on the auth origin", url: `${auth}/_vestibule/enter?ticket=x`, method: "GET", status: 404 },
  { when: "an unknown provider", url: `${auth}/_vestibule/oidc/nobody/callback?state=x`, method: "GET", status: 404 },
  { when: "a doubled slash", url: `${wiki}//_vestibule/session`, method: "GET", status: 404 },
  { when: "HEAD on enter, as link previews do", url: `${wiki}/_vestibule/enter?ticket=x`, method: "HEAD", status: 405 },
  { when: "HEAD on logout", url: `${wiki}/_vestibule/logout`, method: "HEAD", status: 405 },
  { when: "DELETE on session", url: `${wiki}/_vestibule/session`, method: "DELETE", status: 405 },
  { when: "POST on login", url: `${auth}/_vestibule/login`, method: "POST", status: 405 },
])("$when: $status", async ({ url, method, status }) => {
  const rig = createControlRig();
  const target = new URL(url);
  const site = rig.table.findSite(target.hostname);
  if (site === null) throw new Error("no site");
  const response = await rig.control(new Request(url, { method }), {
    site,
    incoming: incomingFor(target, { method, headers: { accept: "text/html" } }, null),
  });
  expect(response.status).toBe(status);
  expect(response.headers.has("allow")).toBe(status === 405);
});

const admin = (change: { draining?: boolean; reachable?: boolean; listening?: boolean } = {}) =>
  anAdmin(someOperations(), {
    state: () => ({
      listening: change.listening ?? true,
      draining: change.draining ?? false,
      store: { kind: "redis", reachable: change.reachable ?? true, invalidation: true, detail: "" },
      providers: { entra: { ok: false, detail: "down" } },
    }),
    metricsText: async () => "vestibule_up 1\n",
  });

test.each([
  { when: "all is well, though a provider is down", change: {}, status: 200 },
  { when: "a listener is not open yet", change: { listening: false }, status: 503 },
  { when: "it drains", change: { draining: true }, status: 503 },
  { when: "the store is away", change: { reachable: false }, status: 503 },
])("readiness when $when: $status", async ({ change, status }) => {
  const response = await admin(change)(new Request("http://localhost/readyz"), "127.0.0.1");
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ ready: status === 200, providers: { entra: { ok: false } } });
});

test("the admin listener answers health and metrics, and nothing else", async () => {
  const ask = async (path: string, method = "GET") =>
    (await admin({ draining: true })(new Request(`http://localhost${path}`, { method }), "127.0.0.1")).status;
  expect(await Promise.all([ask("/healthz"), ask("/metrics"), ask("/"), ask("/_vestibule/login"), ask("/metrics", "POST")])).toEqual([
    200, 200, 302, 404, 405,
  ]);
});
