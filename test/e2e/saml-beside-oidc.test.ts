import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { demoUsers, type RunningOidcProvider, startOidcProvider } from "../support/oidc-provider.ts";
import { clientSecret, signInAt } from "../support/rig.ts";
import { type SamlRig, samlSignInAt, startSamlRig } from "../support/saml-rig.ts";
import { firstForm, newVisitor, type Visitor, type VisitorAnswer } from "../support/visitor.ts";

let rig: SamlRig;
let partner: RunningOidcProvider;
beforeAll(async () => {
  const port = await freePort();
  rig = await startSamlRig({
    // An account at one provider with an address that belongs to the other.
    users: [...demoUsers(), { login: "mallory", password: "mallory", claims: { email: "alice@partner.example", groups: ["staff"] } }],
    providers: `  partner:
    name: Partner
    emailDomains: [partner.example]
    oidc:
      issuer: http://127.0.0.1:${port}
      clientId: vestibule
      clientSecret: { env: CLIENT_SECRET }
`,
    env: { CLIENT_SECRET: clientSecret },
  });
  const redirectUri = `${rig.urls.auth}/_vestibule/oidc/partner/callback`;
  partner = await startOidcProvider({
    port,
    users: demoUsers("partner.example"),
    clients: [{ client_id: "vestibule", client_secret: clientSecret, redirect_uris: [redirectUri] }],
  });
});
afterAll(async () => {
  await rig.close();
  await partner.close();
});

/** Types an address on the chooser page. */
async function choose(visitor: Visitor, address: string): Promise<VisitorAnswer> {
  const chooser = await visitor.browse(`${rig.urls.wiki}/page`);
  expect(chooser.body).toContain("Campus");
  expect(chooser.body).toContain("Partner");
  const form = firstForm(chooser);
  const target = new URL(form.action);
  for (const [name, value] of Object.entries({ ...form.fields, login_hint: address })) target.searchParams.set(name, value);
  return visitor.browse(target.href);
}

test("the chooser sends each address to the provider of its domain, whatever it speaks", async () => {
  const [one, other] = [newVisitor(), newVisitor()];
  const saml = await choose(one, "alice@acme.example");
  expect(saml.url.origin).toBe(rig.idp.origin);
  expect((await samlSignInAt(one, saml, "alice")).url.href).toBe(`${rig.urls.wiki}/page`);
  const oidc = await choose(other, "bob@partner.example");
  expect(oidc.url.origin).toBe(partner.issuer);
  expect((await signInAt(other, oidc, "bob")).url.href).toBe(`${rig.urls.wiki}/page`);
});

test("an address whose domain another provider owns is refused", async () => {
  const visitor = newVisitor();
  const page = await samlSignInAt(visitor, await choose(visitor, "mallory@acme.example"), "mallory");
  expect(page.status).toBe(403);
  expect((await visitor.visit(`${rig.urls.wiki}/`)).status).toBe(302);
});
