import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { demoUsers, type RunningOidcProvider, startOidcProvider } from "../support/oidc-provider.ts";
import { clientSecret, type Rig, signInAt, startRig } from "../support/rig.ts";
import { firstForm, newVisitor } from "../support/visitor.ts";

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
      { client_id: "vestibule", client_secret: clientSecret, redirect_uris: [`${rig.urls.auth}/_vestibule/oidc/partner/callback`] },
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
