import { beforeEach, expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import { type ControlBrowser, createControlBrowser } from "../../support/control-browser.ts";
import { type ControlRig, createControlRig } from "../../support/control-rig.ts";
import { scriptedResponse } from "../../support/scripted-saml-provider.ts";

const auth = "https://auth.acme.example";
const campus = "https://campus.acme.example";
const saml = `${auth}/_vestibule/saml/shib`;
let rig: ControlRig;
let browser: ControlBrowser;
beforeEach(() => {
  rig = createControlRig();
  browser = createControlBrowser(rig);
});

/** Begins a login and answers the state that went to the provider. */
async function begin(at: ControlBrowser, url = `${campus}/page?x=1`): Promise<string> {
  let reply = await at.ask(url);
  for (let hop = 0; reply.location?.includes("acme.example") && hop < 5; hop += 1) reply = await at.ask(reply.location);
  expect(reply.location).toContain("https://shib.idp.example/authorize");
  return rig.providers.shib.script.begun.at(-1)?.state ?? "";
}

/** The provider's form, posted from its own page: without any cookie, as browsers do. */
function post(form: Record<string, string>) {
  return createControlBrowser(rig).ask(`${saml}/acs`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site", origin: "https://shib.idp.example" },
    body: new URLSearchParams(form).toString(),
  });
}
const answer = (state: string | null, id?: string) => ({
  SAMLResponse: scriptedResponse(id === undefined ? { state } : { state, id }),
  RelayState: state ?? "",
});

test("a posted answer is parked once and finished on a same-site page, at the page that was wanted", async () => {
  const state = await begin(browser);
  const parked = await post(answer(state));
  expect(parked.status).toBe(303);
  expect(parked.location).toMatch(/^https:\/\/auth\.acme\.example\/_vestibule\/saml\/shib\/finish\?answer=[\w-]{43}$/);
  expect(parked.setCookies).toEqual([]);
  const page = await browser.go(parked.location ?? "");
  expect(page.url).toBe(`${campus}/page?x=1`);
  expect(page.body).toContain("by shib");
  expect(rig.providers.shib.script.concluded[0]).toMatchObject({ parcel: "parcel of assertion-1", asked: { state } });
  expect((await browser.ask(parked.location ?? "")).status).toBe(400);
});

test("an answer that does not verify leaves nothing in the store", async () => {
  rig.providers.shib.script.receiveFails = new GatewayError("saml.signature", "no known key signed it");
  const reply = await post(answer("x"));
  expect(reply.status).toBe(400);
  expect(reply.body).not.toContain("no known key");
  expect(rig.writes).toEqual([]);
  expect(rig.audited).toMatchObject([
    { event: "login-failed", provider: "shib", code: "saml.signature", detail: "no known key signed it" },
  ]);
});

test("of two posts of one assertion, however close, exactly one goes on", async () => {
  const state = await begin(browser);
  const replies = await Promise.all([post(answer(state)), post(answer(state)), post(answer(state))]);
  expect(replies.map(({ status }) => status).sort()).toEqual([303, 400, 400]);
  const parked = replies.find(({ status }) => status === 303)?.location ?? "";
  expect((await browser.go(parked)).url).toBe(`${campus}/page?x=1`);
  expect(rig.audited.filter(({ event }) => event === "login")).toHaveLength(1);
});

test("an answer that nobody asked for is finished once: whoever reads its address later is nobody", async () => {
  const { location } = await post(answer(null));
  expect((await browser.go(location ?? "")).body).toContain("by shib");
  const reader = createControlBrowser(rig);
  const reply = await reader.ask(location ?? "");
  expect([reply.status, reply.setCookies]).toEqual([400, []]);
});

test("an assertion is remembered for as long as it could be accepted", async () => {
  expect((await post(answer(null))).status).toBe(303);
  rig.now += 299_000;
  expect((await post(answer(null))).status).toBe(400);
});

test("another browser's answer signs nobody in (login CSRF)", async () => {
  const attacker = createControlBrowser(rig);
  const state = await begin(attacker);
  await begin(browser);
  const parked = await post(answer(state));
  const reply = await browser.ask(parked.location ?? "");
  expect(reply.status).toBe(400);
  expect(reply.setCookies).toEqual([]);
  expect(rig.audited.at(-1)).toMatchObject({ event: "login-failed", code: "saml.request-expired" });
  expect(rig.audited.filter(({ event }) => event === "login")).toEqual([]);
});

