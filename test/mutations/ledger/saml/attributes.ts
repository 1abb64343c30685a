import type { SecurityPromise } from "../../mutation.ts";

export const attributes: readonly SecurityPromise[] = [
  {
    promise: "Repeated attributes merge.",
    mutations: [
      {
        file: "src/protocol/saml/attributes.ts",
        find: "const known = merged.get(name) ??",
        replace: "const known =",
        test: "test/protocol/saml/claims.test.ts",
        named: "reading repeated attributes merge",
      },
    ],
  },
  {
    promise: "Attributes go into a Map: the names that objects have by birth are only names.",
    mutations: [
      {
        file: "src/protocol/saml/saml-claims.ts",
        find: "const claims = new Map<string, unknown>();",
        replace:
          "const bag: Record<string, unknown> = {};\n  const claims = { set: (name: string, value: unknown) => void (bag[name] = value), has: (name: string) => name in bag, get: (name: string) => bag[name], delete: (name: string) => delete bag[name], [Symbol.iterator]: () => Object.entries(bag)[Symbol.iterator]() };",
        test: "test/protocol/saml/claims.test.ts",
        named: "names that objects have by birth are only names",
      },
    ],
  },
  {
    promise: "An EncryptedAttribute is refused, not left out: a rule that denies a group must see it.",
    mutations: [
      {
        file: "src/protocol/saml/attributes.ts",
        find: 'if (childrenOf(statement, namespaces.assertion, "EncryptedAttribute").length > 0)',
        replace: "if (false)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an EncryptedAttribute is refused as saml.malformed",
      },
    ],
  },
  {
    promise: "A text with an element inside is refused: two readers would see two values.",
    mutations: [
      {
        file: "src/protocol/saml/xml-tree.ts",
        find: 'if (element.children.some(isElement)) throw malformed(`${element.name} holds elements where a text was expected`);\n  return element.children.join("");',
        replace: 'return element.children.filter((node) => typeof node === "string").join("");',
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an element inside the NameID is refused as saml.malformed",
      },
    ],
  },
];
