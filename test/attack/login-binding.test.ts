import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { makeSecret } from "../../src/core/secret.ts";
import { sealWantedPage } from "../../src/login/flow/wanted-page.ts";
import { createSealer } from "../../src/sessions/sealing.ts";
import { createControlBrowser, throughProvider } from "../support/control-browser.ts";
import { type ControlRig, createControlRig } from "../support/control-rig.ts";
import { anApp } from "../support/policy-builders.ts";

/**
 * Attacks on what ties a login to one browser: a login forced on a victim, a ticket or an answer carried elsewhere or used twice,
 * a session id known beforehand. The verdict is which session cookies exist and what the store holds.
 */
const auth = "https://auth.acme.example";
const wiki = "https://wiki.acme.example";
const reports = "https://reports.other.example";
type Browser = ReturnType<typeof createControlBrowser>;

const sessionOn = (browser: Browser, host: string) => browser.jar.get(host, "__Host-vestibule");
const attacker = { subject: "mallory", email: "mallory@acme.example", name: "Mallory" };

/** Walks a login up to the URL that carries the ticket. */
async function ticketUrl(rig: ControlRig, browser: Browser, page = `${wiki}/secret?token=1`): Promise<string> {
  let { location } = await browser.ask(page);
  for (let hop = 0; hop < 10 && location !== null && !location.includes("/enter?ticket="); hop += 1) {
    location = (await browser.ask(throughProvider(location, rig))).location;
  }
  if (location === null) throw new Error("no ticket");
  return location;
}

test("login CSRF: the attacker's answer from the provider signs no victim in", async () => {
  const rig = createControlRig();
  const mallory = createControlBrowser(rig);
  rig.providers.entra.script.principal = attacker;
  const login = await mallory.ask((await mallory.ask(`${wiki}/`)).location ?? "");
  const victim = createControlBrowser(rig);
  const reply = await victim.ask(throughProvider(login.location ?? "", rig));
  expect(reply.status).toBe(400);
  expect(reply.setCookies).toEqual([]);
  expect(rig.providers.entra.script.finished).toEqual([]);
  expect(rig.writes).toEqual([]);
});

test("login CSRF: the attacker's ticket signs no victim in as the attacker", async () => {
  const rig = createControlRig();
  rig.providers.entra.script.principal = attacker;
  const url = await ticketUrl(rig, createControlBrowser(rig));
  rig.providers.entra.script.principal = {};
  const victim = createControlBrowser(rig);
  await victim.ask(`${wiki}/`); // the victim has a binding of its own there
  const reply = await victim.ask(url);
  expect(sessionOn(victim, "wiki.acme.example")).toBeNull();
  expect((await victim.go(reply.location ?? "")).body).toBe("the page of s-1 by entra");
});

test("login CSRF: the attacker's login link, followed by a signed-in victim, hands the victim's session to nobody", async () => {
  const rig = createControlRig();
  const mallory = createControlBrowser(rig);
  const wish = (await mallory.ask(`${wiki}/`)).location ?? "";
  const victim = createControlBrowser(rig);
  await victim.go(`${reports}/?x`, {}).catch(() => undefined);
  await victim.go(`${auth}/_vestibule/login?return=${encodeURIComponent(`${reports}/`)}&provider=entra`);
  const { location } = await victim.ask(wish);
  expect(location).toContain("/enter?claim=");
  // The victim's own browser has no binding there; the claim is gone after this.
  await victim.ask(location ?? "");
  expect(sessionOn(victim, "wiki.acme.example")).toBeNull();
  await mallory.ask(location ?? "");
  expect(sessionOn(mallory, "wiki.acme.example")).toBeNull();
});

test.each([
  { when: "a browser that has never been there", visited: false },
  { when: "a browser with a binding of its own", visited: true },
])("a stolen ticket signs nobody in: $when", async ({ visited }) => {
  const rig = createControlRig();
  const url = await ticketUrl(rig, createControlBrowser(rig));
  const thief = createControlBrowser(rig);
  if (visited) await thief.ask(`${wiki}/`);
  const reply = await thief.ask(url);
  expect(sessionOn(thief, "wiki.acme.example")).toBeNull();
  expect(reply.body).not.toContain("token=1");
  expect(reply.location ?? "").not.toContain("token");
});

test("a ticket is good once: its rightful browser cannot use it twice", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const url = await ticketUrl(rig, browser);
  expect((await browser.ask(url)).status).toBe(303);
  browser.jar.delete("wiki.acme.example", "__Host-vestibule");
  const again = await browser.ask(url);
  expect(again.status).toBe(400);
  expect(sessionOn(browser, "wiki.acme.example")).toBeNull();
});

