import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { clientSecret } from "../support/rig.ts";
import { firstForm, newVisitor, type Visitor, type VisitorAnswer } from "../support/visitor.ts";
import { type LemonLdap, lemonLdapIssuer, startLemonLdap } from "./support/lemonldap.ts";
import { type PeerRig, startPeerRig, untilProviderIsKnown } from "./support/peer-rig.ts";
import { isSignedIn, withCookiesOf } from "./support/signed-in.ts";

let portal: LemonLdap;
let rig: PeerRig;
beforeAll(async () => {
  const port = await freePort();
  rig = await startPeerRig(`    oidc:
      issuer: ${lemonLdapIssuer(port)}
      clientId: vestibule
      clientSecret: { env: CLIENT_SECRET }
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

/** From the app to the portal's form, through it and back. */
async function signIn(visitor: Visitor, url: string, login: string): Promise<VisitorAnswer> {
  const form = firstForm(await visitor.browse(url));
  return visitor.browse(form.action, { form: { ...form.fields, user: login, password: login } });
}

test("a visitor signs in, several groups come as a list", async () => {
  const visitor = newVisitor();
  const page = await signIn(visitor, `${rig.urls.wiki}/Deep/link?q=a%20b`, "alice");
  expect(page.status).toBe(200);
  expect(page.url.href).toBe(`${rig.urls.wiki}/Deep/link?q=a%20b`);
  const request = rig.wiki.requests.at(-1);
  expect(request?.header("remote-user")).toBe("alice");
  expect(request?.header("remote-email")).toBe("alice@acme.example");
  expect(request?.header("remote-name")).toBe("Alice Archer");
  expect(groups()).toEqual(["admins", "staff"]);
  expect((await visitor.visit(`${rig.urls.wiki}/admin`)).status).toBe(200);
});

test("one group comes as plain text, none as no claim at all", async () => {
  const bob = newVisitor();
  expect((await signIn(bob, `${rig.urls.wiki}/`, "bob")).status).toBe(200);
  expect(groups()).toEqual(["staff"]);
  expect((await bob.visit(`${rig.urls.wiki}/admin`)).status).toBe(403);

  const carol = newVisitor();
  const seen = rig.wiki.requests.length;
  expect((await signIn(carol, `${rig.urls.wiki}/`, "carol")).status).toBe(403);
  expect(rig.wiki.requests.length).toBe(seen);
  expect((await carol.browse(`${rig.urls.reports}/`)).status).toBe(200);
  expect(rig.wiki.requests.at(-1)?.header("remote-user")).toBe("carol");
  expect(groups()).toEqual([]);
});

test("leaving the gateway leaves the portal, too, and comes back", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const stolen = withCookiesOf(visitor, rig.urls.wiki);
  const goodbye = await visitor.browse(`${rig.urls.wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
  expect(goodbye.url.href).toContain(`${portal.origin}/oauth2/logout?`);
  expect(await isSignedIn(stolen, rig.urls.wiki)).toBe(false);
  // The portal asks the visitor to go on while its frames do their work; the button is a form.
  const form = firstForm(goodbye);
  const onward = new URL(form.action);
  for (const [name, value] of Object.entries(form.fields)) onward.searchParams.set(name, value);
  const page = await visitor.browse(onward.href);
  expect(page.url.origin).toBe(rig.urls.auth);
  expect(page.url.pathname).toBe("/_vestibule/signed-out");
  expect(page.status).toBe(200);
  expect(firstForm(await visitor.browse(`${rig.urls.wiki}/`)).fields).toHaveProperty("password");
});

test("leaving the portal ends the gateway's session by the frame on its page", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  const stolen = withCookiesOf(visitor, rig.urls.wiki);
  const goodbye = await visitor.browse(portal.logoutUrl);
  const frame = /<iframe src="([^"]*)"/.exec(goodbye.body)?.[1] ?? "";
  expect(frame).toBe(`${rig.urls.auth}/_vestibule/oidc/peer/frontchannel-logout?iss=${encodeURIComponent(`${portal.origin}/`)}&sid=alice`);
  const framed = await newVisitor().visit(frame, { headers: { "sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site" } });
  expect(framed.status).toBe(200);
  expect(await isSignedIn(stolen, rig.urls.wiki)).toBe(false);
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
  expect(groups()).toEqual(["admins", "staff"]);
  // Without its frame being opened: nobody tells the gateway, it finds out.
  await visitor.browse(portal.logoutUrl);
  await eventually(async () => expect(await isSignedIn(visitor, rig.urls.wiki)).toBe(false), { timeoutMs: 20_000, everyMs: 200 });
});

async function renewals(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${rig.adminPort}/metrics`)).text();
  const line = text.split("\n").find((one) => one.includes("token_refreshes_total{") && one.includes('outcome="renewed"'));
  return Number(line?.split(" ").at(-1) ?? 0);
}

/** Their order is not stable there. */
const groups = () =>
  (rig.wiki.requests.at(-1)?.header("remote-groups") ?? "")
    .split(",")
    .filter((name) => name !== "")
    .sort();
