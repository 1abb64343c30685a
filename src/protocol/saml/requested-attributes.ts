import type { AttributeSettings } from "../../core/settings.ts";

/** An attribute that our metadata asks the provider to send. */
export interface RequestedAttribute {
  readonly name: string;
  /** SAML Core 8.2: by what rules the name was made. */
  readonly nameFormat: string;
  readonly isRequired: boolean;
}

const uriFormat = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
const basicFormat = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";

/** The attributes that `attributes` of the configuration reads, each once; only the one that a login cannot do without is required. */
export function requestedAttributes(attributes: AttributeSettings): readonly RequestedAttribute[] {
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
