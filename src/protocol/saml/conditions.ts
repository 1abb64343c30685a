import { GatewayError } from "../../core/errors.ts";
import { type Now, readInstant, refuseFuture, refusePast } from "./instants.ts";
import { attributeOf, childrenOf, elementsOf, namespaces, requiredChild, trimmedTextOf, type XmlElement } from "./xml-tree.ts";

const saml = namespaces.assertion;

/**
 * Checks the Conditions of an assertion (Core 2.5.1) and answers their NotOnOrAfter, null when there is none. A condition that is not
 * known may be the one that forbids this use, so it is refused; without an audience the assertion was made for everybody, and anybody
 * who received it could use it here.
 */
export function checkConditions(assertion: XmlElement, entityId: string, at: Now): number | null {
  const conditions = requiredChild(assertion, saml, "Conditions");
  const notBefore = attributeOf(conditions, "NotBefore");
  if (notBefore !== null) refuseFuture("NotBefore of the Conditions", readInstant("NotBefore", notBefore), at);
  const notOnOrAfter = attributeOf(conditions, "NotOnOrAfter");
  const end = notOnOrAfter === null ? null : readInstant("NotOnOrAfter", notOnOrAfter);
  if (end !== null) refusePast("NotOnOrAfter of the Conditions", end, at);
  // OneTimeUse holds anyway: every assertion is accepted once. ProxyRestriction concerns assertions that we would issue ourselves.
  const unknown = elementsOf(conditions).find(
    ({ namespace, name }) => namespace !== saml || !["AudienceRestriction", "OneTimeUse", "ProxyRestriction"].includes(name),
  );
  if (unknown !== undefined)
    throw new GatewayError("saml.conditions", `the assertion has the condition ${unknown.name}, which is not known`);
  const restrictions = childrenOf(conditions, saml, "AudienceRestriction");
  if (restrictions.length === 0) throw new GatewayError("saml.audience", `the assertion names no audience, expected ${entityId}`);
  // Several restrictions must all hold; the audiences inside one are alternatives (Core 2.5.1.4).
  for (const restriction of restrictions) {
    const audiences = childrenOf(restriction, saml, "Audience").map(trimmedTextOf);
    if (!audiences.includes(entityId))
      throw new GatewayError("saml.audience", `the assertion is for ${audiences.join(", ").slice(0, 500) || "nobody"}, we are ${entityId}`);
  }
  return end;
}