test("an answer for another provider's login is refused (mix-up)", async () => {
  const tools = "https://tools.acme.example";
  await browser.go(`${tools}/_vestibule/enter?return=/&provider=google`).catch(() => undefined);
  const started = await browser.ask(`${auth}/_vestibule/login?return=${encodeURIComponent(`${tools}/`)}&provider=google`);
  let reply = started;
  for (let hop = 0; reply.location?.includes("acme.example") && hop < 5; hop += 1) reply = await browser.ask(reply.location);
  const state = rig.providers.google.script.begun.at(-1)?.state ?? "";
  const parked = await post(answer(state));
  expect((await browser.ask(parked.location ?? "")).status).toBe(400);
  expect(rig.providers.shib.script.concluded).toEqual([]);
});

test("a parcel cannot be brought along through the OpenID Connect callback", async () => {
  const state = await begin(browser);
  const reply = await browser.ask(`${auth}/_vestibule/oidc/shib/callback?state=${state}&parcel=forged`);
  expect(reply.status).toBe(404);
  expect(rig.providers.shib.script.finished).toEqual([]);
});

test.each([
  { when: "a page of an app that accepts the provider", relayState: `${campus}/deep?q=1`, url: `${campus}/deep?q=1` },
  { when: "a path", relayState: "/deep?q=1", url: `${campus}/deep?q=1` },
  { when: "nothing", relayState: "", url: `${campus}/` },
  { when: "another site", relayState: "https://evil.example/", url: `${campus}/` },
  { when: "a scheme-relative address", relayState: "//evil.example/", url: `${campus}/` },
  { when: "a look-alike host", relayState: "https://campus.acme.example.evil.example/", url: `${campus}/` },
  { when: "credentials before the host", relayState: "https://campus.acme.example@evil.example/", url: `${campus}/` },
  { when: "the gateway's own logout", relayState: `${campus}/_vestibule/logout`, url: `${campus}/` },
  { when: "an app of other providers", relayState: "https://wiki.acme.example/x", url: `${campus}/` },
])("an unsolicited answer with $when as RelayState leads to $url", async ({ relayState, url }) => {
  const parked = await post({ SAMLResponse: scriptedResponse({ state: null }), RelayState: relayState });
  const page = await browser.go(parked.location ?? "");
  expect(page.url).toBe(url);
  expect(page.body).toContain("by shib");
  for (const hop of browser.trail) expect(new URL(hop).hostname).toMatch(/^(auth|campus)\.acme\.example$/);
});

test("a failure after the browser is known offers a way to start again with another account", async () => {
  const state = await begin(browser);
  rig.providers.shib.script.finishFails = new GatewayError("saml.attribute-missing", "no email");
  const parked = await post(answer(state));
  const reply = await browser.ask(parked.location ?? "");
  expect(reply.status).toBe(403);
  expect(reply.body).toContain("another=1");
});

test("a provider without usable metadata is told as 503, and nothing is signed in", async () => {
  rig.providers.shib.script.beginFails = new GatewayError("saml.metadata-unusable", "expired");
  let reply = await browser.ask(`${campus}/`);
  for (let hop = 0; reply.location !== null && hop < 5; hop += 1) reply = await browser.ask(reply.location);
  expect(reply.status).toBe(503);
  expect(reply.headers.get("retry-after")).not.toBeNull();
});

test.each([
  { when: "a multipart form", headers: { "content-type": "multipart/form-data; boundary=x" }, body: "--x--", status: 400 },
  { when: "JSON", headers: { "content-type": "application/json" }, body: "{}", status: 400 },
  {
    when: "a good answer as plain text",
    headers: { "content-type": "text/plain" },
    body: new URLSearchParams({ SAMLResponse: scriptedResponse({ state: null }) }).toString(),
    status: 400,
  },
  {
    when: "more than any message needs",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: `SAMLResponse=${"A".repeat(500_000)}`,
    status: 413,
  },
])("$when is refused with $status", async ({ headers, body, status }) => {
  expect((await createControlBrowser(rig).ask(`${saml}/acs`, { method: "POST", headers, body })).status).toBe(status);
  expect(rig.writes).toEqual([]);
});

test("the metadata can be fetched and kept", async () => {
  const reply = await browser.ask(`${saml}/metadata`);
  expect(reply.headers.get("content-type")).toMatch(/^application\/samlmetadata\+xml/);
  expect(reply.headers.get("cache-control")).toContain("public");
  expect(reply.body).toBe('<EntityDescriptor entityID="shib"/>');
});

test.each(["metadata", "acs", "finish", "slo"])("/%s exists on the auth origin only, and for SAML providers only", async (name) => {
  const method = name === "acs" ? "POST" : "GET";
  expect((await browser.ask(`${campus}/_vestibule/saml/shib/${name}`, { method })).status).toBe(404);
  expect((await browser.ask(`${auth}/_vestibule/saml/entra/${name}`, { method })).status).toBe(404);
  expect((await browser.ask(`${auth}/_vestibule/saml/nobody/${name}`, { method })).status).toBe(404);
});
