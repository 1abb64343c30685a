/** Random, repeatable changes of an XML document: what an attacker does to a signed message, and what an honest relay may do to it. */

/** Numbers that depend on the seed alone, so that a failure can be played again (mulberry32). */
export interface Random {
  below(bound: number): number;
  pick<T>(list: readonly T[]): T;
}
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const below = (bound: number) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
  return { below, pick: (list) => list[below(list.length)] as (typeof list)[number] };
}

type Mutation = (xml: string, random: Random) => string;
interface Span {
  readonly from: number;
  readonly to: number;
}

/** One to three of them, one after the other. */
export function mutate(xml: string, random: Random): string {
  let changed = xml;
  for (let left = 1 + random.below(3); left > 0; left -= 1) changed = random.pick(mutations)(changed, random);
  return changed;
}

const tokens = (xml: string): Span[] =>
  [...xml.matchAll(/<[^>]*>|[^<]+/g)].map(({ 0: text, index }) => ({ from: index, to: index + text.length }));
const tags = (xml: string): Span[] => tokens(xml).filter(({ from }) => xml[from] === "<" && xml[from + 1] !== "/");
const texts = (xml: string): Span[] => tokens(xml).filter(({ from }) => xml[from] !== "<");
const values = (xml: string): Span[] =>
  [...xml.matchAll(/="([^"<]*)"/g)].map(({ 1: value = "", index }) => ({ from: index + 2, to: index + 2 + value.length }));

/** Every element with its content, as far as the tags are balanced. */
function elements(xml: string): Span[] {
  const found: Span[] = [];
  const open: number[] = [];
  for (const { from, to } of tokens(xml)) {
    if (xml[from] !== "<") continue;
    if (xml[from + 1] === "/") {
      const start = open.pop();
      if (start !== undefined) found.push({ from: start, to });
    } else if (xml[to - 2] === "/") found.push({ from, to });
    else open.push(from);
  }
  return found;
}

/** One of them; the whole document when it has none left of that kind. */
function one(spans: (xml: string) => readonly Span[], xml: string, random: Random): Span {
  const all = spans(xml);
  return all.length === 0 ? { from: 0, to: xml.length } : random.pick(all);
}
const splice = (xml: string, { from, to }: Span, text: string) => xml.slice(0, from) + text + xml.slice(to);
const at = (place: number): Span => ({ from: place, to: place });
const cut = (xml: string, { from, to }: Span) => xml.slice(from, to);
const inOne =
  (spans: (xml: string) => readonly Span[], change: (text: string, random: Random, xml: string) => string): Mutation =>
  (xml, random) => {
    const span = one(spans, xml, random);
    return splice(xml, span, change(cut(xml, span), random, xml));
  };

const intruders = [
  "<!---->",
  "<!-- x -->",
  "<?x y?>",
  "<![CDATA[]]>",
  "<![CDATA[mallory]]>",
  "&#109;",
  "&amp;",
  "&lt;",
  "&e;",
  "\u0000",
  "\u0085",
  "\u2028",
  "\r\n",
  "\t",
  " ",
  "\ufeff",
  ".evil.example",
  "mallory",
  "]]>",
  "<x/>",
  '<x xmlns="">',
  "</x>",
  '<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">mallory</saml:NameID>',
  "<!DOCTYPE x>",
];
const additions = [
  ' ID="_assertion"',
  ' Id="_response"',
  ' xml:id="_assertion"',
  ' xmlns="urn:x"',
  ' xmlns:saml="urn:x"',
  ' xmlns:ds="urn:x"',
  ' xmlns:p="urn:oasis:names:tc:SAML:2.0:assertion"',
  ' xml:space="preserve"',
  ' xsi:nil="true"',
  ' InResponseTo="_other"',
  ' Recipient="https://evil.example"',
];
const algorithms = [
  "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
  "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
  "http://www.w3.org/2001/10/xml-exc-c14n#",
  "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
  "http://www.w3.org/TR/1999/REC-xslt-19991116",
  "http://www.w3.org/2000/09/xmldsig#base64",
  "http://www.w3.org/2000/09/xmldsig#sha1",
];

const mutations: readonly Mutation[] = [
  // Single characters and short runs.
  (xml, random) =>
    splice(xml, at(random.below(xml.length + 1)), random.pick(["<", ">", "/", '"', "'", "&", "=", ":", " ", "a", "-", "\n"])),
  (xml, random) => {
    const from = random.below(xml.length + 1);
    return splice(xml, { from, to: from + 1 + random.below(8) }, "");
  },
  (xml, random) => {
    const from = random.below(xml.length + 1);
    return splice(xml, at(from), cut(xml, { from, to: from + 1 + random.below(60) }));
  },
  // Markup where none was.
  (xml, random) => splice(xml, at(one(tokens, xml, random).from), random.pick(intruders)),
  inOne(texts, (text, random) => splice(text, at(random.below(text.length + 1)), random.pick(intruders))),
  inOne(values, (value, random) => splice(value, at(random.below(value.length + 1)), random.pick(intruders))),
  inOne(tags, (tag, random) => tag.replace(/\/?>$/, (end) => random.pick(additions) + end)),
  // Elements that move, double, vanish and nest: signature wrapping in every shape.
  inOne(elements, (element) => element + element),
  inOne(elements, () => ""),
  inOne(elements, (_, random, xml) => cut(xml, one(elements, xml, random))),
  (xml, random) => splice(xml, at(one(tokens, xml, random).from), cut(xml, one(elements, xml, random))),
  (xml, random) => {
    const span = one(elements, xml, random);
    const rest = splice(xml, span, "");
    return splice(rest, at(one(tokens, rest, random).from), cut(xml, span));
  },
  inOne(elements, (element) => element.replace("alice", "mallory") + element),
  inOne(elements, (element) => `<ds:Object xmlns:ds="http://www.w3.org/2000/09/xmldsig#">${element}</ds:Object>`),
  // Names, identifiers and algorithms.
  inOne(values, (_, random, xml) => cut(xml, one(values, xml, random))),
  inOne(values, (_, random) => random.pick(algorithms)),
  inOne(tags, (tag) => tag.replace(/^<(\w+):/, "<p:")),
  (xml, random) => xml.replaceAll(random.pick(["saml:", "ds:", "samlp:"]), "q:"),
  (xml) => xml.replace("alice", "mallory"),
  // What changes nothing: these must still be accepted, or be refused, and never read as something else.
  inOne(texts, (text, random) => reference(text, random)),
  inOne(texts, (text) => `<![CDATA[${text}]]>`),
  inOne(tags, (tag) => tag.replace(/="([^"']*)"/, "='$1'")),
  inOne(tags, (tag) => tag.replace(/ (\w+)=/, "\n  $1 = ")),
  inOne(tags, (tag) => tag.replace(/\/>$/, " />")),
  inOne(tags, (tag) => tag.replace(/( [\w:]+="[^"]*")( [\w:]+="[^"]*")/, "$2$1")),
  inOne(tags, (tag) => tag.replace(/^<(\w+):(\w+)([^>]*)\/>$/, "<$1:$2$3></$1:$2>")),
  (xml) => `<?xml version="1.0" encoding="UTF-8"?>\n${xml}\n`,
];

/** One character written as a reference. */
function reference(text: string, random: Random): string {
  const from = random.below(Math.max(text.length, 1));
  const point = text.codePointAt(from) ?? 0x61;
  return splice(text, { from, to: from + String.fromCodePoint(point).length }, `&#x${point.toString(16)};`);
}
