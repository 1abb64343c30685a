import { randomBytes } from "node:crypto";
import type { BrowserStep } from "../../../core/ports/login-provider.ts";
import { type SigningKey, signXml } from "../signature/sign.ts";
import type { Xml } from "../xml/write.ts";
import { type MessageName, redirectUrl } from "./redirect.ts";

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
