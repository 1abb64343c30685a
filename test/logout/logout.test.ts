import { expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import { createControlBrowser } from "../support/control-browser.ts";
import { type ControlRig, createControlRig } from "../support/control-rig.ts";
import { aNewSession } from "../support/session-builders.ts";

const auth = "https://auth.acme.example";
const wiki = "https://wiki.acme.example";
const reports = "https://reports.other.example";
const sameOrigin = { headers: { "sec-fetch-site": "same-origin" } };

async function signedIn(rig: ControlRig) {
  const browser = createControlBrowser(rig);
  await browser.go(`${wiki}/`);
  const id = rig.cookies.read(browser.jar.header("wiki.acme.example"), "wiki.acme.example") ?? "";
  return { browser, id };
}

test.each([
  { when: "a link on the app's own page", headers: { "sec-fetch-site": "same-origin" } },
  { when: "an address typed by hand", headers: { "sec-fetch-site": "none" } },
  { when: "an old browser's link on the app's own page", headers: { referer: `${wiki}/page` } },
])("$when logs out at once, everywhere", async ({ headers }) => {
  const rig = createControlRig();
  const { browser, id } = await signedIn(rig);
  const page = await browser.go(`${wiki}/_vestibule/logout`, { headers: headers as unknown as Record<string, string> });
  expect(new URL(page.url).pathname).toBe("/_vestibule/signed-out");
  expect(page.body).toContain("You are signed out");
  expect(page.body).toContain(`href="${wiki}/"`);
  expect(await rig.store.find(id)).toBeNull();
  expect(browser.jar.get("wiki.acme.example", "__Host-vestibule")).toBeNull();
  expect(rig.audited).toContainEqual(expect.objectContaining({ event: "logout", why: "logout" }));
});

test("the confirmation works without a script: its form, posted, logs out", async () => {
  const rig = createControlRig();
  const { browser, id } = await signedIn(rig);
  const page = await browser.ask(`${wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "cross-site" } });
  expect(page.status).toBe(200);
  expect(page.body).toContain('<form method="post" action="/_vestibule/logout">');
  expect(page.body).toContain("Alice");
  expect(page.headers.get("referrer-policy")).toBe("same-origin");
  const done = await browser.go(`${wiki}/_vestibule/logout`, {
    method: "POST",
    headers: { origin: wiki, "sec-fetch-site": "same-origin" },
  });
  expect(done.body).toContain("You are signed out");
  expect(await rig.store.find(id)).toBeNull();
});

test("a provider with an end-session address is left too, and brings the visitor back to the signed-out page", async () => {
  const rig = createControlRig();
  rig.providers.entra.script.leaveUrl = "https://entra.idp.example/bye";
  const { browser, id } = await signedIn(rig);
  const reply = await browser.ask(`${wiki}/_vestibule/logout`, sameOrigin);
  expect(reply.location).toContain("https://entra.idp.example/bye?state=");
  expect(await rig.store.find(id)).toBeNull();
  const state = new URL(reply.location ?? "").searchParams.get("state") ?? "";
  const back = await browser.ask(`${auth}/_vestibule/signed-out?state=${state}`);
  expect(back.body).toContain("You can close this window now.");
  expect(back.body).toContain(`href="${wiki}/"`);
});

test("a provider that cannot be left keeps nobody signed in here, and the page says so", async () => {
  const rig = createControlRig();
  rig.providers.entra.script.leaveFails = new GatewayError("login.provider-unavailable", "down");
  const { browser, id } = await signedIn(rig);
  const page = await browser.go(`${wiki}/_vestibule/logout`, sameOrigin);
  expect(page.body).toContain("may still remember you");
  expect(await rig.store.find(id)).toBeNull();
});

test("logging out on the auth origin ends all sessions of this browser, and no other browser's", async () => {
  const rig = createControlRig();
  const { browser, id } = await signedIn(rig);
  const other = await signedIn(rig);
  await browser.go(`${auth}/_vestibule/login?return=${encodeURIComponent(`${reports}/`)}&provider=google&another=1`);
  const google = rig.cookies.read(browser.jar.header("reports.other.example"), "reports.other.example") ?? "";
  await browser.go(`${auth}/_vestibule/logout`, sameOrigin);
  expect([await rig.store.find(id), await rig.store.find(google)]).toEqual([null, null]);
  expect(await rig.store.find(other.id)).not.toBeNull();
  expect(browser.jar.get("auth.acme.example", "__Host-vestibule-auth")).toBeNull();
});

test("a visitor without a session just sees that nobody is signed in", async () => {
  const rig = createControlRig();
  const page = await createControlBrowser(rig).go(`${wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "cross-site" } });
  expect(page.body).toContain("You are signed out");
  expect(rig.writes).toEqual([]);
});

