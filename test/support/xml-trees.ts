import fc from "fast-check";

/** Well-formed pieces of XML, for a root that binds the prefixes p and q: declarations that shadow and undo each other, odd characters. */
const texts = fc.string({
  unit: fc.constantFrom("a", "é", "𝄞", " ", "\n", "\t", "&amp;", "&lt;", "&gt;", "&#13;", "&#9;", "&quot;", "'", ">"),
});
const declarations = fc.constantFrom(
  "",
  ' xmlns="urn:d"',
  ' xmlns=""',
  ' xmlns:p="urn:p"',
  ' xmlns:p="urn:other"',
  ' xmlns:q="urn:q" xmlns="urn:e"',
);
const attributes = fc.constantFrom("", ' b="1" a="2"', ' p:z="1" q:a="2" x="3"', ' q:b="&quot;&lt;\t"', ' xml:lang="en"');
export const xmlTrees: fc.Arbitrary<string> = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc
    .tuple(
      fc.constantFrom("n", "p:n", "q:m"),
      declarations,
      attributes,
      fc.array(fc.oneof({ depthSize: "small" }, texts, tie("tree")), { maxLength: 4 }),
    )
    .map(([name, declared, attribute, children]) => `<${name}${declared}${attribute}>${children.join("")}</${name}>`),
})).tree;
