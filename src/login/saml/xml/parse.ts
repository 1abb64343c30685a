import { decodeCharacters, noPrefixes, openTag, type XmlLimits } from "./tags.ts";
import { malformed, type XmlElement, type XmlNode } from "./tree.ts";

/** What a SAML message may be at most: real ones are a tenth of this. */
export const messageLimits: XmlLimits = {
  maxBytes: 256 * 1024,
  maxDepth: 64,
  maxElements: 8_000,
  maxAttributes: 64,
  maxPrefixes: 64,
  allowComments: false,
};

interface Open {
  readonly element: XmlElement;
  readonly children: XmlNode[];
  readonly tagName: string;
}

/**
 * Reads XML strictly and in one linear pass, or throws `saml.malformed`.
 *
 * Everything by which two readers could see two documents, or by which a small document becomes large work, is refused before it means
 * anything: DOCTYPE and entities beyond the five of XML, processing instructions (xml-crypto canonicalises them as if they were text, so
 * signed text could be turned into one with its digest unchanged), comments, a second root, text beside it, unbalanced or repeated
 * names, undeclared prefixes, control characters, and sizes and depths past the limits. There is no recovery from an error: a parser
 * that repairs is a parser that guesses. `around` are the prefixes of the place from which a piece of a document was taken.
 */
export function parseXml(source: string, limits: XmlLimits = messageLimits, around: XmlElement["scope"] = noPrefixes): XmlElement {
  if (source.length > limits.maxBytes || Buffer.byteLength(source) > limits.maxBytes)
    throw malformed(`the document is larger than ${limits.maxBytes} bytes`);
  const text = normalise(source);
  const stack: Open[] = [];
  const roots: XmlElement[] = [];
  let at = skipDeclaration(text);
  let elements = 0;

  const addText = (piece: string) => {
    const parent = stack.at(-1);
    if (parent === undefined) {
      if (/[^ \t\n\r]/.test(piece)) throw malformed("there is text outside the root element");
    } else if (piece !== "") {
      const last = parent.children.at(-1);
      if (typeof last === "string") parent.children[parent.children.length - 1] = last + piece;
      else parent.children.push(piece);
    }
  };
  const open = () => {
    if (stack.length >= limits.maxDepth) throw malformed(`the document is nested deeper than ${limits.maxDepth}`);
    const parent = stack.at(-1);
    const tag = openTag(text, at, parent?.element.scope ?? around, limits);
    elements += 1 + tag.attributeCount;
    if (elements > limits.maxElements) throw malformed(`the document has more than ${limits.maxElements} elements and attributes`);
    if (parent === undefined) {
      if (roots.length > 0) throw malformed("the document has more than one root element");
      roots.push(tag.element);
    } else parent.children.push(tag.element);
    if (!tag.isEmpty) stack.push(tag);
    at = tag.end;
  };
  const close = () => {
    const end = text.indexOf(">", at);
    const name = text.slice(at + 2, end < 0 ? at + 80 : end).trimEnd();
    if (end < 0 || stack.pop()?.tagName !== name) throw malformed("an end tag does not match its start tag");
    at = end + 1;
  };

  while (at < text.length) {
    const next = text.indexOf("<", at);
    const end = next < 0 ? text.length : next;
    if (end > at) addText(decodeCharacters(text.slice(at, end)));
    at = end;
    if (next < 0) break;
    if (text.startsWith("<![CDATA[", at)) at = passed(text, at, "<![CDATA[", "]]>", stack.length > 0 ? addText : null);
    else if (text.startsWith("<!--", at)) at = skipComment(text, at, limits);
    else if (text[at + 1] === "!") throw malformed("the document has a DOCTYPE or another declaration");
    else if (text[at + 1] === "?") throw malformed("the document has a processing instruction");
    else if (text[at + 1] === "/") close();
    else open();
  }
  const [root] = roots;
  if (root === undefined || stack.length > 0) throw malformed("the document ends before its root element does");
  return root;
}

/** UTF-8 bytes as text; a byte order mark is dropped, broken bytes are refused rather than replaced. */
export function decodeXml(bytes: Uint8Array, limits: XmlLimits = messageLimits): string {
  if (bytes.byteLength > limits.maxBytes) throw malformed(`the document is larger than ${limits.maxBytes} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed("the document is not UTF-8");
  }
}

/** Line ends as XML 1.0 2.11 wants them. The other characters are checked here once, wherever they may stand. */
function normalise(source: string): string {
  // U+0085 and U+2028 are line ends to some XML libraries and characters to others; nothing needs them here.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\ufffe\uffff]/.test(source) || !source.isWellFormed())
    throw malformed("the document holds characters that XML does not allow");
  return source.includes("\r") ? source.replace(/\r\n?/g, "\n") : source;
}

/** Where the document begins after an optional XML declaration of a known version and encoding, at the very start only. */
function skipDeclaration(text: string): number {
  const start = text.startsWith("\ufeff") ? 1 : 0;
  if (!text.startsWith("<?xml ", start) && !text.startsWith("<?xml\n", start)) return start;
  const declaration =
    /<\?xml\s+version\s*=\s*(?:"1\.0"|'1\.0')(?:\s+encoding\s*=\s*(?:"([\w.-]+)"|'([\w.-]+)'))?(?:\s+standalone\s*=\s*(?:"\w+"|'\w+'))?\s*\?>/y;
  declaration.lastIndex = start;
  const found = declaration.exec(text.slice(0, start + 200));
  const encoding = (found?.[1] ?? found?.[2] ?? "utf-8").toLowerCase();
  if (found === null || (encoding !== "utf-8" && encoding !== "us-ascii")) throw malformed("the XML declaration is not XML 1.0 in UTF-8");
  return start + found[0].length;
}

function skipComment(text: string, at: number, limits: XmlLimits): number {
  if (!limits.allowComments) throw malformed("the document holds a comment");
  return passed(text, at, "<!--", "-->", (body) => {
    if (body.includes("--") || body.endsWith("-")) throw malformed("a comment is not well-formed");
  });
}

/** Past a bracketed piece of the document whose body goes to `take`; null = it may not stand here. */
function passed(text: string, at: number, opening: string, closing: string, take: ((body: string) => void) | null): number {
  const end = text.indexOf(closing, at + opening.length);
  if (take === null || end < 0) throw malformed(`${opening} is misplaced or not closed`);
  take(text.slice(at + opening.length, end));
  return end + closing.length;
}
