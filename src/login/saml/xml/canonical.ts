import { isElement, malformed, type XmlAttribute, type XmlElement } from "./tree.ts";

export interface CanonicalForm {
  /** Exclusive canonicalisation (xml-exc-c14n), else Canonical XML 1.0. Both without comments: the documents have none. */
  readonly exclusive: boolean;
  /** The PrefixList of exclusive canonicalisation: these prefixes are treated as Canonical XML treats all. `#default` is the empty one. */
  readonly prefixes: readonly string[];
}
type Rendered = ReadonlyMap<string, string>;
interface Output {
  readonly parts: string[];
  size: number;
}

const none: readonly (readonly [string, string])[] = [];

/** A prefix declared once and used by thousands of siblings is written out for each: a small document must not become a huge one. */
const maxGrowth = 4;

/**
 * The bytes over which digests and signatures are made, with `omit` left out (the enveloped-signature transform).
 *
 * Written here because the libraries that do this need more than a second for the largest document that is accepted (measured: xml-crypto
 * 6.3.2, 1.3 s) and the event loop would stand still for as long. What depends on it is whether good signatures verify, never whether a
 * forged one does: the digest is compared over these very bytes, and these very bytes are what is read afterwards, so bytes that the
 * provider did not sign cannot match whatever is done here. `xml:` attributes of ancestors are not inherited in the inclusive form.
 */
export function canonicalise(apex: XmlElement, form: CanonicalForm, omit: XmlElement | null = null, maxBytes = 256 * 1024): string {
  const output: Output = { parts: [], size: maxBytes * maxGrowth };
  write(apex, form, omit, new Map(), output);
  return output.parts.join("");
}

function write(element: XmlElement, form: CanonicalForm, omit: XmlElement | null, outer: Rendered, output: Output): void {
  const missing = missingDeclarations(element, form, outer);
  const rendered = missing.length === 0 ? outer : new Map([...outer, ...missing]);
  const tagName = element.prefix === "" ? element.name : `${element.prefix}:${element.name}`;
  let tag = `<${tagName}`;
  for (const [prefix, namespace] of missing) tag += prefix === "" ? ` xmlns="${namespace}"` : ` xmlns:${prefix}="${namespace}"`;
  for (const attribute of sortedAttributes(element.attributes)) {
    const name = attribute.prefix === "" ? attribute.name : `${attribute.prefix}:${attribute.name}`;
    tag += ` ${name}="${escapeAttribute(attribute.value)}"`;
  }
  push(output, `${tag}>`);
  for (const child of element.children) {
    if (!isElement(child)) push(output, escapeText(child));
    else if (child !== omit) write(child, form, omit, rendered, output);
  }
  push(output, `</${tagName}>`);
}

function push(output: Output, part: string): void {
  output.size -= part.length;
  if (output.size < 0) throw malformed("the document grows too large when it is canonicalised");
  output.parts.push(part);
}

/** The namespace declarations that must be written on this element, in canonical order: the default one first, then by prefix. */
function missingDeclarations(element: XmlElement, form: CanonicalForm, outer: Rendered): readonly (readonly [string, string])[] {
  // Most elements: nothing new comes into use.
  if (
    form.exclusive &&
    form.prefixes.length === 0 &&
    element.attributes.length === 0 &&
    element.namespace === (outer.get(element.prefix) ?? "")
  )
    return none;
  const missing: [string, string][] = [];
  const consider = (prefix: string) => {
    const namespace = element.scope.get(prefix) ?? "";
    if (prefix === "xml" || (prefix !== "" && namespace === "") || (outer.get(prefix) ?? "") === namespace) return;
    if (!missing.some(([known]) => known === prefix)) missing.push([prefix, namespace]);
  };
  if (form.exclusive) {
    consider(element.prefix);
    for (const { prefix } of element.attributes) if (prefix !== "") consider(prefix);
    for (const prefix of form.prefixes) consider(prefix === "#default" ? "" : prefix);
  } else if (element.scope.size > 0) {
    for (const prefix of element.scope.keys()) consider(prefix);
  }
  return missing.length > 1 ? missing.sort(([a], [b]) => compare(a, b)) : missing;
}

function sortedAttributes(attributes: readonly XmlAttribute[]): readonly XmlAttribute[] {
  if (attributes.length < 2) return attributes;
  return attributes.toSorted((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name));
}

/** By code point: nothing of the machine's language may change what was signed. */
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function escapeText(text: string): string {
  if (!/[&<>\r]/.test(text)) return text;
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\r", "&#xD;");
}
function escapeAttribute(text: string): string {
  if (!/[&<"\t\n\r]/.test(text)) return text;
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\t", "&#x9;")
    .replaceAll("\n", "&#xA;")
    .replaceAll("\r", "&#xD;");
}
