import { expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import { createControlBrowser, fromAnswer, incomingFor, throughProvider } from "../../support/control-browser.ts";
import { createControlRig } from "../../support/control-rig.ts";

const auth = "https://auth.acme.example";
const wiki = "https://wiki.acme.example";
const reports = "https://reports.other.example";
const tools = "https://tools.acme.example";

test("a visitor of an app with one provider reaches the wanted page, query and all, through that provider", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const page = await browser.go(`${wiki}/a/b%20c?q=1&r=%2F`);
  expect(page.body).toBe("the page of s-1 by entra");
  expect(page.url).toBe(`${wiki}/a/b%20c?q=1&r=%2F`);
  expect(browser.trail.map((url) => new URL(url).origin + new URL(url).pathname)).toEqual([
    `${wiki}/a/b%20c`,
    `${auth}/_vestibule/login`,
    `${auth}/_vestibule/oidc/entra/callback`,
    `${wiki}/_vestibule/enter`,
    // Back to where the session is: nothing that opens it is made before this browser has shown both cookies.
    `${auth}/_vestibule/confirm`,
    `${wiki}/_vestibule/enter`,
    `${wiki}/a/b%20c`,
  ]);
});

test("a session says from which address and with which browser it was begun", async () => {
  const rig = createControlRig();
  await createControlBrowser(rig).go(`${wiki}/`);
  const { sessions } = await rig.store.list({}, { cursor: null, limit: 10 });
  expect(sessions).toMatchObject([{ address: "192.0.2.7", userAgent: "the browser of these tests" }]);
});

test("a second app on another domain needs no second login", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  await browser.go(`${wiki}/`);
  expect((await browser.go(`${reports}/q`)).body).toBe("the page of s-1 by entra");
  expect(rig.providers.entra.script.begun).toHaveLength(1);
});

test("sessions of two providers stay open side by side", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  await browser.go(`${wiki}/`);
  await browser.go(`${auth}/_vestibule/login?return=${encodeURIComponent(`${tools}/`)}&provider=google`);
  expect((await browser.go(`${wiki}/`)).body).toContain("by entra");
  expect((await browser.go(`${tools}/`)).body).toContain("by google");
  expect([rig.providers.entra.script.begun.length, rig.providers.google.script.begun.length]).toEqual([1, 1]);
});

test("a new login has a new session id and ends this browser's older session of the provider", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  await browser.go(`${wiki}/`);
  const before = rig.cookies.read(browser.jar.header("wiki.acme.example"), "wiki.acme.example") ?? "";
  rig.now += 1_000;
  await browser.go(`${auth}/_vestibule/login?return=${encodeURIComponent(`${wiki}/x`)}&another=1`);
  const after = rig.cookies.read(browser.jar.header("wiki.acme.example"), "wiki.acme.example") ?? "";
  expect(after).not.toBe(before);
  expect(await rig.store.find(before)).toBeNull();
  expect(rig.providers.entra.script.begun[1]?.reauthenticate).toBe(true);
  expect(rig.audited).toContainEqual(expect.objectContaining({ event: "logout", why: "replaced" }));
});

test("two tabs that begin at once, before either holds a cookie, both reach their pages and share one session", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const [one, two] = await Promise.all([redirected(rig, `${wiki}/one`), redirected(rig, `${wiki}/two`)]);
  // The browser keeps the binding that came last.
  browser.jar.absorb("wiki.acme.example", one.setCookies);
  browser.jar.absorb("wiki.acme.example", two.setCookies);
  const first = await browser.ask(one.location ?? "");
  const second = await browser.ask(two.location ?? "");
  expect((await browser.go(throughProvider(first.location ?? "", rig))).url).toBe(`${wiki}/one`);
  expect((await browser.go(throughProvider(second.location ?? "", rig))).url).toBe(`${wiki}/two`);
  expect(rig.audited.filter(({ event }) => event === "login")).toHaveLength(1);
});

test.each([
  { when: "as another person", other: { subject: "s-2" } },
  { when: "with another strength", other: { acr: "gold" } },
])("two tabs that sign in at once, the second $when, are two logins, and the later one counts", async ({ other }) => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const first = await browser.ask((await browser.ask(`${wiki}/one`)).location ?? "");
  const second = await browser.ask((await browser.ask(`${wiki}/two`)).location ?? "");
  await browser.go(throughProvider(first.location ?? "", rig));
  rig.providers.entra.script.principal = other;
  await browser.go(throughProvider(second.location ?? "", rig));
  const id = rig.cookies.read(browser.jar.header("wiki.acme.example"), "wiki.acme.example") ?? "";
  expect((await rig.store.find(id))?.principal).toMatchObject(other);
});

