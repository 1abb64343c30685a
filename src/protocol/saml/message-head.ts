import { GatewayError } from "../../core/errors.ts";
import { type Now, readInstant, refuseStale } from "./instants.ts";
import { attributeOf, malformed, namespaces, onlyChild, requiredAttribute, trimmedTextOf, type XmlElement } from "./xml-tree.ts";

/** Whom a message must be from and addressed to. */
export interface HeadExpectations extends Now {
  /** The provider's entity id. */
  readonly issuer: string;
  /** The endpoint of ours that received it. */
  readonly destination: string;
  /** Default: a day. */
  readonly maxAgeMs?: number;
}

const entityFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/**
 * What every protocol message must be: SAML 2.0, from this provider, for this very endpoint, recent. An absent Destination or Issuer is a
 * wrong one: with it a message made for another service, or by another provider, would pass (Bindings 3.4.5.2, 3.5.5.2).
 */
export function checkHead(message: XmlElement, expected: HeadExpectations): void {
  if (attributeOf(message, "Version") !== "2.0") throw malformed(`the ${message.name} is not SAML 2.0`);
  requiredAttribute(message, "ID");
  checkIssuer(message, expected.issuer);
  const destination = attributeOf(message, "Destination");
  if (destination !== expected.destination)
    throw new GatewayError(
      "saml.destination",
      `the ${message.name} is addressed to ${destination?.slice(0, 500) || "nobody"}, it arrived at ${expected.destination}`,
    );
  const issued = readInstant("IssueInstant", requiredAttribute(message, "IssueInstant"));
  refuseStale(`IssueInstant of the ${message.name}`, issued, expected, expected.maxAgeMs);
}

/** Throws `saml.issuer-unknown` unless the element's Issuer is exactly this entity id. */
export function checkIssuer(element: XmlElement, issuer: string): void {
  const stated = onlyChild(element, namespaces.assertion, "Issuer");
  const format = stated === null ? null : attributeOf(stated, "Format");
  const value = stated === null ? null : trimmedTextOf(stated);
  if (value !== issuer || (format !== null && format !== entityFormat))
    throw new GatewayError("saml.issuer-unknown", `the ${element.name} is from ${value?.slice(0, 500) || "nobody"}, expected ${issuer}`);
}
