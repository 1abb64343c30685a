import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { newVisitor } from "../support/visitor.ts";
import {
  aVisitorAndAThief,
  expectAliceToArrive,
  expectBothLeft,
  expectGroupsToCount,
  fillInAndPost,
  leaveGateway,
  type SignIn,
} from "./support/journeys.ts";
import { type LemonLdap, lemonLdapMetadataUrl, startLemonLdap } from "./support/lemonldap.ts";
import { type PeerRig, startPeerRig, untilProviderIsKnown } from "./support/peer-rig.ts";
import { isSignedIn } from "./support/signed-in.ts";

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

const signIn: SignIn = (visitor, url, login) => fillInAndPost(visitor, url, "user", login);

test("a visitor signs in at a provider whose metadata has keys without certificates", async () => {
  const metadata = await (await fetch(`${portal.origin}/saml/metadata`)).text();
  expect(metadata).toContain("RSAKeyValue");
  expect(metadata).not.toContain("X509Certificate");
  await expectAliceToArrive(rig, signIn);
});

test("one group is a group, and none is none, though the assertions have transient names only", () => expectGroupsToCount(rig, signIn));

test("leaving the gateway leaves the portal, too", async () => {
  const both = await aVisitorAndAThief(rig, signIn);
  const page = await leaveGateway(rig, both.visitor);
  const { trail } = both.visitor;
  expect(trail.some((url) => url.startsWith(`${portal.origin}/saml/singleLogout?SAMLRequest=`))).toBe(true);
  expect(trail.some((url) => url.startsWith(`${rig.urls.auth}/_vestibule/saml/peer/slo?SAMLResponse=`))).toBe(true);
  await expectBothLeft(rig, page, both);
});

test("leaving the portal ends the gateway's session by the frame on its page, and it takes the answer", async () => {
  const { visitor, thief } = await aVisitorAndAThief(rig, signIn);
  const goodbye = await visitor.browse(portal.logoutUrl);
  const frame = /<iframe src="([^"]*)"/.exec(goodbye.body)?.[1]?.replaceAll("&amp;", "&") ?? "";
  expect(frame).toContain(`${rig.urls.auth}/_vestibule/saml/peer/slo?SAMLRequest=`);
  expect(await isSignedIn(thief, rig.urls.wiki)).toBe(true);
  // Framed by another site: the browser brings none of our cookies.
  const inFrame = newVisitor();
  const framed = await inFrame.browse(frame, { headers: { "sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site" } });
  expect(inFrame.trail.some((url) => url.startsWith(`${portal.origin}/saml/singleLogoutReturn?SAMLResponse=`))).toBe(true);
  // How the portal shows that it has believed the answer.
  expect(framed.url.pathname).toContain("ok.png");
  expect(await isSignedIn(thief, rig.urls.wiki)).toBe(false);
});
