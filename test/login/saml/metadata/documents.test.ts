import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { usableMetadata } from "../../../../src/login/saml/metadata/idp-metadata.ts";
import { readMetadata } from "../../../../src/login/saml/metadata/read.ts";

const folder = new URL("./documents/", import.meta.url);
const read = (name: string, entity: string | null = null) =>
  usableMetadata(readMetadata(readFileSync(new URL(`${name}.xml`, folder)), { entity, signer: null, allowSha1: false, allowHttp: false }));

const tenant = "0a1b2c3d-1111-2222-3333-444455556666";
const onelogin = "https://acme.onelogin.example/trust/saml2";
const keycloak = "https://keycloak.acme.example/realms/acme/protocol/saml";
const shibboleth = "https://idp.univ.example/idp/profile/SAML2";

/** After the form in which each product publishes its metadata; names, addresses and certificates are made up. */
const documents = [
  {
    product: "adfs",
    entityId: "http://adfs.acme.example/adfs/services/trust",
    sso: ["redirect https://adfs.acme.example/adfs/ls/", "post https://adfs.acme.example/adfs/ls/"],
    slo: ["redirect https://adfs.acme.example/adfs/ls/", "post https://adfs.acme.example/adfs/ls/"],
    keys: 2,
  },
  {
    product: "entra-id",
    entityId: `https://sts.windows.net/${tenant}/`,
    sso: [`redirect https://login.microsoftonline.com/${tenant}/saml2`, `post https://login.microsoftonline.com/${tenant}/saml2`],
    slo: [`redirect https://login.microsoftonline.com/${tenant}/saml2`],
    keys: 1,
  },
  {
    product: "okta",
    entityId: "http://www.okta.com/exk1fcia6d6EMsf331d8",
    sso: ["post", "redirect"].map((one) => `${one} https://acme.okta.example/app/acme_vestibule_1/exk1fcia6d6EMsf331d8/sso/saml`),
    slo: [],
    keys: 1,
  },
  {
    product: "google-workspace",
    entityId: "https://accounts.google.com/o/saml2?idpid=C00abc123",
    sso: ["redirect", "post"].map((one) => `${one} https://accounts.google.com/o/saml2/idp?idpid=C00abc123`),
    slo: [],
    keys: 2,
    validUntil: "2031-02-14T10:22:31.000Z",
  },
  {
    product: "onelogin",
    entityId: "https://app.onelogin.com/saml/metadata/5d3bdd16-0d3c-4c0e-8a7c-3c1c4c1e5a10",
    sso: ["redirect", "post"].map((one) => `${one} ${onelogin}/http-${one}/sso/5d3bdd16-0d3c-4c0e-8a7c-3c1c4c1e5a10`),
    slo: [`redirect ${onelogin}/http-redirect/slo/1234567`],
    keys: 1,
  },
  {
    product: "auth0",
    entityId: "urn:acme.eu.auth0.example",
    sso: ["redirect", "post"].map((one) => `${one} https://acme.eu.auth0.example/samlp/kJ7p3sQ0vXyZ`),
    slo: ["redirect", "post"].map((one) => `${one} https://acme.eu.auth0.example/samlp/kJ7p3sQ0vXyZ/logout`),
    keys: 1,
  },
  {
    product: "jumpcloud",
    entityId: "JumpCloud-acme",
    sso: ["redirect", "post"].map((one) => `${one} https://sso.jumpcloud.example/saml2/vestibule`),
    slo: [],
    keys: 1,
  },
  {
    product: "keycloak",
    entityId: "https://keycloak.acme.example/realms/acme",
    sso: [`post ${keycloak}`, `redirect ${keycloak}`],
    slo: [`post ${keycloak}`, `redirect ${keycloak}`],
    keys: 1,
    signedRequests: true,
  },
  {
    product: "pingfederate",
    entityId: "https://ping.acme.example",
    sso: ["post https://ping.acme.example/idp/SSO.saml2", "redirect https://ping.acme.example/idp/SSO.saml2"],
    slo: ["post https://ping.acme.example/idp/SLO.saml2", "redirect https://ping.acme.example/idp/SLO.saml2"],
    keys: 2,
    signedRequests: true,
    cacheHours: 24,
  },
  {
    product: "shibboleth",
    entityId: "https://idp.univ.example/idp/shibboleth",
    sso: [`post ${shibboleth}/POST/SSO`, `redirect ${shibboleth}/Redirect/SSO`],
    slo: [`redirect ${shibboleth}/Redirect/SLO`, `post ${shibboleth}/POST/SLO`],
    keys: 2,
    validUntil: "2036-01-01T00:00:00.000Z",
    scopes: [{ value: "univ.example", isPattern: false }],
  },
  {
    product: "simplesamlphp",
    entityId: "https://login.acme.example/simplesaml/saml2/idp/metadata.php",
    sso: ["redirect https://login.acme.example/simplesaml/saml2/idp/SSOService.php"],
    slo: ["redirect https://login.acme.example/simplesaml/saml2/idp/SingleLogoutService.php"],
    keys: 2,
  },
  {
    product: "lemonldap-ng",
    entityId: "https://auth.llng.example/saml/metadata",
    sso: ["redirect https://auth.llng.example/saml/singleSignOn", "post https://auth.llng.example/saml/singleSignOn"],
    slo: ["redirect", "post"].map(
      (one) => `${one} https://auth.llng.example/saml/singleLogout, answers https://auth.llng.example/saml/singleLogoutReturn`,
    ),
    keys: 1,
    signedRequests: true,
  },
  {
    product: "federation",
    entity: "https://idp.one.example",
    entityId: "https://idp.one.example",
    sso: ["redirect https://idp.one.example/sso"],
    slo: [],
    keys: 1,
    validUntil: "2035-06-01T00:00:00.000Z",
    cacheHours: 1,
    scopes: [{ value: "^.+\\.one\\.example$", isPattern: true }],
  },
];

test.each(documents)("what $product publishes is read in full", ({ product, entity, ...expected }) => {
  const found = read(product, entity ?? null);
  expect({
    entityId: found.entityId,
    sso: found.sso.map(({ binding, location }) => `${binding} ${location}`),
    slo: found.slo.map(
      ({ binding, location, responseLocation }) =>
        `${binding} ${location}${responseLocation === null ? "" : `, answers ${responseLocation}`}`,
    ),
    keys: found.keys.length,
    signedRequests: found.wantAuthnRequestsSigned,
    validUntil: found.validUntil === null ? null : new Date(found.validUntil).toISOString(),
    cacheHours: found.cacheDurationMs === null ? null : found.cacheDurationMs / 3_600_000,
    scopes: found.scopes,
    notes: found.notes,
  }).toEqual({ signedRequests: false, validUntil: null, cacheHours: null, scopes: [], notes: [], ...expected });
});

test("every document in the folder is in the table", () => {
  expect(readdirSync(folder).sort()).toEqual(documents.map(({ product }) => `${product}.xml`).sort());
});

test("keys come in the document's order, whatever their kind, with their dates", () => {
  const { keys } = read("pingfederate");
  expect(keys.map(({ key }) => key.asymmetricKeyType)).toEqual(["rsa", "ec"]);
  expect(keys.every(({ expiresAt }) => expiresAt !== null && expiresAt > Date.parse("2100-01-01"))).toBe(true);
  const [bare] = read("lemonldap-ng").keys;
  expect(bare).toMatchObject({ expiresAt: null });
  expect(bare?.key.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048, publicExponent: 65537n });
});
