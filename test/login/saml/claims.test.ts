import { describe, expect, test } from "vitest";
import type { AttributeSettings } from "../../../src/core/settings.ts";
import { commonName } from "../../../src/login/claims/claim-values.ts";
import { type ClaimMapping, mapClaims } from "../../../src/login/claims/map-claims.ts";
import { claimsOf, receivedNames } from "../../../src/login/saml/claims.ts";
import { readAttributes } from "../../../src/login/saml/messages/assertion.ts";
import { parseXml } from "../../../src/login/saml/xml/parse.ts";
import { anAssertion, attribute, codeOf } from "../../support/saml-documents.ts";

const read = (attributes: string) => readAttributes(parseXml(anAssertion({ attributes })));
const nameId = { value: "alice", format: null, nameQualifier: null, spNameQualifier: null };
const settings: AttributeSettings = {
  subject: "NameID",
  email: "email",
  name: ["DisplayName", "{FirstName} {LastName}", "email"],
  groups: "groups",
  extra: { department: "department", scoped: "eduPersonScopedAffiliation" },
};
function person(attributes: string, change: Partial<ClaimMapping> = {}) {
  const mapping: ClaimMapping = {
    provider: "adfs",
    attributes: settings,
    groupNames: {},
    claimNames: [],
    ownerOfDomain: () => null,
    ...change,
  };
  return mapClaims(claimsOf({ nameId, attributes: read(attributes) }, mapping), mapping);
}
const friendly = (name: string, friendlyName: string, value: string) =>
  `<saml:Attribute Name="${name}" FriendlyName="${friendlyName}"><saml:AttributeValue>${value}</saml:AttributeValue></saml:Attribute>`;

describe("reading", () => {
  test("repeated attributes merge, repeated values count once, types do not matter", () => {
    const typed = `<saml:Attribute Name="g"><saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:integer">7</saml:AttributeValue></saml:Attribute>`;
    expect(read(attribute("g", "a", "b") + attribute("h", "x") + attribute("g", "b", "c") + typed)).toEqual([
      { name: "g", friendlyName: null, values: ["a", "b", "c", "7"] },
      { name: "h", friendlyName: null, values: ["x"] },
    ]);
  });

  test("attributes without values are listed, empty and nil values are not", () => {
    const nil = `<saml:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>`;
    expect(read(`<saml:Attribute Name="a"/><saml:Attribute Name="b">${nil}<saml:AttributeValue/></saml:Attribute>`)).toEqual([
      { name: "a", friendlyName: null, values: [] },
      { name: "b", friendlyName: null, values: [] },
    ]);
  });

  test("eduPersonTargetedID is the NameID in it; other nested values are there, and cannot be read", () => {
    const nested = (inner: string) => `<saml:Attribute Name="x"><saml:AttributeValue>${inner}</saml:AttributeValue></saml:Attribute>`;
    expect(read(nested("<saml:NameID>opaque</saml:NameID>"))[0]?.values).toEqual(["opaque"]);
    expect(read(nested("<b xmlns='urn:x'>staff</b>"))[0]?.values).toEqual([null]);
    expect(codeOf(() => read("<saml:Attribute/>"))).toBe("saml.malformed");
  });

  test("operators see names, never values", () => {
    expect(receivedNames(read(friendly("urn:oid:1", "mail", "secret") + attribute("g", "x")))).toBe("urn:oid:1 (mail), g");
    expect(receivedNames([])).toBe("no attributes");
  });
});

describe("who it is", () => {
  test.each([
    { when: "DisplayName", attributes: attribute("DisplayName", "Alice A") + attribute("FirstName", "X"), name: "Alice A" },
    { when: "first and last name", attributes: attribute("FirstName", "Alice") + attribute("LastName", "Ash"), name: "Alice Ash" },
    { when: "the e-mail address", attributes: attribute("email", "alice@acme.example"), name: "alice@acme.example" },
    { when: "an empty DisplayName", attributes: attribute("DisplayName", "") + attribute("FirstName", "Alice"), name: "Alice" },
    { when: "nothing", attributes: attribute("x", "y"), name: null },
  ])("the name comes from $when", ({ attributes, name }) => {
    expect(person(attributes).name).toBe(name);
  });

  test("scoped values stay whole, and several stay several", () => {
    expect(
      person(attribute("department", "R&amp;D") + attribute("eduPersonScopedAffiliation", "staff@acme.example", "member@acme.example"))
        .extra,
    ).toEqual({
      department: ["R&D"],
      scoped: ["staff@acme.example", "member@acme.example"],
    });
  });

  test("a friendly name is a second name, but never speaks for a real one, nor for the NameID", () => {
    expect(person(friendly("urn:oid:0.9.2342.19200300.100.1.3", "email", "alice@acme.example")).email).toBe("alice@acme.example");
    expect(person(friendly("urn:x", "email", "evil@acme.example") + attribute("email", "alice@acme.example")).email).toBe(
      "alice@acme.example",
    );
    expect(person(`${friendly("urn:x", "groups", "admins")}<saml:Attribute Name="groups"/>`).groups).toEqual({ kind: "known", names: [] });
    expect(person(attribute("NameID", "mallory") + friendly("urn:x", "NameID", "mallory")).subject).toBe("alice");
    expect(
      codeOf(() =>
        mapClaims(claimsOf({ nameId: null, attributes: read(attribute("NameID", "mallory")) }, { attributes: settings, groupNames: {} }), {
          provider: "p",
          attributes: settings,
          groupNames: {},
          claimNames: [],
          ownerOfDomain: () => null,
        }),
      ),
    ).toBe("login.identity-incomplete");
  });

  test("names that objects have by birth are only names", () => {
    expect(person(attribute("__proto__", "x") + attribute("constructor", "y") + attribute("department", "z")).extra).toEqual({
      department: ["z"],
    });
    const extra = { odd: "__proto__", none: "constructor" };
    expect(person(attribute("__proto__", "x"), { attributes: { ...settings, extra } }).extra).toEqual({ odd: ["x"] });
  });
});

