import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { cookieLine } from "../support/cookie-line.ts";
import { eventually } from "../support/eventually.ts";
import { type LiveUpstream, startLiveUpstream } from "../support/live-upstream.ts";
import { postForm, type SamlRig, samlSignIn, startSamlRig } from "../support/saml-rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

let rig: SamlRig;
let live: LiveUpstream;
beforeAll(async () => {
  live = await startLiveUpstream();
  rig = await startSamlRig({
    top: `  - name: Live\n    host: live.localhost\n    upstream: ${live.url}\n    access:\n      - allow: { groups: [staff] }\n`,
  });
});
afterAll(async () => {
  await rig.close();
  await live.close();
});

const logOut = (visitor: Visitor) => visitor.browse(`${rig.urls.wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });

/** An open WebSocket of this visitor's; `closed` resolves when it is cut. */
async function openSocket(visitor: Visitor): Promise<{ readonly closed: Promise<void> }> {
  const host = `live.localhost:${rig.port}`;
  await visitor.browse(`http://${host}/`);
  const socket = new WebSocket(`ws://127.0.0.1:${rig.port}/socket`, {
    headers: { host, cookie: cookieLine(visitor, "live.localhost"), origin: `http://${host}` },
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return { closed: new Promise((resolve) => socket.once("close", () => resolve())) };
}

test.each([
  { when: "everything ended", partialLogout: false, words: "You can close this window now." },
  { when: "something may go on", partialLogout: true, words: "may still remember you" },
])("leaving here leaves the provider, too; $when and the visitor is told", async ({ partialLogout, words }) => {
  rig.idp.behaviour.partialLogout = partialLogout;
  const visitor = newVisitor();
  await samlSignIn(visitor, `${rig.urls.wiki}/`, "alice");
  const page = await logOut(visitor);
  expect(page.url.href).toContain(`${rig.urls.auth}/_vestibule/signed-out`);
  expect(page.body).toContain(words);
  expect(rig.idp.received.at(-1)).toMatchObject({ kind: "LogoutRequest", signed: true });
  expect((await visitor.visit(`${rig.urls.wiki}/`)).status).toBe(302);
  // Signed out there as well: the next login shows the form.
  expect((await visitor.browse(`${rig.urls.wiki}/`)).body).toContain('name="password"');
  rig.idp.behaviour.partialLogout = false;
});

test("the provider's answer may come by POST", async () => {
  rig.idp.behaviour.logoutBinding = "post";
  const visitor = newVisitor();
  await samlSignIn(visitor, `${rig.urls.wiki}/`, "alice");
  const answer = await postForm(await logOut(visitor));
  expect(answer.status).toBe(303);
  expect((await visitor.browse(answer.location ?? "")).body).toContain("You can close this window now.");
  rig.idp.behaviour.logoutBinding = "redirect";
});

test.each(["redirect", "post"] as const)(
  "a logout that begins at the provider comes by %s, cuts what is open and is answered",
  async (binding) => {
    rig.idp.behaviour.logoutBinding = binding;
    const [alice, bob] = [newVisitor(), newVisitor()];
    await samlSignIn(alice, `${rig.urls.wiki}/`, "alice");
    await samlSignIn(bob, `${rig.urls.wiki}/`, "bob");
    const socket = await openSocket(alice);
    const started = await alice.visit(`${rig.idp.origin}/logout`);
    const answer = binding === "redirect" ? await newVisitor().visit(started.location ?? "") : await postForm(started);
    expect(answer.status).toBe(303);
    await socket.closed;
    await eventually(async () => expect((await alice.visit(`${rig.urls.wiki}/`)).status).toBe(302), { timeoutMs: 1_000 });
    expect((await bob.visit(`${rig.urls.wiki}/`)).status).toBe(200);
    await newVisitor().browse(answer.location ?? "");
    expect(rig.idp.received.at(-1)).toMatchObject({ kind: "LogoutResponse", signed: true });
    expect(rig.idp.received.at(-1)?.xml).toContain("status:Success");
    rig.idp.behaviour.logoutBinding = "redirect";
  },
);

test("one that names no session ends all of that person, in every browser, and only once", async () => {
  const [first, second, other] = [newVisitor(), newVisitor(), newVisitor()];
  await samlSignIn(first, `${rig.urls.wiki}/`, "alice");
  await samlSignIn(second, `${rig.urls.wiki}/`, "alice");
  await samlSignIn(other, `${rig.urls.wiki}/`, "bob");
  const url = rig.idp.logoutUrl("alice");
  expect((await newVisitor().visit(url)).status).toBe(303);
  expect((await first.visit(`${rig.urls.wiki}/`)).status).toBe(302);
  expect((await second.visit(`${rig.urls.wiki}/`)).status).toBe(302);
  expect((await other.visit(`${rig.urls.wiki}/`)).status).toBe(200);
  const later = newVisitor();
  await samlSignIn(later, `${rig.urls.wiki}/`, "alice");
  expect((await newVisitor().visit(url)).status).toBe(400);
  expect((await later.visit(`${rig.urls.wiki}/`)).status).toBe(200);
});

test.each([
  { when: "without its signature", change: (url: string) => url.replace(/&SigAlg=.*/, "") },
  { when: "with another RelayState", change: (url: string) => url.replace("&SigAlg", "&RelayState=x&SigAlg") },
  { when: "with a second message", change: (url: string) => `${url}&SAMLRequest=AAAA` },
])("a logout request $when ends nothing", async ({ change }) => {
  const visitor = newVisitor();
  await samlSignIn(visitor, `${rig.urls.wiki}/`, "alice");
  const answer = await newVisitor().visit(change(rig.idp.logoutUrl("alice")));
  expect(answer.status).toBe(400);
  expect((await visitor.visit(`${rig.urls.wiki}/`)).status).toBe(200);
});