test("of many uses in parallel exactly one signs in", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const url = await ticketUrl(rig, browser);
  const replies = await Promise.all(Array.from({ length: 20 }, () => browser.ask(url)));
  expect(replies.filter(({ setCookies }) => setCookies.some((line) => line.startsWith("__Host-vestibule=")))).toHaveLength(1);
});

test("a ticket for one host does nothing on another, even in the same browser", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  await browser.ask(`${reports}/`);
  const url = await ticketUrl(rig, browser);
  await browser.ask(url.replace(wiki, reports));
  expect(sessionOn(browser, "reports.other.example")).toBeNull();
});

test("not even where both hosts hold the same binding", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const url = await ticketUrl(rig, browser);
  const name = "__Host-vestibule-browser";
  browser.jar.set("reports.other.example", name, browser.jar.get("wiki.acme.example", name) ?? "");
  expect((await browser.ask(url.replace(wiki, reports))).status).toBe(400);
  expect(sessionOn(browser, "reports.other.example")).toBeNull();
});

test("a ticket does not outlast what the app allows a session", async () => {
  const brief = anApp({ hosts: ["wiki.acme.example"], providers: ["entra"], session: { idleMs: 30_000, lifetimeMs: 30_000 } });
  const rig = createControlRig({ apps: [brief] });
  const browser = createControlBrowser(rig);
  const url = await ticketUrl(rig, browser);
  rig.now += 30_000;
  await browser.ask(url);
  expect(sessionOn(browser, "wiki.acme.example")).toBeNull();
});

test("a ticket older than a minute is worthless", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const url = await ticketUrl(rig, browser);
  rig.now += 60_001;
  expect((await browser.ask(url)).status).toBe(400);
  expect(sessionOn(browser, "wiki.acme.example")).toBeNull();
});

test("a ticket whose session has ended meanwhile does not bring it back", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const url = await ticketUrl(rig, browser);
  await rig.store.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked");
  await browser.ask(url);
  expect(sessionOn(browser, "wiki.acme.example")).toBeNull();
});

test.each(["", "x", "../../etc", "a".repeat(5_000), "%00", "A".repeat(43), "ticket:1", "__proto__"])(
  "a made-up ticket %j is refused",
  async (ticket) => {
    const rig = createControlRig();
    const browser = createControlBrowser(rig);
    await browser.ask(`${wiki}/`);
    const reply = await browser.ask(`${wiki}/_vestibule/enter?ticket=${encodeURIComponent(ticket)}`);
    expect(reply.status).toBe(400);
    expect(reply.setCookies).toEqual([]);
  },
);

test("a provider's answer counts once, though the cookies of the attempt are brought again", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const login = await browser.ask((await browser.ask(`${wiki}/`)).location ?? "");
  const cookie = browser.jar.header("auth.acme.example") ?? "";
  const url = throughProvider(login.location ?? "", rig);
  const replies = await Promise.all(Array.from({ length: 10 }, () => browser.ask(url, { headers: { cookie } })));
  expect(replies.filter(({ status }) => status === 303)).toHaveLength(1);
  expect(rig.providers.entra.script.finished).toHaveLength(1);
  expect(rig.writes.filter((write) => write === "create")).toHaveLength(1);
});

test("a state that another process has used is refused after verification", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const login = await browser.ask((await browser.ask(`${wiki}/`)).location ?? "");
  const state = new URL(login.location ?? "").searchParams.get("state") ?? "";
  await rig.facts.once("state", state, 600_000);
  expect((await browser.ask(throughProvider(login.location ?? "", rig))).status).toBe(400);
  expect(rig.writes).not.toContain("create");
});

test("an answer delivered at another provider's callback is refused (mix-up)", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const login = await browser.ask((await browser.ask(`${wiki}/`)).location ?? "");
  const url = throughProvider(login.location ?? "", rig).replace("/oidc/entra/", "/oidc/google/");
  expect((await browser.ask(url)).status).toBe(400);
  expect(rig.providers.google.script.finished).toEqual([]);
});

test.each(["state", "code", "iss"])("an answer that names %s twice is refused", async (name) => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const login = await browser.ask((await browser.ask(`${wiki}/`)).location ?? "");
  const reply = await browser.ask(`${throughProvider(login.location ?? "", rig)}&${name}=other`);
  expect(reply.status).toBe(400);
  expect(rig.providers.entra.script.finished).toEqual([]);
});