test("after a logout elsewhere the next page asks for a login", async () => {
  const rig = createControlRig();
  const { browser } = await signedIn(rig);
  await browser.go(`${reports}/`);
  await browser.go(`${wiki}/_vestibule/logout`, sameOrigin);
  const page = await browser.ask(`${reports}/`);
  expect(page.location).toContain(`${auth}/_vestibule/login?wish=`);
});

test("while the store cannot answer, nothing is cleared and the truth is told", async () => {
  const rig = createControlRig();
  const { browser } = await signedIn(rig);
  rig.failing = new GatewayError("store.unavailable", "no answer");
  const page = await browser.ask(`${wiki}/_vestibule/logout`, sameOrigin);
  expect(page.status).toBe(503);
  expect(page.headers.get("retry-after")).toBe("5");
  expect(page.setCookies).toEqual([]);
});

const backchannel = `${auth}/_vestibule/oidc/entra/backchannel-logout`;
const form = { "content-type": "application/x-www-form-urlencoded" };
const post = (body: string, headers: Record<string, string> = form) => ({ method: "POST", headers: { accept: "*/*", ...headers }, body });

test("a logout token that verifies ends the sessions it names, once", async () => {
  const rig = createControlRig();
  const { id } = await signedIn(rig);
  rig.providers.entra.script.notice = { subject: "s-1", providerSession: "entra-sid", replay: { id: "jti-1", until: rig.now + 60_000 } };
  const provider = createControlBrowser(rig);
  const reply = await provider.ask(backchannel, post("logout_token=t"));
  expect([reply.status, reply.body, reply.headers.get("cache-control")]).toEqual([200, "", "no-store"]);
  expect(await rig.store.find(id)).toBeNull();
  expect(rig.audited).toContainEqual(expect.objectContaining({ event: "revocation", sessions: 1, why: "provider-logout" }));
  const again = await signedIn(rig);
  expect((await provider.ask(backchannel, post("logout_token=t"))).status).toBe(400);
  expect(await rig.store.find(again.id)).not.toBeNull();
});

test.each(["endAll", "once"] as const)(
  "a logout token on which the store fails at %s may come again, and is then used up",
  async (failingAt) => {
    const rig = createControlRig();
    const { id } = await signedIn(rig);
    rig.providers.entra.script.notice = { subject: "s-1", providerSession: "entra-sid", replay: { id: "jti-4", until: rig.now + 60_000 } };
    const provider = createControlBrowser(rig);
    Object.assign(rig, { failing: new GatewayError("store.unavailable", "no answer"), failingAt });
    expect((await provider.ask(backchannel, post("logout_token=t"))).status).toBe(503);
    rig.failing = null;
    expect((await provider.ask(backchannel, post("logout_token=t"))).status).toBe(200);
    expect(await rig.store.find(id)).toBeNull();
    expect((await provider.ask(backchannel, post("logout_token=t"))).status).toBe(400);
  },
);

test("a logout token that comes twice at once ends each session once, and is used up", async () => {
  const rig = createControlRig();
  await signedIn(rig);
  rig.providers.entra.script.notice = { subject: "s-1", providerSession: "entra-sid", replay: { id: "jti-5", until: rig.now + 60_000 } };
  const provider = createControlBrowser(rig);
  const replies = await Promise.all([1, 2, 3].map(() => provider.ask(backchannel, post("logout_token=t"))));
  expect(replies.some(({ status }) => status === 200)).toBe(true);
  expect(rig.audited.filter(({ event }) => event === "logout")).toHaveLength(1);
  const again = await signedIn(rig);
  expect((await provider.ask(backchannel, post("logout_token=t"))).status).toBe(400);
  expect(await rig.store.find(again.id)).not.toBeNull();
});

test("a token without sid ends everything of its subject", async () => {
  const rig = createControlRig();
  const [one, two] = [await signedIn(rig), await signedIn(rig)];
  rig.providers.entra.script.notice = { subject: "s-1", providerSession: null, replay: { id: "jti-2", until: rig.now + 60_000 } };
  await createControlBrowser(rig).ask(backchannel, post("logout_token=t"));
  expect([await rig.store.find(one.id), await rig.store.find(two.id)]).toEqual([null, null]);
});

