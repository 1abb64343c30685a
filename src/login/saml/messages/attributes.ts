import { attributeOf, childrenOf, elementsOf, isNamed, malformed, namespaces, textOf, type XmlElement } from "../xml/tree.ts";

/** One attribute as the provider sent it. A value that is no text (nested XML) is null: it is there, and cannot be read. */
export interface SamlAttribute {
  readonly name: string;
  readonly friendlyName: string | null;
  readonly values: readonly (string | null)[];
}

/**
 * The attributes of an assertion, those with the same name merged, in the order in which they came. `xsi:type` is ignored: every value is
 * its text. Empty and nil values say nothing and are left out; an attribute without values is still listed, as received.
 */
export function readAttributes(assertion: XmlElement): readonly SamlAttribute[] {
  const merged = new Map<string, { friendlyName: string | null; readonly values: Set<string | null> }>();
  for (const statement of childrenOf(assertion, namespaces.assertion, "AttributeStatement")) {
    // Left out, an encrypted group would be one that nobody is in, and a rule that denies it would let its members pass.
    if (childrenOf(statement, namespaces.assertion, "EncryptedAttribute").length > 0)
      throw malformed("the assertion holds an EncryptedAttribute; encrypt the whole assertion instead");
    for (const attribute of childrenOf(statement, namespaces.assertion, "Attribute")) {
      const name = attributeOf(attribute, "Name") ?? "";
      if (name === "") throw malformed("an Attribute has no Name");
      const known = merged.get(name) ?? { friendlyName: null, values: new Set() };
      known.friendlyName ??= attributeOf(attribute, "FriendlyName");
      for (const value of childrenOf(attribute, namespaces.assertion, "AttributeValue")) addValue(known.values, value);
      merged.set(name, known);
    }
  }
  return [...merged].map(([name, { friendlyName, values }]) => ({ name, friendlyName, values: [...values] }));
}

function addValue(values: Set<string | null>, element: XmlElement): void {
  const isNil = element.attributes.some(
    ({ namespace, name, value }) => namespace === namespaces.schemaInstance && name === "nil" && (value === "true" || value === "1"),
  );
  const text = isNil ? "" : readValue(element);
  if (text !== "") values.add(text);
}

/** eduPersonTargetedID holds a NameID (urn:oid:1.3.6.1.4.1.5923.1.1.1.10); nothing else that is nested means a text. */
function readValue(element: XmlElement): string | null {
  const [nested, ...more] = elementsOf(element);
  if (nested === undefined) return textOf(element);
  const isNameId = more.length === 0 && isNamed(nested, namespaces.assertion, "NameID") && elementsOf(nested).length === 0;
  return isNameId ? textOf(nested) : null;
}