test("session fixation: an id that the visitor brings along is never the one that is signed in", async () => {
  const rig = createControlRig();
  const mallory = createControlBrowser(rig);
  rig.providers.entra.script.principal = attacker;
  await mallory.go(`${wiki}/`);
  const planted = sessionOn(mallory, "wiki.acme.example") ?? "";
  const victim = createControlBrowser(rig);
  victim.jar.set("wiki.acme.example", "__Host-vestibule", planted);
  victim.jar.set("auth.acme.example", "__Host-vestibule-auth", mallory.jar.get("auth.acme.example", "__Host-vestibule-auth") ?? "");
  rig.providers.entra.script.principal = {};
  await victim.go(`${auth}/_vestibule/login?return=${encodeURIComponent(`${wiki}/`)}&another=1`);
  expect(sessionOn(victim, "wiki.acme.example")).not.toBe(planted);
  expect((await victim.go(`${wiki}/`)).body).toBe("the page of s-1 by entra");
});

test("a planted second binding cookie makes the browser nobody's: it gets a binding of its own", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const name = "__Host-vestibule-browser";
  const cookie = `${name}=${"A".repeat(43)}; ${name}=${"B".repeat(43)}`;
  const reply = await browser.ask(`${wiki}/`, { headers: { cookie } });
  expect(reply.setCookies.join()).toMatch(new RegExp(`^${name}=[A-Za-z0-9_-]{43};`));
});

test.each([
  { when: "altered", forge: (wish: string) => `${wish.slice(0, -2)}AA` },
  { when: "cut off", forge: (wish: string) => wish.slice(0, 40) },
  { when: "empty", forge: () => "" },
  { when: "long", forge: () => "A".repeat(7_000) },
  { when: "plain JSON", forge: () => '["wiki.acme.example","/","x",[],0,1800000000000]' },
  { when: "base64 of JSON", forge: () => Buffer.from('["wiki.acme.example","/","x",[],0,1800000000000]').toString("base64url") },
  {
    when: "sealed under another secret",
    forge: () =>
      sealWantedPage(createSealer([makeSecret(randomBytes(32).toString("hex"))]), {
        host: "wiki.acme.example",
        path: "/",
        binding: "x",
        acr: [],
        rounds: 0,
        at: 1_800_000_000_000,
      }),
  },
])("a wanted page that is $when is refused and leads nowhere", async ({ forge }) => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const wish = new URL((await browser.ask(`${wiki}/`)).location ?? "").searchParams.get("wish") ?? "";
  const reply = await browser.ask(`${auth}/_vestibule/login?wish=${encodeURIComponent(forge(wish))}`);
  expect([reply.status, reply.location, reply.setCookies]).toEqual([400, null, []]);
  expect(rig.providers.entra.script.begun).toEqual([]);
});

test("a parked answer of one provider opens at no other, and not after a minute", async () => {
  const rig = createControlRig();
  const reply = await createControlBrowser(rig).ask(`${auth}/_vestibule/oidc/google/callback?parked=${"A".repeat(100)}`);
  expect(reply.status).toBe(400);
  expect(rig.providers.google.script.finished).toEqual([]);
});

test("a posted answer at a provider that answers by query is refused", async () => {
  const reply = await createControlBrowser(createControlRig()).ask(`${auth}/_vestibule/oidc/entra/callback`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "state=x&code=y",
  });
  expect([reply.status, reply.location]).toEqual([400, null]);
});

test("what a script of the app saw of a victim's way opens the victim's session in no other browser", async () => {
  const rig = createControlRig();
  const mallory = createControlBrowser(rig);
  const link = (await mallory.ask(`${wiki}/`)).location ?? "";
  const victim = createControlBrowser(rig);
  await victim.go(`${wiki}/`);
  // The victim, signed in, follows the attacker's link; a service worker of the app sees where it leads and asks nothing itself.
  const seen = (await victim.ask(link)).location ?? "";
  expect(seen).toContain("/_vestibule/enter?");
  const proof = (await mallory.ask(seen)).location ?? "";
  expect(proof).toContain(`${auth}/_vestibule/confirm?`);
  const refused = (await mallory.ask(proof)).location ?? "";
  expect(refused).toBe(`${wiki}/_vestibule/enter?return=%2F`);
  expect(sessionOn(mallory, "wiki.acme.example")).toBeNull();
  expect(mallory.jar.get("auth.acme.example", "__Host-vestibule")).toBeNull();
});
