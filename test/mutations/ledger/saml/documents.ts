import type { SecurityPromise } from "../../mutation.ts";

export const documents: readonly SecurityPromise[] = [
  {
    promise: "A DOCTYPE is refused.",
    mutations: [
      {
        file: "src/protocol/saml/safe-xml.ts",
        find: 'else if (text[at + 1] === "!") throw malformed("the document has a DOCTYPE or another declaration");',
        replace: 'else if (text[at + 1] === "!") at = text.indexOf(">", at) + 1;',
        test: "test/attack/saml-documents.test.ts",
        named: "with a signed assertion a DOCTYPE is refused",
      },
    ],
  },
  {
    promise: "A processing instruction is refused: signed text could be turned into one.",
    mutations: [
      {
        file: "src/protocol/saml/safe-xml.ts",
        find: 'else if (text[at + 1] === "?") throw malformed("the document has a processing instruction");',
        replace: 'else if (text[at + 1] === "?") at = text.indexOf(">", at) + 1;',
        test: "test/attack/saml-documents.test.ts",
        named: "with a signed assertion a processing instruction is refused",
      },
    ],
  },
  {
    promise: "A comment is refused: it truncates names for some readers.",
    mutations: [
      {
        file: "src/protocol/saml/safe-xml.ts",
        find: "if (!limits.allowComments) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-documents.test.ts",
        named: "with a signed assertion a comment that truncates the name (CVE-… is refused",
      },
    ],
  },
  {
    promise: "An entity beyond the five of XML is refused.",
    mutations: [
      {
        file: "src/protocol/saml/xml-characters.ts",
        find: 'if (badReference.test(raw)) throw malformed("the document uses an entity, or a bare &");',
        replace: 'if (badReference.test(raw)) raw = raw.replace(/&\\w*;?/g, "");',
        test: "test/attack/saml-documents.test.ts",
        named: "with a signed assertion an entity that nobody declared is refused",
      },
    ],
  },
  {
    promise: "Two roots, and text beside the root, are refused.",
    mutations: [
      {
        file: "src/protocol/saml/safe-xml.ts",
        find: "if (roots.length > 0) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-documents.test.ts",
        named: "with a signed assertion another root after the first is refused",
      },
      {
        file: "src/protocol/saml/safe-xml.ts",
        find: 'if (piece.trim() !== "") throw',
        replace: "if (false) throw",
        test: "test/attack/saml-documents.test.ts",
        named: "with a signed assertion text after the root is refused",
      },
    ],
  },
  {
    promise: "More than 256 KiB are refused before parsing, as bytes and not as characters.",
    mutations: [
      {
        file: "src/protocol/saml/safe-xml.ts",
        find: "if (source.length > limits.maxBytes || Buffer.byteLength(source) > limits.maxBytes)",
        replace: "if (false)",
        test: "test/attack/saml-documents.test.ts",
        named: "bombs one byte too many are refused",
      },
      {
        file: "src/protocol/saml/safe-xml.ts",
        find: " || Buffer.byteLength(source) > limits.maxBytes)",
        replace: ")",
        test: "test/attack/saml-documents.test.ts",
        named: "bombs a byte too many in fewer characters are refused",
      },
      {
        file: "src/control/saml/acs-endpoint.ts",
        find: "readForm(request.request, maxMessageFormBytes)",
        replace: "readForm(request.request, 10_000_000)",
        test: "test/control/saml/login.test.ts",
        named: "more than any message needs is refused with 413",
      },
    ],
  },
  {
    promise: "More than 64 levels are refused.",
    mutations: [
      {
        file: "src/protocol/saml/safe-xml.ts",
        find: "if (stack.length >= limits.maxDepth) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-documents.test.ts",
        named: "bombs 65 levels are refused",
      },
    ],
  },
  {
    promise: "More elements, attributes and prefixes than any message needs are refused.",
    mutations: [
      {
        file: "src/protocol/saml/safe-xml.ts",
        find: "if (elements > limits.maxElements) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-documents.test.ts",
        named: "bombs 60,000 elements are refused",
      },
      {
        file: "src/protocol/saml/xml-tags.ts",
        find: "if (raw.length >= limits.maxAttributes) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-documents.test.ts",
        named: "bombs 65 attributes are refused",
      },
      {
        file: "src/protocol/saml/xml-tags.ts",
        find: "if (scope.size > limits.maxPrefixes) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-documents.test.ts",
        named: "bombs 65 prefixes are refused",
      },
    ],
  },
  {
    promise: "A document does not grow into megabytes when it is canonicalised.",
    mutations: [
      {
        file: "src/protocol/saml/xml-canonical.ts",
        find: "if (output.size < 0) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-documents.test.ts",
        named: "bombs a long namespace used by thousands of siblings does not grow into megabytes",
      },
    ],
  },
  {
    promise: "The ACS takes `application/x-www-form-urlencoded` only.",
    mutations: [
      {
        file: "src/control/read-form.ts",
        find: 'if (type !== "application/x-www-form-urlencoded") {',
        replace: "if (false) {",
        test: "test/control/saml/login.test.ts",
        named: "a good answer as plain text is refused with 400",
      },
    ],
  },
  {
    promise: "A form with two answers or two RelayStates is refused.",
    mutations: [
      {
        file: "src/protocol/saml/receive-answer.ts",
        find: "if (values.length > 1) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-binding.test.ts",
        named: "two answers in one form: 400",
      },
      {
        file: "src/protocol/saml/receive-answer.ts",
        find: "if (values.length > 1) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-binding.test.ts",
        named: "two RelayStates: 400",
      },
    ],
  },
  {
    promise: "Deflate bombs stop at the cap.",
    mutations: [
      {
        file: "src/protocol/saml/redirect-binding.ts",
        find: "inflateRawSync(packed, { maxOutputLength: messageLimits.maxBytes })",
        replace: "inflateRawSync(packed)",
        test: "test/protocol/saml/redirect-binding.test.ts",
        named: "a deflate bomb stops at the limit, and does so before any signature is looked at",
      },
    ],
  },
  {
    promise: "An attribute twice in one element, and an undeclared prefix, are refused.",
    mutations: [
      {
        file: "src/protocol/saml/xml-tags.ts",
        find: "if (seen.has(expanded)) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-documents.test.ts",
        named: "with a signed assertion an attribute twice is refused",
      },
      {
        file: "src/protocol/saml/xml-tags.ts",
        find: "if (namespace === undefined) throw malformed(`the prefix ${prefix} is not declared`);\n  return namespace;",
        replace: 'return namespace ?? "";',
        test: "test/attack/saml-documents.test.ts",
        named: "with a signed assertion an undeclared prefix is refused",
      },
    ],
  },
];