test("every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax, and deleted the same way", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const lines: string[] = [];
  const walk = async (url: string | null, headers = {}): Promise<void> => {
    if (url === null) return;
    const reply = await browser.ask(throughProvider(url, rig), { headers });
    lines.push(...reply.setCookies);
    await walk(reply.location);
  };
  await walk(`${wiki}/`);
  await walk(`${wiki}/_vestibule/logout`, { "sec-fetch-site": "same-origin" });
  await walk(`${auth}/_vestibule/logout`, { "sec-fetch-site": "same-origin" });
  expect(lines.length).toBeGreaterThan(6);
  const end = "(?:; Max-Age=[1-9]\\d*|; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT)?";
  const shape = new RegExp(`^__Host-vestibule[\\w-]*=[\\w.-]*; Path=/; HttpOnly; SameSite=Lax; Secure${end}$`);
  expect(lines.filter((line) => !shape.test(line))).toEqual([]);
});

test("where the auth host is also the app's host, no ticket is needed", async () => {
  const rig = createControlRig({
    auth: { origin: { scheme: "https", hostname: "wiki.acme.example", port: 443 }, locale: { default: "en", available: ["en"] } },
  });
  const browser = createControlBrowser(rig);
  expect((await browser.go(`${wiki}/deep?x=1`)).url).toBe(`${wiki}/deep?x=1`);
  expect(browser.trail.some((url) => url.includes("/enter"))).toBe(false);
  expect(rig.writes).not.toContain("park");
  expect((await browser.go(`${reports}/`)).body).toBe("the page of s-1 by entra");
});

test("a login page left open for longer than a login may take starts afresh", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const { location } = await browser.ask(`${reports}/page?x=1`);
  rig.now += 11 * 60_000;
  const page = await browser.go(`${location}&provider=google`);
  expect(page.url).toBe(`${reports}/page?x=1`);
  expect(page.body).toContain("by google");
});

test("an answer that comes after ten minutes is not accepted, and the way to start again is shown", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const login = await browser.ask((await browser.ask(`${wiki}/`)).location ?? "");
  rig.now += 10 * 60_000 + 1;
  const page = await browser.ask(throughProvider(login.location ?? "", rig));
  expect(page.status).toBe(400);
  expect(rig.providers.entra.script.finished).toHaveLength(0);
});

test("a session past the app's own lifetime leads to a new login", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const login = `${auth}/_vestibule/login?return=${encodeURIComponent(`${tools}/`)}`;
  await browser.go(`${login}&provider=google`);
  rig.now += 25 * 60_000;
  for (const minutes of [20, 20]) {
    const id = rig.cookies.read(browser.jar.header("tools.acme.example"), "tools.acme.example") ?? "";
    const session = await rig.store.find(id);
    if (session !== null) rig.store.touch(session);
    rig.now += minutes * 60_000;
  }
  expect((await browser.go(`${login}&provider=google`)).body).toBe("the page of s-1 by google");
  expect(rig.providers.google.script.begun).toHaveLength(2);
});

test("a stronger login goes to the provider of the present session and asks for that strength", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  await browser.go(`${auth}/_vestibule/login?return=${encodeURIComponent(`${reports}/`)}&provider=google`);
  const answer = rig.loginRedirect.answer(visitTo(rig, `${reports}/vault`, browser.jar.header("reports.other.example")), { acr: ["gold"] });
  const location = answer.headers.find(([name]) => name === "Location")?.[1] ?? "";
  const page = await browser.go(location);
  expect(page.url).toBe(`${reports}/vault`);
  expect(rig.providers.google.script.begun[1]).toMatchObject({ acr: ["gold"], reauthenticate: true });
});

test("a provider that is busy gets one new try by itself, and is told after the second", async () => {
  const rig = createControlRig();
  const { script } = rig.providers.entra;
  script.finishFails = new GatewayError("login.provider-busy", "the provider answered temporarily_unavailable");
  const browser = createControlBrowser(rig);
  const page = await browser.go(`${wiki}/page`);
  expect([page.status, script.begun.length]).toEqual([503, 2]);
  // "Start again" forces no new proof: it is not the account's fault.
  expect(page.body).not.toContain("another=1");
  script.finishFails = null;
  expect((await browser.go(`${wiki}/page`)).body).toBe("the page of s-1 by entra");
});

