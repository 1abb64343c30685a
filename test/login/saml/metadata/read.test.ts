import { beforeAll, expect, test } from "vitest";
import { readMetadataAside } from "../../../../src/login/saml/metadata/load.ts";
import { largestMetadataBytes, type ReadingOptions, readMetadata } from "../../../../src/login/saml/metadata/read.ts";
import type { TestCertificate } from "../../../support/certificates.ts";
import { aKey } from "../../../support/saml-documents.ts";
import { makeSamlKey } from "../../../support/saml-keys.ts";
import { bareBase64, certificateKey, entityXml, samlNamespaces, service, signRoot } from "../../../support/saml-metadata.ts";

let one: TestCertificate;
let other: TestCertificate;
beforeAll(async () => {
  [one, other] = await Promise.all([makeSamlKey("one"), makeSamlKey("other")]);
});

const read = (xml: string, options: Partial<ReadingOptions> = {}) =>
  readMetadata(Buffer.from(xml), { entity: null, signer: null, allowSha1: false, allowHttp: false, ...options });
const federation = (count: number, attributes = "") =>
  `<EntitiesDescriptor ${samlNamespaces} ID="_all" ${attributes}>${Array.from({ length: count }, (_, at) =>
    entityXml({ entityId: `https://idp-${at}.example`, certificates: [one.certificate] }).replace('ID="_entity"', ""),
  ).join("")}</EntitiesDescriptor>`;
const redirect = (location: string) => service("SingleSignOnService", "HTTP-Redirect", location);

test("a federation with a single identity provider needs no metadataEntity, whatever else is in it", () => {
  const service = (at: number) =>
    `<EntityDescriptor entityID="https://sp-${at}.example"><SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/></EntityDescriptor>`;
  const mixed = federation(1).replace("</EntitiesDescriptor>", `${service(1)}${service(2)}</EntitiesDescriptor>`);
  expect(read(mixed).entityId).toBe("https://idp-0.example");
});

test.each<{ when: string; xml: () => string; options?: Partial<ReadingOptions>; says: RegExp }>([
  { when: "it is empty", xml: () => "", says: /is empty/ },
  { when: "it is no XML", xml: () => "<!doctype html><html></html>", says: /refused/ },
  { when: "it is something else", xml: () => "<html></html>", says: /root is html/ },
  {
    when: "the root is named so in another namespace",
    xml: () => entityXml({ certificates: [one.certificate] }).replace("SAML:2.0:metadata", "SAML:2.0:other"),
    says: /describes no entity/,
  },
  {
    when: "it has an entity that would be fetched",
    xml: () => `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>${entityXml({ certificates: [one.certificate] })}`,
    says: /DOCTYPE/,
  },
  {
    when: "the entity is a service provider only",
    xml: () =>
      entityXml({ certificates: [one.certificate] })
        .replace("<IDPSSODescriptor", "<SPSSODescriptor")
        .replace("</IDPSSO", "</SPSSO"),
    says: /no identity provider/,
  },
  {
    when: "it speaks SAML 1.1 only",
    xml: () => entityXml({ certificates: [one.certificate], role: 'protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol"' }),
    says: /not for SAML 2\.0/,
  },
  { when: "it has no certificate", xml: () => entityXml(), says: /no usable signing certificate/ },
  {
    when: "its only certificate is for encryption",
    xml: () => entityXml({ keys: certificateKey(one.certificate, "encryption") }),
    says: /no usable signing certificate/,
  },
  {
    when: "its only certificate is broken",
    xml: () => entityXml({ keys: certificateKey("AAAA") }),
    says: /no usable signing certificate .*cannot be read/,
  },
  {
    when: "its only key is too short",
    xml: () => entityXml({ keys: rsaValue(1024) }),
    says: /1024 bits, at least 2048/,
  },
  {
    when: "it has no place for logins",
    xml: () => entityXml({ certificates: [one.certificate], services: service("SingleSignOnService", "SOAP", "https://idp.acme.example") }),
    says: /no usable SingleSignOnService/,
  },
  {
    when: "logins would go over http",
    xml: () => entityXml({ certificates: [one.certificate], services: redirect("http://idp.acme.example/sso") }),
    says: /not https/,
  },
  {
    when: "logins would go to a script",
    xml: () => entityXml({ certificates: [one.certificate], services: redirect("javascript:alert(1)") }),
    options: { allowHttp: true },
    says: /not https/,
  },
  {
    when: "its validity cannot be read",
    xml: () => entityXml({ certificates: [one.certificate], attributes: 'validUntil="soon"' }),
    says: /validUntil of the EntityDescriptor is not a time: soon/,
  },
  {
    when: "its cache time is negative",
    xml: () => entityXml({ certificates: [one.certificate], attributes: 'cacheDuration="-PT1H"' }),
    says: /cacheDuration/,
  },
  {
    when: "it holds several entities and none was named",
    xml: () => federation(12),
    says: /12 entities; set metadataEntity to one of https:\/\/idp-0\.example, .*idp-9\.example and 2 more/,
  },
  {
    when: "the named entity is not in it",
    xml: () => federation(2),
    options: { entity: "https://idp-7.example" },
    says: /does not describe https:\/\/idp-7\.example; it describes https:\/\/idp-0/,
  },
  {
    when: "the named entity is in it twice",
    xml: () => federation(2).replace("idp-1.example", "idp-0.example"),
    options: { entity: "https://idp-0.example" },
    says: /2 times/,
  },
  {
    when: "it should be signed and is not",
    xml: () => entityXml({ certificates: [one.certificate] }),
    options: { signer: "one" },
    says: /is not signed/,
  },
  {
    when: "somebody else signed it",
    xml: () => signRoot(entityXml({ certificates: [one.certificate] }), other),
    options: { signer: "one" },
    says: /no known key signed/,
  },
  {
    when: "it was changed after it was signed",
    xml: () => signRoot(entityXml({ certificates: [one.certificate] }), one).replace("acme.example/sso", "evil.example/sso"),
    options: { signer: "one" },
    says: /digest differs/,
  },
  {
    when: "only one entity in it is signed",
    xml: () =>
      `<EntitiesDescriptor ${samlNamespaces}>${signRoot(entityXml({ certificates: [one.certificate] }), one)}</EntitiesDescriptor>`,
    options: { signer: "one" },
    says: /EntitiesDescriptor is not signed/,
  },
  {
    when: "the signed document is wrapped into a forged one",
    xml: () => {
      const signed = signRoot(entityXml({ certificates: [one.certificate] }), one);
      const signature = /<ds:Signature.*<\/ds:Signature>/s.exec(signed)?.[0] ?? "";
      return entityXml({ certificates: [other.certificate] })
        .replace('ID="_entity"', 'ID="_evil"')
        .replace("<IDPSSODescriptor", `${signature}<Extensions>${signed}</Extensions><IDPSSODescriptor`);
    },
    options: { signer: "one" },
    says: /for another element/,
  },
  {
    when: "it is signed with SHA-1",
    xml: () => signRoot(entityXml({ certificates: [one.certificate] }), one, "rsa-sha1"),
    options: { signer: "one" },
    says: /sha1 is not accepted/,
  },
])("metadata is refused when $when", ({ xml, options = {}, says }) => {
  const signer = options.signer === "one" ? one.certificate : null;
  const attempt = () => read(xml(), { ...options, signer });
  expect(attempt).toThrow(says);
  expect(attempt).toThrow(expect.objectContaining({ code: "saml.metadata-unusable" }));
});

test.each<{ when: string; xml: () => string; options?: Partial<ReadingOptions>; sees: object }>([
  {
    when: "it is signed by the configured certificate",
    xml: () => signRoot(entityXml({ certificates: [one.certificate] }), one),
    options: { signer: "one" },
    sees: { entityId: "https://idp.acme.example" },
  },
  {
    when: "a signed federation holds the named entity",
    xml: () => signRoot(federation(3), one),
    options: { signer: "one", entity: "https://idp-2.example" },
    sees: { entityId: "https://idp-2.example" },
  },
  {
    when: "SHA-1 is allowed",
    xml: () => signRoot(entityXml({ certificates: [one.certificate] }), one, "rsa-sha1"),
    options: { signer: "one", allowSha1: true },
    sees: { entityId: "https://idp.acme.example" },
  },
  {
    when: "http is allowed",
    xml: () => entityXml({ certificates: [one.certificate], services: redirect("http://idp/sso") }),
    options: { allowHttp: true },
    sees: { sso: [{ binding: "redirect", location: "http://idp/sso", responseLocation: null }] },
  },
  { when: "a federation has one entity only", xml: () => federation(1), sees: { entityId: "https://idp-0.example" } },
  {
    when: "one of its keys is broken",
    xml: () => entityXml({ keys: certificateKey("AAAA") + certificateKey(one.certificate) }),
    sees: { notes: ["a signing key is left out: a certificate cannot be read"] },
  },
  {
    when: "its logout is over http",
    xml: () =>
      entityXml({
        certificates: [one.certificate],
        services: redirect("https://idp.example/sso") + service("SingleLogoutService", "HTTP-Redirect", "http://idp.example/slo"),
      }),
    sees: { slo: [], notes: ["a SingleLogoutService is left out: http://idp.example/slo is not https"] },
  },
  {
    when: "times have fractions and zones",
    xml: () =>
      entityXml({
        certificates: [one.certificate],
        attributes: 'validUntil="2030-01-01T02:00:00.123456+02:00" cacheDuration="P1DT2H3M4.5S"',
      }),
    sees: { validUntil: Date.parse("2030-01-01T00:00:00.123Z"), cacheDurationMs: 93_784_000 },
  },
  {
    when: "a time has no zone",
    xml: () => entityXml({ certificates: [one.certificate], attributes: 'validUntil="2030-01-01T00:00:00"' }),
    sees: { validUntil: Date.parse("2030-01-01T00:00:00Z") },
  },
])("metadata is read when $when", ({ xml, options = {}, sees }) => {
  expect(read(xml(), { ...options, signer: options.signer === "one" ? one.certificate : null })).toMatchObject(sees);
});

test("every key that may sign is listed once, in order: for signing or for no named use, several in one place, with line breaks", () => {
  const [first, second] = [bareBase64(one.certificate), bareBase64(other.certificate)];
  const broken = `\n  ${first.slice(0, 100)}\n\t${first.slice(100)}\r\n`;
  const both = certificateKey(broken, null).replace("</ds:X509Data>", `<ds:X509Certificate>${second}</ds:X509Certificate></ds:X509Data>`);
  const { keys } = read(entityXml({ keys: both + certificateKey(first) + certificateKey(second, "encryption") }));
  expect(keys.map((key) => key.replace(/\s/g, ""))).toEqual([first, second]);
});

test("the earliest end of all levels counts", () => {
  const inner = entityXml({
    certificates: [one.certificate],
    attributes: 'validUntil="2030-03-01T00:00:00Z" cacheDuration="PT2H"',
    role: 'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" validUntil="2030-02-01T00:00:00Z"',
  });
  const outer = `<EntitiesDescriptor ${samlNamespaces} validUntil="2030-04-01T00:00:00Z" cacheDuration="PT30M">${inner}</EntitiesDescriptor>`;
  expect(read(outer)).toMatchObject({ validUntil: Date.parse("2030-02-01T00:00:00Z"), cacheDurationMs: 1_800_000 });
});

test("a large federation is read aside, signature and all, and holds nobody up", async () => {
  const filler = `<!-- ${"x".repeat(1000)} -->`.repeat(1500);
  const xml = signRoot(federation(300), one).replace("</EntitiesDescriptor>", `${filler}</EntitiesDescriptor>`);
  const options = { entity: "https://idp-299.example", signer: one.certificate, allowSha1: false, allowHttp: false };
  let ticks = 0;
  const ticker = setInterval(() => {
    ticks += 1;
  }, 1);
  const document = await readMetadataAside(Buffer.from(xml), options);
  clearInterval(ticker);
  expect(document.entityId).toBe("https://idp-299.example");
  // Read in place, not one.
  expect(ticks).toBeGreaterThan(3);
  await expect(readMetadataAside(Buffer.from(xml), { ...options, signer: other.certificate })).rejects.toMatchObject({
    code: "saml.metadata-unusable",
    message: expect.stringMatching(/no known key signed/),
  });
  const tooLarge = readMetadataAside(Buffer.alloc(largestMetadataBytes(options.entity) + 1), options);
  await expect(tooLarge).rejects.toMatchObject({ code: "saml.metadata-unusable", message: expect.stringMatching(/larger than/) });
});

function rsaValue(bits: number): string {
  const der = aKey("rsa", bits).public.replace(/-----[^-]+-----|\s/g, "");
  return `<KeyDescriptor><ds:KeyInfo><DEREncodedKeyValue xmlns="http://www.w3.org/2009/xmldsig11#">${der}</DEREncodedKeyValue></ds:KeyInfo></KeyDescriptor>`;
}
