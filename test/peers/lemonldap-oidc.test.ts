import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { clientSecret } from "../support/rig.ts";
import { firstForm, newVisitor } from "../support/visitor.ts";
import {
  aVisitorAndAThief,
  expectAliceToArrive,
  expectBothLeft,
  expectGroupsToCount,
  fillIn,
  groupsAt,
  leaveGateway,
  type SignIn,
} from "./support/journeys.ts";
import { type LemonLdap, lemonLdapIssuer, startLemonLdap } from "./support/lemonldap.ts";
import { type PeerRig, startPeerRig, untilProviderIsKnown } from "./support/peer-rig.ts";
import { isSignedIn } from "./support/signed-in.ts";

let portal: LemonLdap;
let rig: PeerRig;
beforeAll(async () => {
  const port = await freePort();
  rig = await startPeerRig(`    oidc:
      issuer: ${lemonLdapIssuer(port)}
      clientId: vestibule
      clientSecret: { env: CLIENT_SECRET }
      logoutTokens: { sidFromSub: true }
      scopes: [openid, profile, email, groups]`);
  portal = await startLemonLdap(
    {
      saml: null,
      oidc: {
        clientId: "vestibule",
        clientSecret,
        redirectUri: `${rig.urls.auth}/_vestibule/oidc/peer/callback`,
        postLogoutRedirectUri: `${rig.urls.auth}/_vestibule/signed-out`,
        frontchannelLogoutUri: `${rig.urls.auth}/_vestibule/oidc/peer/frontchannel-logout`,
        accessTokenSeconds: 3,
      },
    },
    port,
  );
  await untilProviderIsKnown(rig, newVisitor(), portal.origin);
});
afterAll(async () => {
  await rig?.close();
  await portal?.close();
});

const signIn: SignIn = (visitor, url, login) => fillIn(visitor, url, "user", login);

test("a visitor signs in, several groups come as a list", () => expectAliceToArrive(rig, signIn));

test("one group comes as plain text, none as no claim at all", () => expectGroupsToCount(rig, signIn));

test("leaving the gateway leaves the portal, too, and comes back", async () => {
  const both = await aVisitorAndAThief(rig, signIn);
  const goodbye = await leaveGateway(rig, both.visitor);
  expect(goodbye.url.href).toContain(`${portal.origin}/oauth2/logout?`);
  expect(await isSignedIn(both.thief, rig.urls.wiki)).toBe(false);
  // The portal asks the visitor to go on while its frames do their work; the button is a form.
  const form = firstForm(goodbye);
  const onward = new URL(form.action);
  for (const [name, value] of Object.entries(form.fields)) onward.searchParams.set(name, value);
  await expectBothLeft(rig, await both.visitor.browse(onward.href), both);
});

test("leaving the portal ends the gateway's session by the frame on its page", async () => {
  const { visitor, thief } = await aVisitorAndAThief(rig, signIn);
  const goodbye = await visitor.browse(portal.logoutUrl);
  const frame = /<iframe src="([^"]*)"/.exec(goodbye.body)?.[1] ?? "";
  expect(frame).toBe(`${rig.urls.auth}/_vestibule/oidc/peer/frontchannel-logout?iss=${encodeURIComponent(`${portal.origin}/`)}&sid=alice`);
  const framed = await newVisitor().visit(frame, { headers: { "sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site" } });
  expect(framed.status).toBe(200);
  expect(await isSignedIn(thief, rig.urls.wiki)).toBe(false);
});

test("one refresh token is good again and again, and dies with the portal's session", { timeout: 60_000 }, async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const before = await renewals();
  await eventually(
    async () => {
      expect((await visitor.visit(`${rig.urls.wiki}/`)).status).toBe(200);
      expect(await renewals()).toBeGreaterThanOrEqual(before + 2);
    },
    { timeoutMs: 30_000, everyMs: 200 },
  );
  expect(groupsAt(rig)).toEqual(["admins", "staff"]);
  // Without its frame being opened: nobody tells the gateway, it finds out.
  await visitor.browse(portal.logoutUrl);
  await eventually(async () => expect(await isSignedIn(visitor, rig.urls.wiki)).toBe(false), { timeoutMs: 20_000, everyMs: 200 });
});

async function renewals(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${rig.adminPort}/metrics`)).text();
  const line = text.split("\n").find((one) => one.includes("token_refreshes_total{") && one.includes('outcome="renewed"'));
  return Number(line?.split(" ").at(-1) ?? 0);
}
