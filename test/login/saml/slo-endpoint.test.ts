import { beforeEach, expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import type { LogoutRequested } from "../../../src/login/saml/context.ts";
import { createControlBrowser } from "../../support/control-browser.ts";
import { type ControlRig, createControlRig } from "../../support/control-rig.ts";
import { aNewSession } from "../../support/session-builders.ts";

const auth = "https://auth.acme.example";
const campus = "https://campus.acme.example";
const slo = `${auth}/_vestibule/saml/shib/slo`;
let rig: ControlRig;
beforeEach(() => {
  rig = createControlRig();
});

const requested = (change: Partial<LogoutRequested> = {}): LogoutRequested => ({
  kind: "request",
  id: "request-1",
  relayState: null,
  providerAccount: "account",
  providerSessions: [],
  replay: { id: "request-1", until: rig.now + 300_000 },
  ...change,
});
const begin = (providerAccount: string, providerSession: string, provider = "shib") =>
  rig.store.create(aNewSession({ providerAccount, providerSession, principal: { provider } }));
const alive = async (ids: readonly { readonly id: string }[]) =>
  Promise.all(ids.map(async ({ id }) => (await rig.store.find(id)) !== null));
const hear = (ask = {}) => createControlBrowser(rig).ask(`${slo}?SAMLRequest=x&Signature=y`, ask);

test("a provider's request ends the sessions that it names, in every browser, and is answered", async () => {
  const sessions = [await begin("account", "account/1"), await begin("account", "account/2"), await begin("other", "other/1")];
  rig.providers.shib.script.logoutMessage = requested({ providerSessions: ["account/1"] });
  const reply = await hear();
  expect(await alive(sessions)).toEqual([false, true, true]);
  expect(reply.location).toBe("https://shib.idp.example/slo?outcome=success");
  expect(rig.providers.shib.script.heard).toEqual([{ binding: "redirect", rawQuery: "SAMLRequest=x&Signature=y" }]);
  expect(rig.audited.filter(({ event }) => event === "logout" || event === "revocation")).toHaveLength(2);
});

test("one that names none ends all of the account, and nobody else's", async () => {
  const sessions = [
    await begin("account", "account/1"),
    await begin("account", "account/2"),
    await begin("other", "other/1"),
    await begin("account", "account/1", "entra"),
  ];
  rig.providers.shib.script.logoutMessage = requested();
  await hear();
  expect(await alive(sessions)).toEqual([false, false, true, true]);
});

test("it may come by cross-site POST, where cookies are absent", async () => {
  const session = await begin("account", "account/1");
  rig.providers.shib.script.logoutMessage = requested({ providerSessions: ["account/1"] });
  const reply = await createControlBrowser(rig).ask(slo, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site" },
    body: "SAMLRequest=x",
  });
  expect(reply.status).toBe(303);
  expect(await rig.store.find(session.id)).toBeNull();
});

test("a request taken from the wire ends nothing a second time", async () => {
  rig.providers.shib.script.logoutMessage = requested();
  expect((await hear()).status).toBe(303);
  const later = await begin("account", "account/1");
  expect((await hear()).status).toBe(400);
  expect(await rig.store.find(later.id)).not.toBeNull();
});

test("a message that does not verify ends nothing", async () => {
  const session = await begin("account", "account/1");
  expect((await hear()).status).toBe(400);
  expect(rig.writes).toEqual(["create"]);
  expect(await rig.store.find(session.id)).not.toBeNull();
});

test("while the store is silent nobody is told that the sessions have ended", async () => {
  rig.providers.shib.script.logoutMessage = requested();
  rig.failing = new GatewayError("store.unavailable", "down");
  expect((await hear()).status).toBe(503);
});

test.each([
  { when: "the sessions could not be ended", failingAt: "endAll", first: 303 },
  { when: "nobody could note that they were", failingAt: "once", first: 503 },
] as const)("a request may come again when $when, and is then used up", async ({ failingAt, first }) => {
  const session = await begin("account", "account/1");
  rig.providers.shib.script.logoutMessage = requested();
  Object.assign(rig, { failing: new GatewayError("store.unavailable", "down"), failingAt });
  expect((await hear()).status).toBe(first);
  expect(rig.providers.shib.script.answered.map(({ outcome }) => outcome)).not.toContain("success");
  rig.failing = null;
  expect((await hear()).location).toBe("https://shib.idp.example/slo?outcome=success");
  expect(await alive([session])).toEqual([false]);
  expect((await hear()).status).toBe(400);
});

/** Signed in, then on the way out at the provider; answers the state that went along. */
async function signOut(): Promise<string> {
  const browser = createControlBrowser(rig);
  const session = await begin("account", "account/1");
  const line = rig.cookies.issue(session.id, "campus.acme.example");
  browser.jar.absorb("campus.acme.example", [line]);
  rig.providers.shib.script.leaveUrl = "https://shib.idp.example/slo";
  const reply = await browser.ask(`${campus}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
  expect(reply.location).toContain("https://shib.idp.example/slo");
  expect(await rig.store.find(session.id)).toBeNull();
  const state = rig.providers.shib.script.left.at(-1)?.state ?? "";
  expect(state).toMatch(/^[\w-]{43}$/);
  return state;
}

test.each([
  { when: "the provider ended everything", complete: true, words: "You can close this window now." },
  { when: "the provider ended a part", complete: false, words: "may still remember you" },
])("after our own request: $when, and the visitor is told so", async ({ complete, words }) => {
  const state = await signOut();
  rig.providers.shib.script.logoutMessage = { kind: "response", state, complete };
  const page = await createControlBrowser(rig).go(`${slo}?SAMLResponse=x`);
  expect(page.status).toBe(200);
  expect(page.body).toContain(words);
  expect(page.body).toContain(`${campus}/`);
});

test("an answer to nothing, or a second one, is refused", async () => {
  const state = await signOut();
  rig.providers.shib.script.logoutMessage = { kind: "response", state: "A".repeat(43), complete: true };
  expect((await hear()).status).toBe(400);
  rig.providers.shib.script.logoutMessage = { kind: "response", state, complete: true };
  expect((await hear()).status).toBe(303);
  expect((await hear()).status).toBe(400);
});
