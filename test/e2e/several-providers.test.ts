import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { demoUsers, type RunningOidcProvider, startOidcProvider } from "../support/oidc-provider.ts";
import { clientSecret, type Rig, signInAt, startRig } from "../support/rig.ts";
import { firstForm, newVisitor, type Visitor, type VisitorAnswer } from "../support/visitor.ts";

let rig: Rig;
let partner: RunningOidcProvider;
beforeAll(async () => {
  const partnerPort = await freePort();
  const issuer = `http://127.0.0.1:${partnerPort}`;
  rig = await startRig({
    oidc: `    emailDomains: [acme.example]
  partner:
    name: Partner
    emailDomains: [partner.example]
    oidc:
      issuer: ${issuer}
      clientId: vestibule
      clientSecret: { env: CLIENT_SECRET }
`,
  });
  partner = await startOidcProvider({
    port: partnerPort,
    users: [
      ...demoUsers("partner.example"),
      // An account at one provider with an address that belongs to the other.
      { login: "mallory", password: "mallory", claims: { email: "alice@acme.example", email_verified: true, groups: ["staff", "admins"] } },
    ],
    clients: [
      {
        client_id: "vestibule",
        client_secret: clientSecret,
        redirect_uris: [`${rig.urls.auth}/_vestibule/oidc/partner/callback`],
        post_logout_redirect_uris: [`${rig.urls.auth}/_vestibule/signed-out`],
      },
    ],
  });
});
afterAll(async () => {
  await rig.close();
  await partner.close();
});

test("the chooser sends an address to the owner of its domain, with the address filled in", async () => {
  const visitor = newVisitor();
  const chooser = await visitor.browse(`${rig.urls.wiki}/page`);
  expect(chooser.url.origin).toBe(rig.urls.auth);
  expect(chooser.body).toContain("Acme");
  expect(chooser.body).toContain("Partner");
  const form = firstForm(chooser);
  const target = new URL(form.action);
  for (const [name, value] of Object.entries({ ...form.fields, login_hint: "Bob@Partner.Example" })) target.searchParams.set(name, value);
  const login = await visitor.browse(target.href);
  expect(login.url.origin).toBe(partner.issuer);
  expect(login.body.toLowerCase()).toContain("bob@partner.example");
  const page = await signInAt(visitor, login, "bob");
  expect(page.status).toBe(200);
  expect(page.url.href).toBe(`${rig.urls.wiki}/page`);
});

test("`provider` and `login_hint` skip the chooser", async () => {
  const back = encodeURIComponent(`${rig.urls.wiki}/`);
  expect((await newVisitor().browse(`${rig.urls.auth}/_vestibule/login?return=${back}&provider=partner`)).url.origin).toBe(partner.issuer);
  expect((await newVisitor().browse(`${rig.urls.auth}/_vestibule/login?return=${back}&login_hint=x@acme.example`)).url.origin).toBe(
    rig.provider.issuer,
  );
});

test("an address whose domain another provider owns is refused, whatever groups come with it", async () => {
  const visitor = newVisitor();
  const back = encodeURIComponent(`${rig.urls.wiki}/`);
  const login = await visitor.browse(`${rig.urls.auth}/_vestibule/login?return=${back}&provider=partner`);
  const page = await signInAt(visitor, login, "mallory");
  expect(page.status).toBe(403);
  const seen = rig.wiki.requests.length;
  expect((await visitor.visit(`${rig.urls.wiki}/`)).status).toBe(302);
  expect(rig.wiki.requests.length).toBe(seen);
});

/** Confirms on the provider's logout page, and follows the way back. */
function confirm(visitor: Visitor, page: VisitorAnswer): Promise<VisitorAnswer> {
  const { action, fields } = firstForm(page);
  return visitor.browse(action, { form: { ...fields, logout: "yes" } });
}

test("logging out on the auth origin leaves both providers, one after the other", async () => {
  const visitor = newVisitor();
  const login = (provider: string) =>
    visitor.browse(`${rig.urls.auth}/_vestibule/login?return=${encodeURIComponent(`${rig.urls.reports}/`)}&provider=${provider}`);
  const providers = [
    { id: "acme", user: "alice", issuer: rig.provider.issuer },
    { id: "partner", user: "bob", issuer: partner.issuer },
  ];
  for (const { id, user } of providers) expect((await signInAt(visitor, await login(id), user)).url.origin).toBe(rig.urls.reports);
  const first = await visitor.browse(`${rig.urls.auth}/_vestibule/logout`, { headers: { "sec-fetch-site": "none" } });
  expect(first.url.origin).toBe(partner.issuer);
  const second = await confirm(visitor, first);
  expect(second.url.origin).toBe(rig.provider.issuer);
  const done = await confirm(visitor, second);
  expect(done.url.href).toContain(`${rig.urls.auth}/_vestibule/signed-out?state=`);
  expect(done.body).toContain("You can close this window now.");
  // Each asks for the password again.
  for (const { id, issuer } of providers) {
    const page = await login(id);
    expect([page.url.origin, page.body.includes("password")]).toEqual([issuer, true]);
  }
});
