import { randomBytes } from "node:crypto";
import { bareText } from "./saml-idp-crypto.ts";

/** The messages of our own SAML identity provider as XML text. Written out, so that a reader sees what travels. */

const namespaces =
  'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';

export const newId = (): string => `_${randomBytes(16).toString("hex")}`;
export const iso = (at: number): string => new Date(at).toISOString();
export const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

export interface AnswerModel {
  readonly issuer: string;
  readonly audience: string;
  readonly destination: string;
  readonly inResponseTo: string | null;
  readonly nameId: string;
  readonly sessionIndex: string;
  readonly authnContext: string;
  readonly authnInstant: number;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly now: number;
  readonly id?: string;
}

export function assertionXml(model: AnswerModel): string {
  const answered = model.inResponseTo === null ? "" : ` InResponseTo="${escapeXml(model.inResponseTo)}"`;
  const attributes = Object.entries(model.attributes)
    .map(([name, values]) => {
      const texts = values.map((value) => `<saml:AttributeValue xsi:type="xs:string">${escapeXml(value)}</saml:AttributeValue>`);
      return `<saml:Attribute Name="${escapeXml(name)}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">${texts.join("")}</saml:Attribute>`;
    })
    .join("");
  return `<saml:Assertion ${namespaces} ID="${model.id ?? newId()}" Version="2.0" IssueInstant="${iso(model.now)}"><saml:Issuer>${escapeXml(model.issuer)}</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">${escapeXml(model.nameId)}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData${answered} Recipient="${escapeXml(model.destination)}" NotOnOrAfter="${iso(model.now + 300_000)}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${iso(model.now - 30_000)}" NotOnOrAfter="${iso(model.now + 300_000)}"><saml:AudienceRestriction><saml:Audience>${escapeXml(model.audience)}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="${iso(model.authnInstant)}" SessionIndex="${escapeXml(model.sessionIndex)}" SessionNotOnOrAfter="${iso(model.now + 8 * 3_600_000)}"><saml:AuthnContext><saml:AuthnContextClassRef>${escapeXml(model.authnContext)}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>${attributes}</saml:AttributeStatement></saml:Assertion>`;
}

export function responseXml(
  model: Pick<AnswerModel, "issuer" | "destination" | "inResponseTo" | "now">,
  status: string,
  assertion: string,
): string {
  const answered = model.inResponseTo === null ? "" : ` InResponseTo="${escapeXml(model.inResponseTo)}"`;
  return `<samlp:Response ${namespaces} ID="${newId()}" Version="2.0" IssueInstant="${iso(model.now)}" Destination="${escapeXml(model.destination)}"${answered}><saml:Issuer>${escapeXml(model.issuer)}</saml:Issuer>${statusXml(status)}${assertion}</samlp:Response>`;
}

export interface LogoutModel {
  readonly issuer: string;
  readonly destination: string;
  readonly now: number;
}

export function logoutRequestXml(
  model: LogoutModel & { readonly id: string; readonly nameId: string; readonly sessionIndexes: readonly string[] },
): string {
  const indexes = model.sessionIndexes.map((index) => `<samlp:SessionIndex>${escapeXml(index)}</samlp:SessionIndex>`).join("");
  return `<samlp:LogoutRequest ${namespaces} ID="${model.id}" Version="2.0" IssueInstant="${iso(model.now)}" NotOnOrAfter="${iso(model.now + 300_000)}" Destination="${escapeXml(model.destination)}"><saml:Issuer>${escapeXml(model.issuer)}</saml:Issuer><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">${escapeXml(model.nameId)}</saml:NameID>${indexes}</samlp:LogoutRequest>`;
}

export function logoutResponseXml(model: LogoutModel & { readonly inResponseTo: string; readonly partial: boolean }): string {
  const status = model.partial ? "Responder/PartialLogout" : "Success";
  return `<samlp:LogoutResponse ${namespaces} ID="${newId()}" Version="2.0" IssueInstant="${iso(model.now)}" Destination="${escapeXml(model.destination)}" InResponseTo="${escapeXml(model.inResponseTo)}"><saml:Issuer>${escapeXml(model.issuer)}</saml:Issuer>${statusXml(status)}</samlp:LogoutResponse>`;
}

export function idpMetadataXml(model: {
  readonly entityId: string;
  readonly ssoUrl: string;
  readonly sloUrl: string;
  readonly certificates: readonly string[];
}): string {
  const keys = model.certificates
    .map(
      (certificate) =>
        `<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${bareText(certificate)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
    )
    .join("");
  const at = (name: string, url: string) =>
    ["HTTP-Redirect", "HTTP-POST"]
      .map((binding) => `<md:${name} Binding="urn:oasis:names:tc:SAML:2.0:bindings:${binding}" Location="${escapeXml(url)}"/>`)
      .join("");
  return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="${escapeXml(model.entityId)}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${keys}${at("SingleLogoutService", model.sloUrl)}${at("SingleSignOnService", model.ssoUrl)}</md:IDPSSODescriptor></md:EntityDescriptor>`;
}

/** `Responder/PartialLogout` nests the second code in the first. */
function statusXml(path: string): string {
  const codes = path.split("/").reverse();
  const code = codes.reduce(
    (inner, value) => `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${escapeXml(value)}">${inner}</samlp:StatusCode>`,
    "",
  );
  return `<samlp:Status>${code}</samlp:Status>`;
}