test.each([
  { when: "only the sub, where sessions take another claim for their subject", sid: null, filedUnder: "session-9", ends: true },
  {
    when: "a sid that was never in an ID token, for a session whose provider named none",
    sid: "unheard-of",
    filedUnder: "account their-sub",
    ends: true,
  },
  { when: "a sid of another session of the same account", sid: "session-8", filedUnder: "session-9", ends: false },
])("a token with $when: ends the session: $ends", async ({ sid, filedUnder, ends }) => {
  const rig = createControlRig();
  const principal = { provider: "entra", subject: "an-oid" };
  const { id } = await rig.store.create(aNewSession({ principal, providerSession: filedUnder, providerAccount: "their-sub" }));
  const replay = { id: "jti-3", until: rig.now + 60_000 };
  rig.providers.entra.script.notice = {
    subject: null,
    providerSession: sid,
    providerAccount: "their-sub",
    unnamedSession: "account their-sub",
    replay,
  };
  expect((await createControlBrowser(rig).ask(backchannel, post("logout_token=t"))).status).toBe(200);
  expect((await rig.store.find(id)) === null).toBe(ends);
});

test.each([
  { when: "a token that does not verify", url: backchannel, ask: post("logout_token=bad"), status: 400 },
  { when: "no token", url: backchannel, ask: post("x=y"), status: 400 },
  { when: "two tokens", url: backchannel, ask: post("logout_token=a&logout_token=b"), status: 400 },
  { when: "JSON", url: backchannel, ask: post('{"logout_token":"t"}', { "content-type": "application/json" }), status: 400 },
  { when: "no content type", url: backchannel, ask: post("logout_token=t", { "content-type": "" }), status: 400 },
  { when: "a body of megabytes", url: backchannel, ask: post(`logout_token=${"t".repeat(2_000_000)}`), status: 400 },
  { when: "an unknown provider", url: backchannel.replace("entra", "nobody"), ask: post("logout_token=t"), status: 400 },
  { when: "GET", url: `${backchannel}?logout_token=t`, ask: { headers: { accept: "*/*" } }, status: 405 },
])("$when is refused with $status, no-store and a JSON error", async ({ when, url, ask, status }) => {
  const rig = createControlRig();
  const { id } = await signedIn(rig);
  const notice = { subject: "s-1", providerSession: "entra-sid", replay: null };
  rig.providers.entra.script.notice = when === "a token that does not verify" ? null : notice;
  const reply = await createControlBrowser(rig).ask(url, ask);
  expect([reply.status, reply.headers.get("cache-control")]).toEqual([status, "no-store"]);
  expect(JSON.parse(reply.body)).toHaveProperty("error");
  expect(await rig.store.find(id)).not.toBeNull();
});

test("a front-channel message ends the provider session that it names, without any cookie", async () => {
  const rig = createControlRig();
  const { id } = await signedIn(rig);
  rig.providers.entra.script.notice = { subject: null, providerSession: "entra-sid", replay: null };
  const url = `${auth}/_vestibule/oidc/entra/frontchannel-logout?iss=x&sid=entra-sid`;
  expect((await createControlBrowser(rig).ask(url)).status).toBe(200);
  expect(await rig.store.find(id)).toBeNull();
});

test("the answer to a front-channel message may stand in a frame of that provider's pages, and of nobody else's", async () => {
  const rig = createControlRig();
  await signedIn(rig);
  const notice = { subject: null, providerSession: "entra-sid", replay: null };
  const url = `${auth}/_vestibule/oidc/entra/frontchannel-logout?iss=x&sid=entra-sid`;
  rig.providers.entra.script.notice = { ...notice, framedBy: "https://idp.acme.example" };
  const { headers } = await createControlBrowser(rig).ask(url);
  expect(headers.get("content-security-policy")).toContain("frame-ancestors https://idp.acme.example");
  expect(headers.get("x-frame-options")).toBeNull();
  rig.providers.entra.script.notice = notice;
  const other = await createControlBrowser(rig).ask(url);
  expect([other.headers.get("content-security-policy"), other.headers.get("x-frame-options")]).toEqual([
    expect.stringContaining("frame-ancestors 'none'"),
    "DENY",
  ]);
});

test("guesses at the front-channel address are counted like logins", async () => {
  const rig = createControlRig();
  rig.providers.entra.script.notice = null;
  const browser = createControlBrowser(rig);
  const guess = async (at: number) => (await browser.ask(`${auth}/_vestibule/oidc/entra/frontchannel-logout?iss=x&sid=${at}`)).status;
  const { loginsPerAddress } = rig.settings.limits;
  for (let at = 0; at < loginsPerAddress; at += 1) expect(await guess(at)).toBe(400);
  expect(await guess(loginsPerAddress)).toBe(429);
});

test("a front-channel message that names only a subject is anybody's guess and ends nothing", async () => {
  const rig = createControlRig();
  const { id } = await signedIn(rig);
  rig.providers.entra.script.notice = { subject: "s-1", providerSession: null, replay: null };
  expect((await createControlBrowser(rig).ask(`${auth}/_vestibule/oidc/entra/frontchannel-logout?iss=x`)).status).toBe(400);
  expect(await rig.store.find(id)).not.toBeNull();
});
