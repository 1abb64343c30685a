import { beforeEach, expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import { type ControlBrowser, createControlBrowser } from "../support/control-browser.ts";
import { type ControlRig, createControlRig } from "../support/control-rig.ts";
import { someTokens } from "../support/session-builders.ts";

const auth = "https://auth.acme.example";
const reports = "https://reports.other.example";
const campus = "https://campus.acme.example";
const sameOrigin = { headers: { "sec-fetch-site": "same-origin" } };
const bye = (id: string) => `https://${id}.idp.example/bye`;

let rig: ControlRig;
beforeEach(() => {
  rig = createControlRig();
  for (const { script, id } of Object.values(rig.providers)) script.leaveUrl = bye(id);
});

/** A browser with a session of each, the last one newest. */
async function signedInAt(...ids: readonly ("entra" | "google" | "adfs")[]): Promise<ControlBrowser> {
  const browser = createControlBrowser(rig);
  for (const id of ids) {
    const target = id === "adfs" ? "https://tools.acme.example/" : `${reports}/`;
    const page = await browser.go(`${auth}/_vestibule/login?return=${encodeURIComponent(target)}&provider=${id}&another=1`);
    expect(page.body).toContain(`by ${id}`);
  }
  return browser;
}
const logOut = (browser: ControlBrowser) => browser.ask(`${auth}/_vestibule/logout`, sameOrigin);
const stateOf = (location: string | null) => new URL(location ?? "").searchParams.get("state") ?? "";
/** What a provider does once it has signed the visitor out. */
const backFrom = (location: string | null) => `${auth}/_vestibule/signed-out?state=${encodeURIComponent(stateOf(location))}`;

test("each provider is left in turn, and then the page says that all is done", async () => {
  const browser = await signedInAt("entra", "adfs", "google");
  let reply = await logOut(browser);
  for (const id of ["google", "adfs", "entra"]) {
    expect(reply.location).toContain(`${bye(id)}?`);
    reply = await browser.ask(backFrom(reply.location));
  }
  expect([reply.status, reply.location]).toEqual([200, null]);
  expect(reply.body).toContain("You can close this window now.");
  expect(browser.jar.get("auth.acme.example", "__Host-vestibule-leaving")).toBeNull();
  expect(rig.providers.entra.script.left).toHaveLength(1);
});

test("a provider gets the hint that its own session had, also when that ended long ago", async () => {
  rig.providers.entra.script.tokens = someTokens;
  const browser = await signedInAt("entra", "google");
  const reply = await logOut(browser);
  await browser.ask(backFrom(reply.location));
  const [{ session } = { session: null }] = rig.providers.entra.script.left;
  expect(session).toMatchObject({ principal: { provider: "entra" }, tokens: { idToken: someTokens.idToken }, logoutHandle: null });
  expect(JSON.stringify(session)).not.toContain(someTokens.refreshToken);
  expect((await rig.store.list({ provider: "entra", subject: "s-1" }, { cursor: null, limit: 10 })).sessions).toEqual([]);
});

test.each([
  { when: "has no place for it", change: { leaveUrl: null } },
  { when: "is down", change: { leaveFails: new GatewayError("login.provider-unavailable", "down") } },
])("a provider that $when is passed over, and the page says that it may remember", async ({ change }) => {
  Object.assign(rig.providers.adfs.script, change);
  const browser = await signedInAt("entra", "adfs", "google");
  let reply = await logOut(browser);
  expect(reply.location).toContain(bye("google"));
  reply = await browser.ask(backFrom(reply.location));
  expect(reply.location).toContain(bye("entra"));
  reply = await browser.ask(backFrom(reply.location));
  expect(reply.body).toContain("may still remember you");
});

test("a SAML provider takes its turn, and its signed answer leads on to the next", async () => {
  const browser = await signedInAt("entra");
  const { store, cookies } = rig;
  const login = await browser.ask(`${campus}/`);
  expect(login.location).toContain("/_vestibule/login");
  await browser.go(login.location ?? "");
  const started = rig.providers.shib.script.begun.at(-1);
  const parked = await browser.ask(`${auth}/_vestibule/saml/shib/acs`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ SAMLResponse: JSON.stringify({ id: "a-1", state: started?.state }) }).toString(),
  });
  await browser.go(parked.location ?? "");
  expect(await store.find(cookies.read(browser.jar.header("campus.acme.example"), "campus.acme.example") ?? "")).not.toBeNull();
  const first = await logOut(browser);
  expect(first.location).toContain(bye("shib"));
  rig.providers.shib.script.logoutMessage = { kind: "response", state: stateOf(first.location), complete: true };
  const answered = await createControlBrowser(rig).ask(`${auth}/_vestibule/saml/shib/slo?SAMLResponse=x`);
  const second = await browser.ask(answered.location ?? "");
  expect(second.location).toContain(bye("entra"));
  expect((await browser.ask(backFrom(second.location))).body).toContain("You can close this window now.");
});

test.each([
  { when: "another browser that has the state", ask: (url: string, _: ControlBrowser) => createControlBrowser(rig).ask(url) },
  { when: "a look ahead", ask: (url: string, browser: ControlBrowser) => browser.ask(url, { method: "HEAD" }) },
])("$when is sent nowhere, and takes nothing from the visitor", async ({ ask }) => {
  const browser = await signedInAt("entra", "google");
  const first = await logOut(browser);
  const stranger = await ask(backFrom(first.location), browser);
  expect([stranger.status, stranger.location]).toEqual([200, null]);
  expect((await browser.ask(backFrom(first.location))).location).toContain(bye("entra"));
});

test("coming back twice leads on once: there is no going round", async () => {
  const browser = await signedInAt("entra", "google");
  const first = await logOut(browser);
  expect((await browser.ask(backFrom(first.location))).location).toContain(bye("entra"));
  const again = await browser.ask(backFrom(first.location));
  expect([again.status, again.location]).toEqual([200, null]);
  expect(again.body).toContain("may still remember you");
});

test("a store that falls silent on the way leaves a page, and no promise", async () => {
  const browser = await signedInAt("entra", "google");
  const first = await logOut(browser);
  rig.failing = new GatewayError("store.unavailable", "no answer");
  const page = await browser.ask(backFrom(first.location));
  expect([page.status, page.location]).toEqual([200, null]);
  expect(page.body).toContain("may still remember you");
});
