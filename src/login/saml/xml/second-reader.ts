import { type SaxesAttributeNS, SaxesParser } from "saxes";
import { noPrefixes, xmlnsNamespace } from "./tags.ts";
import { isElement, malformed, type XmlAttribute, type XmlElement } from "./tree.ts";

/** An element of our own tree that the other reader has entered, and how many of its children have been met. */
interface Entered {
  readonly element: XmlElement;
  met: number;
}

/**
 * Reads `text` once more with another parser, and throws `saml.malformed` unless that one sees the very tree that ours saw.
 *
 * Two independent readers guard against the fault that neither of them knows of: a document that our parser takes for something else than
 * the provider's own wrote (the parser differentials of CVE-2025-25291, CVE-2025-25292, CVE-2024-45409). The other reader is `saxes`, a
 * strict XML 1.0 and namespaces parser of another author that shares no code with ours. It builds no tree of its own: its events are held
 * against ours as they come, which finds every difference and needs no second copy of a large document. `around` is as for `parseXml`. Compared is all that decides
 * something: names, prefixes, namespaces, attributes, texts and their order.
 */
export function confirmReading(text: string, root: XmlElement, around: XmlElement["scope"] = noPrefixes): void {
  const differs = (what: string) => malformed(`two readers disagree about the document: ${what}`);
  const open: Entered[] = [];
  let closed: XmlElement | null = null;
  let pending = "";

  const next = () => {
    const parent = open.at(-1);
    if (parent === undefined) return closed === null ? root : undefined;
    const node = parent.element.children[parent.met];
    parent.met += 1;
    return node;
  };
  /** A text is over where a tag begins: CDATA sections and references may have brought it in pieces. */
  const endText = () => {
    const found = pending;
    pending = "";
    if (open.length === 0 && found.trim() === "") return;
    if (found !== "" && next() !== found) throw differs("a text");
  };

  const reader = new SaxesParser({ xmlns: true, position: false, additionalNamespaces: Object.fromEntries(around) });
  const refuse = (what: string) => () => {
    throw differs(what);
  };
  reader.on("doctype", refuse("a DOCTYPE"));
  reader.on("processinginstruction", refuse("a processing instruction"));
  reader.on("comment", refuse("a comment"));
  reader.on("text", (piece) => {
    pending += piece;
  });
  reader.on("cdata", (piece) => {
    pending += piece;
  });
  reader.on("opentag", ({ prefix, local, uri, attributes }) => {
    endText();
    const ours = next();
    if (ours === undefined || !isElement(ours)) throw differs(`an element ${local}`);
    if (ours.prefix !== prefix || ours.name !== local || ours.namespace !== uri) throw differs(`the name of ${local}`);
    if (!haveSameAttributes(ours, attributes)) throw differs(`the attributes of ${local}`);
    open.push({ element: ours, met: 0 });
  });
  reader.on("closetag", () => {
    endText();
    const last = open.pop();
    if (last === undefined || last.met !== last.element.children.length) throw differs("where an element ends");
    closed = last.element;
  });
  try {
    reader.write(text).close();
  } catch (error) {
    throw malformed(error instanceof Error ? error.message.slice(0, 200) : String(error));
  }
  if (closed !== root || open.length > 0) throw differs("where the document ends");
}

/** Theirs hold the declarations too, which ours keep apart. In whatever order: a document may have been canonicalised in between. */
function haveSameAttributes({ attributes: ours }: XmlElement, theirs: Readonly<Record<string, SaxesAttributeNS>>): boolean {
  let met = 0;
  for (const name in theirs) {
    const one = theirs[name];
    if (one === undefined || one.uri === xmlnsNamespace) continue;
    const isOne = (own: XmlAttribute | undefined) =>
      own?.name === one.local && own.prefix === one.prefix && own.namespace === one.uri && own.value === one.value;
    if (!isOne(ours[met]) && !ours.some(isOne)) return false;
    met += 1;
  }
  return met === ours.length;
}
