import { execFileSync, spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSecret } from "../../../../src/core/secret.ts";
import type { AttributeSettings } from "../../../../src/core/settings.ts";
import { signingKeys } from "../../../../src/login/saml/context.ts";
import { writeMetadata } from "../../../../src/login/saml/metadata/write.ts";
import type { SamlSettings } from "../../../../src/login/saml/settings.ts";
import { readTrustedKey } from "../../../../src/login/saml/signature/trusted-keys.ts";
import { verifySignature } from "../../../../src/login/saml/signature/verify.ts";
import { parseXml } from "../../../../src/login/saml/xml/parse.ts";
import { attributeOf, childrenOf, namespaces, requiredChild, textOf } from "../../../../src/login/saml/xml/tree.ts";
import { makeAuthority, type TestCertificate } from "../../../support/certificates.ts";
import { ownedFolder } from "../../../support/owned.ts";
import { descendants } from "../../../support/saml-documents.ts";
import { makeSamlKey } from "../../../support/saml-keys.ts";
import { bareBase64, samlSettings } from "../../../support/saml-metadata.ts";

const folder = ownedFolder("vestibule-metadata-");
let newest: TestCertificate;
let previous: TestCertificate;
let curve: TestCertificate;
beforeAll(async () => {
  [newest, previous, curve] = await Promise.all([makeSamlKey("newest"), makeSamlKey("previous"), makeAuthority("curve")]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const attributes: AttributeSettings = {
  subject: "NameID",
  email: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
  name: ["DisplayName", "{FirstName} {LastName}", "email"],
  groups: "http://schemas.xmlsoap.org/claims/Group",
  extra: { department: "urn:oid:2.5.4.11" },
};
const own = ({ certificate, key }: TestCertificate) => ({ certificate, key: makeSecret(key), signing: null });

function write(change: Partial<SamlSettings> = {}, mapped: AttributeSettings = attributes): string {
  const saml = samlSettings(change);
  return writeMetadata({
    settings: {
      id: "adfs",
      name: "Acme <ADFS> & more",
      emailDomains: [],
      protocol: saml,
      attributes: mapped,
      groupNames: {},
      scim: null,
      graph: null,
      domainProof: "none",
    },
    saml,
    acsUrl: "https://auth.acme.example/_vestibule/saml/adfs/acs",
    sloUrl: "https://auth.acme.example/_vestibule/saml/adfs/slo",
    signer: signingKeys(saml, Date.now)(),
  });
}
const role = (xml: string) => requiredChild(parseXml(xml), namespaces.metadata, "SPSSODescriptor");
const written = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

/** Against the schemas of OASIS and W3C that Debian packages (opensaml-schemas, xmltooling-schemas); the catalog keeps it off the network. */
function schemaProblems(xml: string): string {
  const catalog = new URL("../../../support/saml-schema-catalog.xml", import.meta.url).pathname;
  const schema = "/usr/share/xml/opensaml/saml-schema-metadata-2.0.xsd";
  const file = written("schema.xml", xml);
  const { status, stderr } = spawnSync("xmllint", ["--nonet", "--noout", "--schema", schema, file], {
    encoding: "utf8",
    env: { ...process.env, XML_CATALOG_FILES: catalog },
  });
  return status === 0 ? "" : stderr;
}

test.each<{ when: string; change: () => Partial<SamlSettings>; mapped?: AttributeSettings }>([
  { when: "there is no key", change: () => ({}) },
  { when: "there are two keys", change: () => ({ keys: [own(newest), own(previous)] }) },
  { when: "the key is on a curve", change: () => ({ keys: [own(curve)] }) },
  {
    when: "all is different",
    change: () => ({
      keys: [own(newest)],
      entityId: "urn:acme:eu:vestibule?a=1&b=2",
      nameIdFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
      allowLegacyEncryption: true,
      singleLogout: false,
      signRequests: false,
      wantAssertionsSigned: false,
    }),
  },
  {
    when: "no attribute is asked for",
    change: () => ({}),
    mapped: { subject: "NameID", email: "NameID", name: ["email"], groups: null, extra: {} },
  },
])("our metadata holds to the OASIS schema when $when", ({ change, mapped }) => {
  expect(schemaProblems(write(change(), mapped))).toBe("");
});

test("the schema check would notice", () => {
  expect(schemaProblems(write().replace(/<md:AssertionConsumerService.*?>/, ""))).toMatch(/AssertionConsumerService/);
});

test.each<{ when: string; key: () => TestCertificate }>([
  { when: "RSA", key: () => newest },
  { when: "ECDSA", key: () => curve },
])("it is signed with the newest key, and xmlsec agrees ($when)", ({ key }) => {
  const xml = write({ keys: [own(key()), own(previous)] });
  const verify = (text: string) =>
    spawnSync("xmlsec1", [
      "--verify",
      "--id-attr:ID",
      "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor",
      "--pubkey-cert-pem",
      written("certificate.pem", key().certificate),
      written("signed.xml", text),
    ]).status;
  expect(verify(xml)).toBe(0);
  expect(verify(xml.replace("/saml/adfs/acs", "/saml/evil/acs"))).not.toBe(0);
  const document = parseXml(xml);
  const [known, unknown] = [key(), previous].map(({ certificate }) => readTrustedKey(certificate));
  expect(verifySignature(document, document, { keys: known === undefined ? [] : [known], allowSha1: false }).key).toEqual(known);
  expect(() => verifySignature(document, document, { keys: unknown === undefined ? [] : [unknown], allowSha1: false })).toThrow();
});

test("both keys are published for signatures and for encryption during a rollover, and it does not change without a reason", () => {
  const xml = write({ keys: [own(newest), own(previous)] });
  const descriptors = childrenOf(role(xml), namespaces.metadata, "KeyDescriptor").map((descriptor) => {
    const certificate = [...descendants(descriptor)].find(({ name }) => name === "X509Certificate");
    return [attributeOf(descriptor, "use"), certificate && textOf(certificate)];
  });
  const [first, second] = [newest, previous].map(({ certificate }) => bareBase64(certificate));
  expect(descriptors).toEqual([
    ["signing", first],
    ["signing", second],
    ["encryption", first],
    ["encryption", second],
  ]);
  expect(write({ keys: [own(newest), own(previous)] })).toBe(xml);
});

test("it never asks for the old encryption unless that is accepted, and never for encryption with a key that cannot decrypt", () => {
  const methods = (xml: string) =>
    [...descendants(parseXml(xml))].filter(({ name }) => name === "EncryptionMethod").map((one) => attributeOf(one, "Algorithm"));
  expect(methods(write({ keys: [own(newest)] })).join()).not.toMatch(/cbc|rsa-1_5/);
  expect(methods(write({ keys: [own(newest)], allowLegacyEncryption: true })).join()).toMatch(/aes128-cbc/);
  expect(methods(write({ keys: [own(curve)] }))).toEqual([]);
});

test("it says where answers and logouts go, and what is asked for", () => {
  const found = role(write({ keys: [own(newest)], nameIdFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }));
  const services = (name: string) =>
    childrenOf(found, namespaces.metadata, name).map((one) => [
      attributeOf(one, "Binding")?.split(":").at(-1),
      attributeOf(one, "Location"),
    ]);
  expect(services("AssertionConsumerService")).toEqual([["HTTP-POST", "https://auth.acme.example/_vestibule/saml/adfs/acs"]]);
  expect(services("SingleLogoutService")).toEqual([
    ["HTTP-Redirect", "https://auth.acme.example/_vestibule/saml/adfs/slo"],
    ["HTTP-POST", "https://auth.acme.example/_vestibule/saml/adfs/slo"],
  ]);
  expect(childrenOf(found, namespaces.metadata, "NameIDFormat").map(textOf)).toEqual([
    "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
  ]);
  expect([attributeOf(found, "AuthnRequestsSigned"), attributeOf(found, "WantAssertionsSigned")]).toEqual(["true", "true"]);
  const consuming = requiredChild(found, namespaces.metadata, "AttributeConsumingService");
  expect(textOf(requiredChild(consuming, namespaces.metadata, "ServiceName"))).toBe("Acme <ADFS> & more");
  expect(childrenOf(consuming, namespaces.metadata, "RequestedAttribute").map((one) => attributeOf(one, "Name"))).toEqual([
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "DisplayName",
    "FirstName",
    "LastName",
    "http://schemas.xmlsoap.org/claims/Group",
    "urn:oid:2.5.4.11",
  ]);
});

test("without a key it promises no signatures and no logout", () => {
  const found = role(write());
  expect(attributeOf(found, "AuthnRequestsSigned")).toBe("false");
  expect(childrenOf(found, namespaces.metadata, "SingleLogoutService")).toEqual([]);
  expect(childrenOf(found, namespaces.metadata, "KeyDescriptor")).toEqual([]);
});

test("xmlsec is there to be asked", () => {
  expect(execFileSync("xmlsec1", ["--version"], { encoding: "utf8" })).toMatch(/xmlsec1 1\./);
});
