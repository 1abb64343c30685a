import { randomBytes } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { BrowserStep } from "../../../core/ports/login-provider.ts";
import { decodeBase64, fits, ownAlgorithm, signatureAlgorithm, signWith } from "../signature/algorithms.ts";
import { type SigningKey, signXml } from "../signature/sign.ts";
import { badSignature, type SignaturePolicy } from "../signature/verify.ts";
import { decodeXml, messageLimits } from "../xml/parse.ts";
import { malformed, type Xml } from "../xml/tree.ts";

export type MessageName = "SAMLRequest" | "SAMLResponse";

/** A message of the redirect binding, taken apart but not believed yet. */
interface RedirectMessage {
  readonly name: MessageName;
  readonly xml: string;
  readonly relayState: string | null;
  readonly signature: { readonly algorithm: string; readonly value: Buffer; readonly signed: string } | null;
}

const ownParameters = ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];
const deflateEncoding = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

/** The URL that carries a message, signed where there is a key (Bindings 3.4.4.1). A query that the endpoint has already is kept. */
export function redirectUrl(
  endpoint: string,
  message: { readonly name: MessageName; readonly xml: string; readonly relayState: string | null },
  key: SigningKey | null,
): string {
  const packed = deflateRawSync(Buffer.from(message.xml)).toString("base64");
  const parts = [`${message.name}=${encodeURIComponent(packed)}`];
  if (message.relayState !== null) parts.push(`RelayState=${encodeURIComponent(message.relayState)}`);
  if (key !== null) {
    parts.push(`SigAlg=${encodeURIComponent(ownAlgorithm(key.key))}`);
    parts.push(`Signature=${encodeURIComponent(signWith(key.key, parts.join("&")).toString("base64"))}`);
  }
  return `${endpoint}${endpoint.includes("?") ? "&" : "?"}${parts.join("&")}`;
}

/**
 * Takes a redirect apart. `rawQuery` is the query as it was sent, without the `?`: the signature is over those very bytes, and senders
 * differ in how they escape (PHP writes a blank as `+`, lasso as `%20`). A parameter of ours that stands there twice, or under an escaped
 * name, is refused: the signature would be checked over one of them and another one read.
 */
export function readRedirect(rawQuery: string): RedirectMessage {
  const raw = rawParameters(rawQuery);
  const name = raw.has("SAMLRequest") ? "SAMLRequest" : "SAMLResponse";
  const message = raw.get(name);
  if (message === undefined || (raw.has("SAMLRequest") && raw.has("SAMLResponse")))
    throw malformed("the query does not hold exactly one SAML message");
  const encoding = raw.get("SAMLEncoding");
  if (encoding !== undefined && decodeParameter(encoding) !== deflateEncoding) throw malformed("the message's encoding is not known");
  const relayState = raw.get("RelayState");
  return {
    name,
    xml: inflate(message),
    relayState: relayState === undefined ? null : decodeParameter(relayState.replaceAll("+", "%20")),
    signature: readSignature(raw, name),
  };
}

/** Throws `saml.signature` unless the redirect is signed by one of these keys. */
export function verifyRedirect({ name, signature }: RedirectMessage, { keys, allowSha1 }: SignaturePolicy): void {
  if (signature === null) throw badSignature(`the ${name} is not signed`);
  const algorithm = signatureAlgorithm(signature.algorithm, allowSha1);
  if (algorithm === null) throw badSignature(`the signature algorithm ${signature.algorithm.slice(0, 200)} is not accepted`);
  if (!keys.some(({ key }) => fits(algorithm, key, signature.signed, signature.value)))
    throw badSignature(`no known key signed the ${name} (SHA-256 fingerprints tried: ${keys.map((key) => key.fingerprint).join(", ")})`);
}

/** Our parameters with their values as they were sent. */
function rawParameters(rawQuery: string): ReadonlyMap<string, string> {
  if (rawQuery.length > 2 * messageLimits.maxBytes) throw malformed("the query is too long");
  const found = new Map<string, string>();
  for (const part of rawQuery.split("&")) {
    const border = part.indexOf("=");
    const name = border < 0 ? part : part.slice(0, border);
    const meant = ownParameters.find((own) => own === decodeParameter(name.replaceAll("+", "%20")));
    if (meant === undefined) continue;
    if (name !== meant || border < 0 || found.has(meant)) throw malformed(`the parameter ${meant} is repeated or disguised`);
    found.set(meant, part.slice(border + 1));
  }
  return found;
}

/** Over exactly these parameters in exactly this order, whatever the order of arrival (Bindings 3.4.4.1). */
function readSignature(raw: ReadonlyMap<string, string>, name: MessageName): RedirectMessage["signature"] {
  const sigAlg = raw.get("SigAlg");
  const signature = raw.get("Signature");
  if (sigAlg === undefined && signature === undefined) return null;
  const value = decodeBase64(decodeParameter(signature ?? ""));
  if (sigAlg === undefined || value === null) throw badSignature("the redirect's signature is incomplete or not base64");
  const signed = [name, "RelayState", "SigAlg"].flatMap((each) => (raw.has(each) ? [`${each}=${raw.get(each)}`] : [])).join("&");
  return { algorithm: decodeParameter(sigAlg), value, signed };
}

/** A kilobyte can inflate to a megabyte: it is stopped at the size that would be refused anyway. */
function inflate(message: string): string {
  const packed = decodeBase64(decodeParameter(message));
  if (packed === null) throw malformed("the message is not base64");
  return decodeXml(inflated(packed));
}

function inflated(packed: Buffer): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: messageLimits.maxBytes });
  } catch {
    throw malformed(`the message does not inflate, or to more than ${messageLimits.maxBytes} bytes`);
  }
}

function decodeParameter(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed("a parameter is not URL-encoded");
  }
}

export type Binding = "redirect" | "post";
/** Where a provider takes messages, and how. */
export interface Endpoint {
  readonly binding: Binding;
  readonly url: string;
}

/** A fresh message id: 160 random bits, and an NCName as `xs:ID` wants it. */
export const newMessageId = (): string => `_${randomBytes(20).toString("hex")}`;

/**
 * How the browser carries a message there. With a key it is signed as its binding wants: beside the message in a redirect, inside it in a
 * form. RelayState stays under the 80 bytes of Bindings 3.4.3 as long as the caller's does.
 */
export function sendMessage(
  endpoint: Endpoint,
  message: { readonly name: MessageName; readonly document: Xml; readonly relayState: string | null },
  key: SigningKey | null,
): BrowserStep {
  const { name, document, relayState } = message;
  if (endpoint.binding === "redirect")
    return { kind: "redirect", url: redirectUrl(endpoint.url, { name, xml: document.xml, relayState }, key) };
  const xml = key === null ? document.xml : signXml(document, key);
  const fields = { [name]: Buffer.from(xml).toString("base64"), ...(relayState === null ? {} : { RelayState: relayState }) };
  return { kind: "form", action: endpoint.url, fields };
}
