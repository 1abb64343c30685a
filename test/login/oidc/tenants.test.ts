import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { OidcSettings } from "../../../src/login/oidc/settings.ts";
import { type FakeOidc, startFakeOidc } from "../../support/fake-oidc.ts";
import { anOidcProvider, logIn, oidcProviderSettings } from "../../support/oidc-journey.ts";

// Entra ID's common endpoints: one registration, one set of keys, an issuer for each tenant.
const [acme, partner, stranger] = ["a", "b", "c"].map((letter) => `00000000-0000-0000-0000-00000000000${letter}`) as [
  string,
  string,
  string,
];

let fake: FakeOidc;
beforeAll(async () => {
  fake = await startFakeOidc();
});
afterAll(() => fake.close());
const template = () => `${fake.issuer}/{tenantid}/v2.0`;
beforeEach(() => {
  fake.person = { sub: "pairwise", oid: "oid-1", name: "Alice", email: "alice@acme.example", groups: ["staff"] };
});
function relyingParty(oidc: Partial<OidcSettings> = {}, emailDomains: readonly string[] = []) {
  const discovery = `${fake.issuer}/.well-known/openid-configuration`;
  const settings = oidcProviderSettings({ issuer: template(), discovery, tenants: [acme, partner], ...oidc }, { emailDomains });
  return anOidcProvider(settings);
}
const from = (tid: string, change: Record<string, unknown> = {}) => {
  fake.script = {
    discovery: (good) => ({ json: { ...good, issuer: template(), authorization_response_iss_parameter_supported: false } }),
    authorize: ({ iss: _, ...good }) => good,
    idTokenClaims: (good) => ({ ...(good as object), iss: `${fake.issuer}/${tid}/v2.0`, tid, ...change }),
  };
};

test("the account is (tenant, oid): the same oid in two tenants is two people", async () => {
  const provider = relyingParty();
  from(acme);
  expect((await logIn(provider)).principal.subject).toBe(`oid-1.${acme}`);
  from(partner);
  expect((await logIn(provider)).principal.subject).toBe(`oid-1.${partner}`);
  provider.close();
});

test.each<{ when: string; tid: string; change?: Record<string, unknown>; code: string }>([
  { when: "a tenant that is not listed", tid: stranger, code: "setup.issuer" },
  { when: "a tid of another tenant than the issuer's", tid: acme, change: { tid: partner }, code: "login.answer-rejected" },
  { when: "no tid", tid: acme, change: { tid: undefined }, code: "login.answer-rejected" },
  { when: "the template itself as issuer", tid: acme, change: { iss: "{tenantid}" }, code: "setup.issuer" },
])("$when is refused", async ({ tid, change, code }) => {
  const provider = relyingParty();
  from(tid, change);
  await expect(logIn(provider)).rejects.toMatchObject({ code });
  provider.close();
});

test("an address counts when its tenant owns the domain, or the operator says so", async () => {
  const emailOf = async (change: Record<string, unknown>, emailDomains: readonly string[] = []) => {
    const provider = relyingParty({}, emailDomains);
    from(partner, change);
    const { email } = (await logIn(provider)).principal;
    provider.close();
    return email;
  };
  expect(await emailOf({})).toBeNull();
  expect(await emailOf({ xms_edov: false })).toBeNull();
  expect(await emailOf({ xms_edov: true })).toBe("alice@acme.example");
  expect(await emailOf({ xms_edov: "1" })).toBe("alice@acme.example");
  expect(await emailOf({}, ["acme.example"])).toBe("alice@acme.example");
});

test("a single tenant's issuer means what it always meant", async () => {
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer }));
  fake.script = {};
  expect((await logIn(provider)).principal).toMatchObject({ subject: "pairwise", email: "alice@acme.example" });
  provider.close();
});
