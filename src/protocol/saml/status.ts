import { cleanProviderText } from "../provider-text.ts";
import { namespaces, onlyChild, requiredAttribute, requiredChild, textOf, type XmlElement } from "./xml-tree.ts";

const prefix = "urn:oasis:names:tc:SAML:2.0:status:";

/** How the provider answered. Codes without the common prefix: `Success`, `Responder`, `PartialLogout`. */
export interface Status {
  readonly isSuccess: boolean;
  readonly codes: readonly string[];
  /** For operators: the codes and the provider's own words. */
  readonly detail: string;
}

/** The Status of an answer (Core 3.2.2): the top code decides, the nested ones and the message explain. */
export function readStatus(answer: XmlElement): Status {
  const status = requiredChild(answer, namespaces.protocol, "Status");
  const codes: string[] = [];
  let code: XmlElement | null = requiredChild(status, namespaces.protocol, "StatusCode");
  for (; code !== null && codes.length < 8; code = onlyChild(code, namespaces.protocol, "StatusCode")) {
    codes.push(requiredAttribute(code, "Value"));
  }
  const message = onlyChild(status, namespaces.protocol, "StatusMessage");
  const words = message === null ? "" : cleanProviderText(textOf(message));
  const short = codes.map((value) => cleanProviderText(value.startsWith(prefix) ? value.slice(prefix.length) : value));
  return {
    isSuccess: codes[0] === `${prefix}Success`,
    codes: short,
    detail: words === "" ? short.join(" / ") : `${short.join(" / ")}: ${words}`,
  };
}
