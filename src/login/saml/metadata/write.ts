import { createHash, X509Certificate } from "node:crypto";
import type { AttributeSettings, ProviderSettings } from "../../../core/settings.ts";
import type { SamlSettings } from "../settings.ts";
import { bareCertificate, type SigningKey, signXml } from "../signature/sign.ts";
import { element, namespaces, type Xml } from "../xml/tree.ts";

const redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const post = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/** GCM and OAEP; what Shibboleth and others look at before they encrypt. The old ones only where they are accepted. */
const encryptionMethods = [
  "http://www.w3.org/2009/xmlenc11#aes256-gcm",
  "http://www.w3.org/2009/xmlenc11#aes128-gcm",
  "http://www.w3.org/2009/xmlenc11#rsa-oaep",
  "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
];
const legacyEncryptionMethods = ["http://www.w3.org/2001/04/xmlenc#aes256-cbc", "http://www.w3.org/2001/04/xmlenc#aes128-cbc"];

export interface MetadataDeps {
  readonly settings: ProviderSettings;
  readonly saml: SamlSettings;
  /** Where the provider posts its answers. */
  readonly acsUrl: string;
  readonly sloUrl: string;
  /** The key that signs today; null = the document is not signed. */
  readonly signer: SigningKey | null;
}

/**
 * Our metadata for this provider: one SAML 2.0 service provider (SAML Metadata 2.0, 2.4.4), valid against the OASIS schema.
 *
 * Every configured key is published, for signatures and for encryption, so that the provider knows the new one before it is used and the
 * old one until it is gone. Signed with the key that signs today. The same settings give the same bytes (with an RSA key; ECDSA signatures are random).
 */
export function writeMetadata(deps: MetadataDeps): string {
  const body = serviceProvider(deps);
  const { signer, saml } = deps;
  const { entityId } = saml;
  const head = { "xmlns:md": namespaces.metadata, "xmlns:ds": namespaces.signature, entityID: entityId };
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (signer === null) return `${declaration}${element("md:EntityDescriptor", head, body).xml}\n`;
  const ID = `_${createHash("sha256").update(`${entityId}\n${body.xml}`).digest("hex")}`;
  return `${declaration}${signXml(element("md:EntityDescriptor", { ...head, ID }, body), signer)}\n`;
}

function serviceProvider({ settings, saml, acsUrl, sloUrl }: MetadataDeps): Xml {
  const attributes = {
    AuthnRequestsSigned: saml.signRequests && saml.keys.length > 0,
    WantAssertionsSigned: saml.wantAssertionsSigned,
    protocolSupportEnumeration: namespaces.protocol,
  };
  // Logout messages are always signed: without a key there is nothing that could be said.
  const hasLogout = saml.singleLogout && saml.keys.length > 0;
  return element(
    "md:SPSSODescriptor",
    attributes,
    saml.keys.map(({ certificate }) => keyDescriptor("signing", certificate, [])),
    saml.keys.filter(({ certificate }) => canDecrypt(certificate)).map(({ certificate }) => encryptionDescriptor(certificate, saml)),
    hasLogout && [redirect, post].map((Binding) => element("md:SingleLogoutService", { Binding, Location: sloUrl })),
    saml.nameIdFormat !== null && element("md:NameIDFormat", {}, saml.nameIdFormat),
    element("md:AssertionConsumerService", { Binding: post, Location: acsUrl, index: 0, isDefault: true }),
    consumingService(settings.name, requestedAttributes(settings.attributes)),
  );
}

function keyDescriptor(use: "signing" | "encryption", certificate: string, methods: readonly string[]): Xml {
  const data = element("ds:X509Data", {}, element("ds:X509Certificate", {}, bareCertificate(certificate)));
  return element(
    "md:KeyDescriptor",
    { use },
    element("ds:KeyInfo", {}, data),
    methods.map((Algorithm) => element("md:EncryptionMethod", { Algorithm })),
  );
}

function encryptionDescriptor(certificate: string, saml: SamlSettings): Xml {
  const methods = saml.allowLegacyEncryption ? [...encryptionMethods, ...legacyEncryptionMethods] : encryptionMethods;
  return keyDescriptor("encryption", certificate, methods);
}

/** Key transport is RSA's; an EC key can only sign. */
const canDecrypt = (certificate: string) => new X509Certificate(certificate).publicKey.asymmetricKeyType === "rsa";

/** The schema wants at least one attribute in it. */
function consumingService(name: string, attributes: readonly RequestedAttribute[]): Xml | null {
  if (attributes.length === 0) return null;
  return element(
    "md:AttributeConsumingService",
    { index: 0, isDefault: true },
    element("md:ServiceName", { "xml:lang": "en" }, name),
    attributes.map(({ name: Name, nameFormat: NameFormat, isRequired }) =>
      element("md:RequestedAttribute", { Name, NameFormat, isRequired }),
    ),
  );
}

/** An attribute that our metadata asks the provider to send. */
interface RequestedAttribute {
  readonly name: string;
  /** SAML Core 8.2: by what rules the name was made. */
  readonly nameFormat: string;
  readonly isRequired: boolean;
}

const uriFormat = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
const basicFormat = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";

/** The attributes that `attributes` of the configuration reads, each once; only the one that a login cannot do without is required. */
function requestedAttributes(attributes: AttributeSettings): readonly RequestedAttribute[] {
  const names = new Set(
    [
      attributes.subject,
      attributes.email,
      // A name may be taken from the e-mail address, which has been asked for then.
      ...attributes.name.flatMap(namesIn).filter((name) => name !== "email"),
      ...(attributes.groups === null ? [] : [attributes.groups]),
      ...Object.values(attributes.extra),
    ].filter((name) => name !== "NameID" && name !== ""),
  );
  return [...names].map((name) => ({
    name,
    nameFormat: /^(urn:|https?:)/i.test(name) ? uriFormat : basicFormat,
    isRequired: name === attributes.subject,
  }));
}

/** `"{FirstName} {LastName}"` reads two attributes, `DisplayName` one. */
function namesIn(template: string): readonly string[] {
  const placeholders = [...template.matchAll(/\{([^{}]+)\}/g)].map(([, name = ""]) => name.trim());
  return placeholders.length > 0 ? placeholders : [template];
}
