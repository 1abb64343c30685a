import { constants, createCipheriv, createSign, createVerify, publicEncrypt, randomBytes, X509Certificate } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { SignedXml } from "xml-crypto";
import type { TestCertificate } from "./certificates.ts";

const rsaSha256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
const enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/** Base64 of a PEM certificate's bytes. */
export const bareText = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, "");

/** Signs one element of a document, by a library that is not the gateway's own: two implementations must agree. */
export function signElement(xml: string, element: string, { key, certificate }: TestCertificate): string {
  const signer = new SignedXml({
    privateKey: key,
    publicCert: certificate,
    signatureAlgorithm: rsaSha256,
    canonicalizationAlgorithm: exclusive,
  });
  const path = `//*[local-name(.)='${element}']`;
  signer.addReference({ xpath: path, transforms: [enveloped, exclusive], digestAlgorithm: "http://www.w3.org/2001/04/xmlenc#sha256" });
  signer.computeSignature(xml, { prefix: "ds", location: { reference: `${path}/*[local-name(.)='Issuer']`, action: "after" } });
  return signer.getSignedXml();
}

/** An EncryptedAssertion: AES-256-GCM, its key by RSA-OAEP. */
export function encryptAssertion(assertion: string, certificate: string): string {
  const [key, iv] = [randomBytes(32), randomBytes(12)];
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const sealed = Buffer.concat([iv, cipher.update(assertion, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64");
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const wrapped = publicEncrypt({ key: new X509Certificate(certificate).publicKey, padding, oaepHash: "sha1" }, key).toString("base64");
  return `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"><ds:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/></xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>${wrapped}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>${sealed}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>`;
}

/** `url` with the message, deflated and signed as the redirect binding wants it. */
export function redirectUrl(
  url: string,
  parameter: "SAMLRequest" | "SAMLResponse",
  xml: string,
  relayState: string | null,
  key: string,
): string {
  const parts = [`${parameter}=${encodeURIComponent(deflateRawSync(xml).toString("base64"))}`];
  if (relayState !== null) parts.push(`RelayState=${encodeURIComponent(relayState)}`);
  parts.push(`SigAlg=${encodeURIComponent(rsaSha256)}`);
  const query = parts.join("&");
  const signature = createSign("sha256").update(query).sign(key, "base64");
  return `${url}${url.includes("?") ? "&" : "?"}${query}&Signature=${encodeURIComponent(signature)}`;
}

/** The XML of a redirect or a form. */
export function readMessage(value: string, binding: "redirect" | "post"): string {
  const bytes = Buffer.from(value, "base64");
  return (binding === "redirect" ? inflateRawSync(bytes) : bytes).toString("utf8");
}

/** Whether the detached signature of a redirect is by this certificate's key. */
export function isSignedQuery(rawQuery: string, certificate: string): boolean {
  const pick = (name: string) => rawQuery.split("&").find((pair) => pair.startsWith(`${name}=`));
  const signed = [pick("SAMLRequest") ?? pick("SAMLResponse"), pick("RelayState"), pick("SigAlg")].filter((pair) => pair !== undefined);
  const signature = decodeURIComponent(pick("Signature")?.slice("Signature=".length) ?? "");
  return createVerify("sha256").update(signed.join("&")).verify(new X509Certificate(certificate).publicKey, signature, "base64");
}

/** Whether the enveloped signature of the root is by this certificate's key. */
export function isSignedDocument(xml: string, certificate: string): boolean {
  const signature = /<(\w+:)?Signature[\s>][\s\S]*?<\/\1?Signature>/.exec(xml)?.[0];
  if (signature === undefined) return false;
  const verifier = new SignedXml({ publicCert: certificate });
  verifier.loadSignature(signature);
  return verifier.checkSignature(xml);
}
