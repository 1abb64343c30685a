import { generateKeyPairSync } from "node:crypto";
import { SignedXml } from "xml-crypto";
import type { ResponseExpectations } from "../../src/login/saml/messages/response.ts";
import { readTrustedKey } from "../../src/login/saml/signature/trusted-keys.ts";
import type { XmlElement } from "../../src/login/saml/xml/tree.ts";

/** SAML documents as text, every part open to change, signed by xml-crypto: an implementation that is not the gateway's own. */

export const now = Date.parse("2026-01-15T10:00:00Z");
export const at = (seconds: number): string => new Date(now + seconds * 1000).toISOString();
export const idp = "https://idp.acme.example/metadata";
export const sp = "https://auth.acme.example/_vestibule/saml/adfs/metadata";
export const acs = "https://auth.acme.example/_vestibule/saml/adfs/acs";
export const slo = "https://auth.acme.example/_vestibule/saml/adfs/slo";

export interface TestKey {
  readonly private: string;
  readonly public: string;
}
export function aKey(type: "rsa" | "ec" = "rsa", bits = 2048): TestKey {
  const { privateKey, publicKey } =
    type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: bits }) : generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    private: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    public: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** What a test changes about an otherwise good answer. Every value is XML text as it will stand. */
export interface Parts {
  readonly responseAttributes?: string;
  readonly responseIssuer?: string;
  readonly status?: string;
  readonly assertionAttributes?: string;
  readonly assertionIssuer?: string;
  readonly nameId?: string;
  readonly confirmation?: string;
  readonly conditions?: string;
  readonly authnStatement?: string;
  readonly attributes?: string;
  readonly afterAssertion?: string;
}

export const success = `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`;
export const issuer = (value: string = idp) => `<saml:Issuer>${value}</saml:Issuer>`;
export const headAttributes = (change: Readonly<Record<string, string | null>> = {}): string =>
  attributesText({ ID: "_response", Version: "2.0", IssueInstant: at(-1), Destination: acs, InResponseTo: "_request", ...change });
export const assertionHead = (change: Readonly<Record<string, string | null>> = {}): string =>
  attributesText({ ID: "_assertion", Version: "2.0", IssueInstant: at(-1), ...change });
export const bearer = (change: Readonly<Record<string, string | null>> = {}, method = "bearer"): string =>
  `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:${method}"><saml:SubjectConfirmationData${attributesText({ InResponseTo: "_request", Recipient: acs, NotOnOrAfter: at(300), ...change })}/></saml:SubjectConfirmation>`;
export const audience = (...values: string[]) =>
  `<saml:AudienceRestriction>${values.map((value) => `<saml:Audience>${value}</saml:Audience>`).join("")}</saml:AudienceRestriction>`;
export const conditions = (content = audience(sp), change: Readonly<Record<string, string | null>> = {}): string =>
  `<saml:Conditions${attributesText({ NotBefore: at(-30), NotOnOrAfter: at(300), ...change })}>${content}</saml:Conditions>`;
export const login = (change: Readonly<Record<string, string | null>> = {}, context = "PasswordProtectedTransport"): string =>
  `<saml:AuthnStatement${attributesText({ AuthnInstant: at(-10), SessionIndex: "_index", SessionNotOnOrAfter: at(28_800), ...change })}><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:${context}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`;
export const attribute = (name: string, ...values: string[]) =>
  `<saml:Attribute Name="${name}">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join("")}</saml:Attribute>`;

const attributesText = (attributes: Readonly<Record<string, string | null>>) =>
  Object.entries(attributes)
    .map(([name, value]) => (value === null ? "" : ` ${name}="${value}"`))
    .join("");

export function anAssertion(parts: Parts = {}): string {
  return `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"${parts.assertionAttributes ?? assertionHead()}>${parts.assertionIssuer ?? issuer()}<saml:Subject>${parts.nameId ?? `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID>`}${parts.confirmation ?? bearer()}</saml:Subject>${parts.conditions ?? conditions()}${parts.authnStatement ?? login()}<saml:AttributeStatement>${parts.attributes ?? attribute("email", "alice@acme.example")}</saml:AttributeStatement></saml:Assertion>`;
}

export function aResponse(parts: Parts = {}, assertion = anAssertion(parts)): string {
  return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"${parts.responseAttributes ?? headAttributes()}>${parts.responseIssuer ?? issuer()}${parts.status ?? success}${assertion}${parts.afterAssertion ?? ""}</samlp:Response>`;
}

export interface SignOptions {
  readonly signature?: string;
  readonly digest?: string;
  readonly canonicalisation?: string;
  readonly transforms?: readonly string[];
  readonly prefix?: string;
  readonly certificate?: string;
}
const enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
export const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";

/** Signs the element with that ID, the signature after its Issuer where it has one. */
export function sign(xml: string, id: string, key: TestKey, options: SignOptions = {}): string {
  const signer = new SignedXml({
    privateKey: key.private,
    signatureAlgorithm: (options.signature ?? "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256") as never,
    canonicalizationAlgorithm: (options.canonicalisation ?? exclusive) as never,
    ...(options.certificate === undefined ? {} : { publicCert: options.certificate }),
  });
  const xpath = `//*[@ID='${id}']`;
  signer.addReference({
    xpath,
    transforms: [...(options.transforms ?? [enveloped, exclusive])],
    digestAlgorithm: options.digest ?? "http://www.w3.org/2001/04/xmlenc#sha256",
  });
  const prefix = options.prefix ?? "ds";
  try {
    signer.computeSignature(xml, { prefix, location: { reference: `${xpath}/*[local-name(.)='Issuer']`, action: "after" } });
  } catch {
    signer.computeSignature(xml, { prefix, location: { reference: xpath, action: "prepend" } });
  }
  return signer.getSignedXml();
}

export const signings = ["response", "assertion", "both"] as const;
export type Signing = (typeof signings)[number];

/** A whole answer, signed as providers do: the Response, its Assertion, or the one inside the other. */
export function aSignedResponse(signing: Signing, key: TestKey, parts: Parts = {}, options: SignOptions = {}): string {
  const assertion = signing === "response" ? anAssertion(parts) : sign(anAssertion(parts), "_assertion", key, options);
  const response = aResponse(parts, assertion);
  return signing === "assertion" ? response : sign(response, "_response", key, options);
}

/** Everything that the documents above agree with. */
export function expecting(key: TestKey, change: Partial<ResponseExpectations> = {}): ResponseExpectations {
  return {
    issuer: idp,
    entityId: sp,
    acsUrl: acs,
    signatures: { keys: [readTrustedKey(key.public)], allowSha1: false },
    decryption: { keys: [], allowLegacy: false },
    allowUnsolicited: false,
    now,
    toleranceMs: 60_000,
    ...change,
  };
}

/** The stable code of what is thrown, "accepted" when nothing is. */
export function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return "accepted";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : `not a GatewayError: ${String(error)}`;
  }
}

/** The element itself and everything below it, in document order. */
export function descendants(element: XmlElement): readonly XmlElement[] {
  return [element, ...element.children.filter((child) => typeof child !== "string").flatMap(descendants)];
}
