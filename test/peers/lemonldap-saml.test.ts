import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { firstForm, newVisitor, type Visitor, type VisitorAnswer } from "../support/visitor.ts";
import { type LemonLdap, lemonLdapMetadataUrl, startLemonLdap } from "./support/lemonldap.ts";
import { type PeerRig, startPeerRig, untilProviderIsKnown } from "./support/peer-rig.ts";
import { isSignedIn, withCookiesOf } from "./support/signed-in.ts";

let portal: LemonLdap;
let rig: PeerRig;
beforeAll(async () => {
  const port = await freePort();
  rig = await startPeerRig(`    saml:
      metadata: ${lemonLdapMetadataUrl(port)}
      keys: {keys}
    attributes: { subject: uid, email: mail, name: [cn], groups: groups }`);
  portal = await startLemonLdap({ saml: await rig.metadata(), oidc: null }, port);
  await untilProviderIsKnown(rig, newVisitor(), portal.origin);
});
afterAll(async () => {
  await rig?.close();
  await portal?.close();
});

/** From the app to the portal's form, through it, and back by the form that posts itself. */
async function signIn(visitor: Visitor, url: string, login: string): Promise<VisitorAnswer> {
  const form = firstForm(await visitor.browse(url));
  const answer = await visitor.browse(form.action, { form: { ...form.fields, user: login, password: login } });
  const post = firstForm(answer);
  expect(post.fields).toHaveProperty("SAMLResponse");
  return visitor.browse(post.action, { form: post.fields });
}

test("a visitor signs in at a provider whose metadata has keys without certificates", async () => {
  const metadata = await (await fetch(`${portal.origin}/saml/metadata`)).text();
  expect(metadata).toContain("RSAKeyValue");
  expect(metadata).not.toContain("X509Certificate");
  const visitor = newVisitor();
  const page = await signIn(visitor, `${rig.urls.wiki}/Deep/link?q=a%20b`, "alice");
  expect(page.status).toBe(200);
  expect(page.url.href).toBe(`${rig.urls.wiki}/Deep/link?q=a%20b`);
  const request = rig.wiki.requests.at(-1);
  expect(request?.header("remote-user")).toBe("alice");
  expect(request?.header("remote-email")).toBe("alice@acme.example");
  expect(request?.header("remote-name")).toBe("Alice Archer");
  expect(groups()).toEqual(["admins", "staff"]);
});

test("one group is a group, and none is none, though the assertions have transient names only", async () => {
  const bob = newVisitor();
  expect((await signIn(bob, `${rig.urls.wiki}/`, "bob")).status).toBe(200);
  expect(groups()).toEqual(["staff"]);
  expect((await bob.visit(`${rig.urls.wiki}/admin`)).status).toBe(403);

  const carol = newVisitor();
  const seen = rig.wiki.requests.length;
  const page = await signIn(carol, `${rig.urls.wiki}/`, "carol");
  expect(page.status).toBe(403);
  expect(page.body).toContain("Carol Cook");
  expect(rig.wiki.requests.length).toBe(seen);
  expect((await carol.browse(`${rig.urls.reports}/`)).status).toBe(200);
  expect(rig.wiki.requests.at(-1)?.header("remote-user")).toBe("carol");
  expect(groups()).toEqual([]);
});

test("leaving the gateway leaves the portal, too", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const stolen = withCookiesOf(visitor, rig.urls.wiki);
  const page = await visitor.browse(`${rig.urls.wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
  expect(visitor.trail.some((url) => url.startsWith(`${portal.origin}/saml/singleLogout?SAMLRequest=`))).toBe(true);
  expect(visitor.trail.some((url) => url.startsWith(`${rig.urls.auth}/_vestibule/saml/peer/slo?SAMLResponse=`))).toBe(true);
  expect(page.url.pathname).toBe("/_vestibule/signed-out");
  expect(page.status).toBe(200);
  expect(await isSignedIn(stolen, rig.urls.wiki)).toBe(false);
  expect(firstForm(await visitor.browse(`${rig.urls.wiki}/`)).fields).toHaveProperty("password");
});

test("leaving the portal ends the gateway's session by the frame on its page, and it takes the answer", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const stolen = withCookiesOf(visitor, rig.urls.wiki);
  const goodbye = await visitor.browse(portal.logoutUrl);
  const frame = /<iframe src="([^"]*)"/.exec(goodbye.body)?.[1]?.replaceAll("&amp;", "&") ?? "";
  expect(frame).toContain(`${rig.urls.auth}/_vestibule/saml/peer/slo?SAMLRequest=`);
  expect(await isSignedIn(stolen, rig.urls.wiki)).toBe(true);
  // Framed by another site: the browser brings none of our cookies.
  const inFrame = newVisitor();
  const framed = await inFrame.browse(frame, { headers: { "sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site" } });
  expect(inFrame.trail.some((url) => url.startsWith(`${portal.origin}/saml/singleLogoutReturn?SAMLResponse=`))).toBe(true);
  // How the portal shows that it has believed the answer.
  expect(framed.url.pathname).toContain("ok.png");
  expect(await isSignedIn(stolen, rig.urls.wiki)).toBe(false);
});

/** Their order is not stable there. */
const groups = () =>
  (rig.wiki.requests.at(-1)?.header("remote-groups") ?? "")
    .split(",")
    .filter((name) => name !== "")
    .sort();
