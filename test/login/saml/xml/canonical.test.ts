import { createRequire } from "node:module";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ExclusiveCanonicalization } from "xml-crypto";
import { canonicalise } from "../../../../src/login/saml/xml/canonical.ts";
import { parseXml } from "../../../../src/login/saml/xml/parse.ts";
import { element } from "../../../../src/login/saml/xml/tree.ts";
import { xmlTrees } from "../../../support/xml-trees.ts";

interface Document {
  readonly documentElement: object;
}
const { DOMParser } = createRequire(import.meta.url)("@xmldom/xmldom") as {
  DOMParser: new () => { parseFromString(xml: string): Document };
};
const exclusive = { exclusive: true, prefixes: [] };
const inclusive = { exclusive: false, prefixes: [] };

test("exclusive canonicalisation agrees with xml-crypto on whatever documents", () => {
  fc.assert(
    fc.property(xmlTrees, (tree) => {
      const xml = `<root xmlns:p="urn:p0" xmlns:q="urn:q0" xmlns:unused="urn:u">${tree}</root>`;
      const theirs = new ExclusiveCanonicalization().process(new DOMParser().parseFromString(xml).documentElement as never, {});
      expect(canonicalise(parseXml(xml), exclusive)).toBe(theirs);
    }),
    { numRuns: 300 },
  );
});

test("canonical bytes read back as the same document, in either form", () => {
  fc.assert(
    fc.property(xmlTrees, fc.constantFrom(exclusive, inclusive), (tree, form) => {
      const xml = canonicalise(parseXml(`<root xmlns:p="urn:p0" xmlns:q="urn:q0">${tree}</root>`), form);
      expect(canonicalise(parseXml(xml), form)).toBe(xml);
    }),
    { numRuns: 300 },
  );
});

test.each([
  {
    when: "a default name space undeclared below",
    xml: '<a xmlns="u"><b xmlns=""><c/></b></a>',
    form: exclusive,
    canonical: '<a xmlns="u"><b xmlns=""><c></c></b></a>',
  },
  { when: "an unused prefix", xml: '<a xmlns:x="u"/>', form: exclusive, canonical: "<a></a>" },
  {
    when: "an unused prefix that is listed",
    xml: '<a xmlns:x="u"><b/></a>',
    form: { exclusive: true, prefixes: ["x", "none"] },
    canonical: '<a xmlns:x="u"><b></b></a>',
  },
  {
    when: "an unused prefix in the inclusive form",
    xml: '<a xmlns:x="u" xmlns="d"><b xmlns:x="u"/></a>',
    form: inclusive,
    canonical: '<a xmlns="d" xmlns:x="u"><b></b></a>',
  },
  {
    when: "prefixes in code point order",
    xml: '<a xmlns:b="u" xmlns:B="v" b:x="1" B:y="2"/>',
    form: exclusive,
    canonical: '<a xmlns:B="v" xmlns:b="u" b:x="1" B:y="2"></a>',
  },
  {
    when: "line ends and references",
    xml: '<a x="&#10;&#13;\n\t">\r\n&#13;&gt;]]&gt;</a>',
    form: exclusive,
    canonical: '<a x="&#xA;&#xD;  ">\n&#xD;&gt;]]&gt;</a>',
  },
  { when: "a CDATA section", xml: "<a>x<![CDATA[<&>]]>y</a>", form: exclusive, canonical: "<a>x&lt;&amp;&gt;y</a>" },
])("$when", ({ xml, form, canonical }) => {
  expect(canonicalise(parseXml(xml), form)).toBe(canonical);
});

test("whatever is written is read back as it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (text, value) => {
      // Controls and U+2028 are refused when read; what we write holds none of them.
      fc.pre(!/[\p{Cc}\u2028\ufffe\uffff]/u.test(text + value));
      const read = parseXml(element("a", { b: value }, text).xml);
      expect(read.attributes[0]?.value).toBe(value);
      expect(read.children.join("")).toBe(text);
    }),
  );
  expect(element("a", { b: '"<&', c: null }, "<x/>", [element("d", {}), null, false]).xml).toBe(
    '<a b="&quot;&lt;&amp;">&lt;x/&gt;<d/></a>',
  );
});