describe("groups", () => {
  const staff = "CN=Staff,OU=Groups,DC=acme,DC=example";
  test.each([
    { when: "names", attributes: attribute("groups", "staff", "ops"), groupNames: {}, names: ["staff", "ops"] },
    { when: "one name", attributes: attribute("groups", "staff"), groupNames: {}, names: ["staff"] },
    {
      when: "an attribute without values (SimpleSAMLphp, LemonLDAP::NG)",
      attributes: `<saml:Attribute Name="groups"/>`,
      groupNames: {},
      names: [],
    },
    { when: "no attribute", attributes: attribute("x", "y"), groupNames: {}, names: [] },
    { when: "distinguished names", attributes: attribute("groups", staff, "plain"), groupNames: {}, names: ["Staff", "plain"] },
    {
      when: "a distinguished name that is listed whole",
      attributes: attribute("groups", staff),
      groupNames: { [staff]: "everybody", Staff: "wrong" },
      names: ["everybody"],
    },
    {
      when: "a distinguished name that is kept whole",
      attributes: attribute("groups", staff),
      groupNames: { [staff]: staff },
      names: [staff],
    },
    {
      when: "a common name that is listed",
      attributes: attribute("groups", staff),
      groupNames: { Staff: "everybody" },
      names: ["everybody"],
    },
  ])("$when", ({ attributes, groupNames, names }) => {
    expect(person(attributes, { groupNames }).groups).toEqual({ kind: "known", names });
  });

  test.each([
    {
      when: "a nested value",
      attributes: `<saml:Attribute Name="groups"><saml:AttributeValue><b xmlns="urn:x">staff</b></saml:AttributeValue></saml:Attribute>`,
    },
    {
      when: "Entra ID's link to too many groups",
      attributes: attribute("http://schemas.microsoft.com/claims/groups.link", "https://graph.example/x"),
    },
  ])("$when is unknown, not none", ({ attributes }) => {
    expect(person(attributes).groups.kind).toBe("unknown");
  });
});

test.each([
  { text: "CN=Staff,OU=Groups,DC=acme", name: "Staff" },
  { text: "cn = Staff , ou = Groups", name: "Staff" },
  { text: "CN=Staff", name: "Staff" },
  { text: "CN=Smith\\, John,OU=x", name: "Smith, John" },
  { text: "CN=a\\+b\\=c\\\\d,OU=x", name: "a+b=c\\d" },
  { text: "CN=Caf\\C3\\A9,OU=x", name: "Café" },
  { text: "CN=\\ x\\ ,OU=x", name: " x " },
  { text: "CN=Équipe 🦊,OU=x", name: "Équipe 🦊" },
  { text: "OU=Groups,CN=Staff", name: null },
  { text: "CN=Staff+OU=x,DC=acme", name: null },
  { text: "CN=,OU=x", name: null },
  { text: "CN=#0403,OU=x", name: null },
  { text: "CN=\\C3,OU=x", name: null },
  { text: "CN=a;b,OU=x", name: null },
  { text: 'CN="a",OU=x', name: null },
  { text: "CN=a\\,OU", name: "a,OU" },
  { text: "CN=a,staff", name: null },
  { text: "CN=a,", name: null },
  { text: "staff", name: null },
  { text: "", name: null },
  { text: "CN=a\\", name: null },
])("the common name of $text is $name", ({ text, name }) => {
  expect(commonName(text)).toBe(name);
});

describe("email_verified as an attribute", () => {
  const address = attribute("email", "alice@acme.example");
  test.each([
    { when: "it is not sent", more: "", counts: true },
    { when: "it has no value", more: `<saml:Attribute Name="email_verified"/>`, counts: true },
    { when: "it says true", more: attribute("email_verified", "true"), counts: true },
    { when: "it says false (Keycloak's emailVerified)", more: attribute("email_verified", "false"), counts: false },
    { when: "it says true and false", more: attribute("email_verified", "true", "false"), counts: false },
    { when: "it says something else", more: attribute("email_verified", "0"), counts: false },
    { when: "its friendly name is the claim's", more: friendly("urn:acme:verified", "email_verified", "false"), counts: false },
    {
      when: "a friendly name says yes where the attribute says no",
      more: attribute("email_verified", "false") + friendly("urn:acme:x", "email_verified", "true"),
      counts: false,
    },
  ])("$when: the address counts: $counts", ({ more, counts }) => {
    expect(person(address + more).email).toBe(counts ? "alice@acme.example" : null);
  });
});
