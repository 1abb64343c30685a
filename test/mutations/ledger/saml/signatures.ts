import type { SecurityPromise } from "../../mutation.ts";

export const signatures: readonly SecurityPromise[] = [
  {
    promise: "Unsigned answers are refused.",
    mutations: [
      {
        file: "src/protocol/saml/response.ts",
        find: "const signer = own?.key ?? key;",
        replace: "const signer = own?.key ?? key ?? expected.signatures.keys[0] ?? null;",
        test: "test/attack/saml-wrapping.test.ts",
        named: "with a signed assertion no signature at all",
      },
    ],
  },
  {
    promise: "Identity is read only from bytes whose digest was compared.",
    mutations: [
      {
        file: "src/protocol/saml/signature.ts",
        find: "if (digest.length !== reference.digest.length || !timingSafeEqual(digest, reference.digest))",
        replace: "if (digest.length !== reference.digest.length)",
        test: "test/attack/saml-wrapping.test.ts",
        named: "with a signed assertion a changed name",
      },
    ],
  },
  {
    promise: "The SignatureValue is verified with a known key.",
    mutations: [
      {
        file: "src/protocol/saml/signature.ts",
        find: "const key = policy.keys.find((candidate) => fits(known, candidate.key, signedInfo, value));",
        replace: "const key = policy.keys[0];",
        test: "test/attack/saml-signature.test.ts",
        named: "with a signed assertion a SignatureValue of other bytes is refused",
      },
    ],
  },
  {
    promise: "The signature is for the very element that is read.",
    mutations: [
      {
        file: "src/protocol/saml/signature.ts",
        find: 'if (attributeOf(signed, "ID") !== reference.id) throw',
        replace: "if (false) throw",
        test: "test/attack/saml-signature.test.ts",
        named: "what the provider itself signs in another way a Reference to another element",
      },
    ],
  },
  {
    promise: "The signed ID stands once in the document.",
    mutations: [
      {
        file: "src/protocol/saml/signature.ts",
        find: "if (occurrences(document, reference.id) !== 1) throw",
        replace: "if (occurrences(document, reference.id) < 1) throw",
        test: "test/attack/saml-wrapping.test.ts",
        named: "with a signed assertion a second element with the signed ID",
      },
    ],
  },
  {
    promise: "No signature stands where none belongs.",
    mutations: [
      {
        file: "src/protocol/saml/response.ts",
        find: 'if (countSignatures(root) !== inPlace) throw badSignature("a signature stands where none belongs");',
        replace: "",
        test: "test/attack/saml-wrapping.test.ts",
        named: "with a signed assertion a stray signature",
      },
      {
        file: "src/protocol/saml/signature-shape.ts",
        find: "const [info, valueElement] = exactly(signature, names);",
        replace: "const [info, valueElement] = children;",
        test: "test/attack/saml-signature.test.ts",
        named: "with a signed assertion an Object in the signature is refused",
      },
    ],
  },
  {
    promise: "Exactly one assertion, wherever another may stand.",
    mutations: [
      {
        file: "src/protocol/saml/response.ts",
        find: "inPlace.length !== 1 || anywhere !== 1)",
        replace: "inPlace.length !== 1)",
        test: "test/attack/saml-wrapping.test.ts",
        named: "with a signed assertion an assertion beside the one in its place",
      },
      {
        file: "src/protocol/saml/response.ts",
        find: "if (sole === undefined || inPlace.length !== 1 || anywhere !== 1)",
        replace: "if (sole === undefined)",
        test: "test/attack/saml-wrapping.test.ts",
        named: "two assertions are refused even when the provider signed them both",
      },
      {
        file: "src/protocol/saml/response.ts",
        find: "if (sole === undefined || inPlace.length !== 1 || anywhere !== 1)",
        replace: "if (sole === undefined)",
        test: "test/attack/saml-encryption.test.ts",
        named: "what is inside an unsigned Response cannot be given a second, plain assertion",
      },
    ],
  },
  {
    promise: "A signed Response does not lend its word to an assertion that somebody else signed.",
    mutations: [
      {
        file: "src/protocol/saml/response.ts",
        find: "const own = signatureOf(assertion) === null ? null :",
        replace: "const own = key !== null || signatureOf(assertion) === null ? null :",
        test: "test/attack/saml-wrapping.test.ts",
        named: "a response signed by the provider does not lend its word",
      },
    ],
  },
  {
    promise: "Keys and issuer are bound to the provider whose endpoint was called.",
    mutations: [
      {
        file: "src/protocol/saml/message-head.ts",
        find: "if (value !== issuer || (",
        replace: "if ((",
        test: "test/attack/saml-signature.test.ts",
        named: "keys between two providers, neither can speak for the other, by key or by issuer",
      },
      {
        file: "src/control/login/complete-login.ts",
        find: "if (login.provider !== provider.id) throw",
        replace: "if (false) throw",
        test: "test/attack/saml-binding.test.ts",
        named: "a provider's own, good answer to a request that went to another one signs nobody in (mix-up)",
      },
    ],
  },
  {
    promise: "KeyInfo is ignored: a key that the message carries is not believed.",
    mutations: [
      {
        file: "src/protocol/saml/signature.ts",
        find: "const key = policy.keys.find((candidate)",
        replace:
          'const carried = childrenOf(signature, namespaces.signature, "KeyInfo")\n    .flatMap((info) => childrenOf(info, namespaces.signature, "X509Data"))\n    .flatMap((data) => childrenOf(data, namespaces.signature, "X509Certificate"))\n    .map((each) => ({ key: new (process.getBuiltinModule("node:crypto").X509Certificate)(Buffer.from(textOf(each), "base64")).publicKey, fingerprint: "", expiresAt: null }));\n  const key = [...policy.keys, ...carried].find((candidate)',
        test: "test/attack/saml-signature.test.ts",
        named: "keys a key that the message itself carries is not believed",
      },
    ],
  },
];