test("a provider that was busy once signs in at the second try, without a word", async () => {
  const rig = createControlRig();
  const { script } = rig.providers.entra;
  Object.defineProperty(script, "finishFails", {
    get: () => (script.finished.length < 2 ? new GatewayError("login.provider-busy", "authentication_expired") : null),
  });
  expect((await createControlBrowser(rig).go(`${wiki}/page`)).body).toBe("the page of s-1 by entra");
  // The new try asks for no new password: whoever has just proved it stays so.
  expect(script.begun.map(({ reauthenticate }) => reauthenticate)).toEqual([false, false]);
});

test.each(["login.strength-not-given", "saml.authn-context"] as const)(
  "%s shows what is missing, and never just starts again",
  async (code) => {
    const rig = createControlRig();
    rig.providers.entra.script.finishFails = new GatewayError(code, "asked for gold, got bronze");
    const page = await createControlBrowser(rig).go(`${wiki}/page`);
    expect([page.status, page.body]).toEqual([403, expect.stringContaining("needs a stronger sign-in")]);
    // The page that exists for it, with what may be the cause: not the one of a failed login.
    expect(page.body).toContain('<ul class="causes">');
  },
);

test("an operator's fault is told as one, in one line for operators, and another provider is offered where there is one", async () => {
  const rig = createControlRig();
  rig.providers.entra.script.finishFails = new GatewayError("setup.audience", "token: aud is a, this gateway is b");
  const page = await createControlBrowser(rig).go(`${wiki}/page`);
  expect(page.body).toContain("The sign-in is not set up correctly");
  expect(page.body).not.toContain("not let in");
  expect(rig.audited.filter(({ event }) => event === "login-failed")).toMatchObject([
    { code: "setup.audience", detail: "token: aud is a, this gateway is b" },
  ]);
  expect(rig.log.lines).toEqual([]);
  rig.providers.entra.script.beginFails = new GatewayError("setup.client", "invalid_client");
  const offered = await createControlBrowser(rig).go(`${auth}/_vestibule/login?return=${encodeURIComponent(`${reports}/`)}&provider=entra`);
  expect(offered.body).toContain("Provider google");
});

test("the same login address, opened again, says so to the provider; another page does not", async () => {
  const rig = createControlRig();
  const { script } = rig.providers.entra;
  const browser = createControlBrowser(rig);
  script.finishFails = new GatewayError("login.answer-rejected", "no");
  await browser.go(`${wiki}/page`);
  const address = browser.trail.find((url) => url.includes("/_vestibule/login?")) ?? "";
  await createControlBrowser(rig).go(address);
  await browser.go(`${wiki}/other`);
  expect(script.begun.map(({ isRepeated }) => isRepeated)).toEqual([false, true, false]);
});

test("a provider that does not give the strength asked for is told at once, and the present session stays", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  await browser.go(`${wiki}/`);
  const before = rig.cookies.read(browser.jar.header("wiki.acme.example"), "wiki.acme.example") ?? "";
  rig.providers.entra.script.principal = { acr: "bronze" };
  const answer = rig.loginRedirect.answer(visitTo(rig, `${wiki}/vault`, browser.jar.header("wiki.acme.example")), { acr: ["gold"] });
  const page = await browser.go(answer.headers.find(([name]) => name === "Location")?.[1] ?? "");
  expect(page.status).toBe(403);
  expect(page.body).toContain("stronger sign-in");
  expect(await rig.store.find(before)).not.toBeNull();
});

test("a provider that is down is named, and the app's others are offered", async () => {
  const rig = createControlRig();
  rig.providers.google.script.beginFails = new GatewayError("login.provider-unavailable", "connection refused");
  const browser = createControlBrowser(rig);
  const page = await browser.go(`${auth}/_vestibule/login?return=${encodeURIComponent(`${reports}/`)}&provider=google`);
  expect(page.status).toBe(503);
  expect(page.headers.get("retry-after")).toBeNull();
  expect(page.body).toContain("not answering");
  expect(page.body).toContain("Continue with Provider entra");
  expect(page.body).not.toContain("Continue with Provider google");
});

