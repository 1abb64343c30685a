/** Text that is XML already: made by `xml` or `element`, never from a plain string. */
export interface Xml {
  readonly xml: string;
}
/** A plain string becomes escaped text; null and false write nothing. */
export type XmlContent = Xml | string | null | false | readonly XmlContent[];

/**
 * One element. Attributes that are null are left out. Whatever is put in is escaped for its place, so that no value (a RelayState, an
 * organisation's name) can become markup. Element and attribute names are the program's own.
 */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | boolean | number | null>>,
  ...content: XmlContent[]
): Xml {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === null ? [] : [` ${key}="${escapeAttribute(String(value))}"`],
  );
  const inner = content.map(writeContent).join("");
  const open = `<${name}${written.join("")}`;
  return { xml: inner === "" ? `${open}/>` : `${open}>${inner}</${name}>` };
}

function writeContent(content: XmlContent): string {
  if (content === null || content === false) return "";
  if (typeof content === "string") return escapeText(content);
  return "xml" in content ? content.xml : content.map(writeContent).join("");
}

/** Escaped as canonical XML escapes it, so that what is written is already canonical there. */
function escapeText(text: string): string {
  return allowed(text).replace(/[&<>\r]/g, (character) => textEscapes[character] ?? character);
}
function escapeAttribute(text: string): string {
  return allowed(text).replace(/[&<>"\t\n\r]/g, (character) => attributeEscapes[character] ?? character);
}

/** Characters that XML cannot carry even as references. */
function allowed(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
}

const textEscapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;" };
const attributeEscapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#x9;",
  "\n": "&#xA;",
  "\r": "&#xD;",
};