test("an app's only provider being down is an error with a way to try again", async () => {
  const rig = createControlRig();
  rig.providers.entra.script.beginFails = new GatewayError("login.provider-unavailable", "connection refused");
  const page = await createControlBrowser(rig).go(`${wiki}/`);
  expect(page.status).toBe(503);
  expect(page.headers.get("retry-after")).toBe("5");
  expect(page.body).toMatch(/href="\/_vestibule\/login\?wish=[^"]+"/);
});

test.each([
  { when: "the provider says no", code: "login.provider-refused", status: 403, again: "another=1" },
  { when: "the address belongs to another provider", code: "login.email-domain", status: 403, again: "another=1" },
  { when: "the answer does not verify", code: "login.answer-rejected", status: 400, again: `href="${wiki}/p"` },
] as const)("$when: an error page with a way to start again, and no session", async ({ code, status, again }) => {
  const rig = createControlRig();
  rig.providers.entra.script.finishFails = new GatewayError(code, "for operators only");
  const page = await createControlBrowser(rig).go(`${wiki}/p`);
  expect(page.status).toBe(status);
  expect(page.body).toContain(again);
  expect(page.body).not.toContain("for operators only");
  expect(rig.writes).toEqual([]);
  expect(rig.audited).toEqual([expect.objectContaining({ event: "login-failed", code, provider: "entra" })]);
});

test("a posted answer finishes in a same-site GET that carries the cookies", async () => {
  const posting = createControlRig();
  Object.assign(posting.providers.entra, { responseMode: "form_post" });
  const browser = createControlBrowser(posting);
  const login = await browser.ask((await browser.ask(`${wiki}/p`)).location ?? "");
  const state = new URL(login.location ?? "").searchParams.get("state") ?? "";
  const posted = await createControlBrowser(posting).ask(`${auth}/_vestibule/oidc/entra/callback`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: "https://entra.idp.example", "sec-fetch-site": "cross-site" },
    body: new URLSearchParams({ code: "c", state }).toString(),
  });
  expect(posted.status).toBe(303);
  expect(posting.writes).toEqual([]);
  expect(posted.location).not.toContain(state);
  expect((await browser.go(posted.location ?? "")).url).toBe(`${wiki}/p`);
});

test.each([
  { when: "cookies are blocked on the app's host", strip: () => true, cause: "does not keep cookies", status: 400 },
  {
    when: "only the session cookie is dropped",
    strip: (name: string) => name === "__Host-vestibule",
    cause: "keeps starting over",
    status: 508,
  },
])("$when: the loop is recognised and the likely cause named", async ({ strip, cause, status }) => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  let url = `${wiki}/`;
  let hops = 0;
  for (; hops < 40; hops += 1) {
    for (const name of browser.jar.names("wiki.acme.example")) if (strip(name)) browser.jar.delete("wiki.acme.example", name);
    const reply = await browser.ask(throughProvider(url, rig));
    if (reply.location === null) {
      expect(reply.status).toBe(status);
      expect(reply.body).toContain(cause);
      break;
    }
    url = reply.location;
  }
  expect(hops).toBeLessThan(24);
});

test("a login address that is opened in another browser leads to the page, by one silent restart and one sign-in", async () => {
  const rig = createControlRig();
  const first = await createControlBrowser(rig).ask(`${wiki}/p?q=1`);
  const other = createControlBrowser(rig);
  const page = await other.go(first.location ?? "");
  expect([page.url, page.body]).toEqual([`${wiki}/p?q=1`, "the page of s-1 by entra"]);
  expect(rig.providers.entra.script.begun).toHaveLength(1);
});

test("signing in again and again after real ends of session is no loop", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  for (let round = 0; round < 6; round += 1) {
    expect((await browser.go(`${wiki}/`)).body).toContain("the page of");
    await browser.go(`${wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
  }
});

function visitTo(rig: ReturnType<typeof createControlRig>, url: string, cookie: string | null) {
  const target = new URL(url);
  const site = rig.table.findSite(target.hostname);
  if (site === null) throw new Error(`no site ${url}`);
  return { incoming: incomingFor(target, { headers: { accept: "text/html" } }, cookie), site };
}

async function redirected(rig: ReturnType<typeof createControlRig>, url: string) {
  return fromAnswer(url, rig.loginRedirect.answer(visitTo(rig, url, null), { acr: [] }));
}
