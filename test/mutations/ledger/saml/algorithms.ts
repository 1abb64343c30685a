import type { SecurityPromise } from "../../mutation.ts";

export const algorithms: readonly SecurityPromise[] = [
  {
    promise: "SHA-1 is refused, in signatures and in digests.",
    mutations: [
      {
        file: "src/protocol/saml/xml-algorithms.ts",
        find: " || allowed(algorithm.hash, allowSha1) === null ?",
        replace: " ?",
        test: "test/attack/saml-signature.test.ts",
        named: "algorithms a SHA-1 signature over a SHA-256 digest: saml.signature",
      },
      {
        file: "src/protocol/saml/xml-algorithms.ts",
        find: "return allowed(digests.get(algorithm) ?? null, allowSha1);",
        replace: "return digests.get(algorithm) ?? null;",
        test: "test/attack/saml-signature.test.ts",
        named: "algorithms a SHA-1 digest under a SHA-256 signature: saml.signature",
      },
    ],
  },
  {
    promise: "No HMAC: whoever reads the public key could sign.",
    mutations: [
      {
        file: "src/protocol/saml/signature.ts",
        find: "if (known === null) throw badSignature(",
        replace:
          'const { createHmac } = process.getBuiltinModule("node:crypto");\n  const hash = algorithm.endsWith("sha1") ? "sha1" : "sha256";\n  const mac = policy.keys.find(({ key: one }) => createHmac(hash, String(one.export({ type: "spki", format: "pem" }))).update(signedInfo).digest().equals(value));\n  if (known === null && mac !== undefined) return { element, key: mac };\n  if (known === null) throw badSignature(',
        test: "test/attack/saml-signature.test.ts",
        named: "algorithms http://www.w3.org/2001/04/xmldsig-more#hmac-sha256 with the public key as its secret is refused",
      },
    ],
  },
  {
    promise: "RSA keys below 2048 bits, other curves than NIST's three and other kinds of keys prove nothing.",
    mutations: [
      {
        file: "src/protocol/saml/trusted-keys.ts",
        find: "const shortestRsaBits = 2048;",
        replace: "const shortestRsaBits = 512;",
        test: "test/attack/saml-signature.test.ts",
        named: "keys 1024 bits of RSA is not taken as a provider's key",
      },
      {
        file: "src/protocol/saml/trusted-keys.ts",
        find: 'if (type === "ec" && ',
        replace: "if (false && ",
        test: "test/attack/saml-signature.test.ts",
        named: "keys a curve that few know is not taken as a provider's key",
      },
      {
        file: "src/protocol/saml/trusted-keys.ts",
        find: 'if (type !== "rsa" && type !== "ec") throw',
        replace: "if (false) throw",
        test: "test/attack/saml-signature.test.ts",
        named: "keys an Ed25519 key is not taken as a provider's key",
      },
    ],
  },
  {
    promise: "At most the two standard transforms, without parameters.",
    mutations: [
      {
        file: "src/protocol/saml/signature-shape.ts",
        find: "if (algorithmOf(second) !== exclusiveC14n) throw badSignature(`the transform ${algorithmOf(second)} is not accepted`);\n  return canonicalForm(second);",
        replace: "return { exclusive: true, prefixes: [] };",
        test: "test/attack/saml-signature.test.ts",
        named: "what the provider itself signs in another way XSLT",
      },
      {
        file: "src/protocol/saml/signature-shape.ts",
        find: 'exactly(transforms, second === undefined ? ["Transform"] : ["Transform", "Transform"]);\n  if (first === undefined || more.length > 0 ||',
        replace: "if (first === undefined ||",
        test: "test/attack/saml-signature.test.ts",
        named: "what the provider itself signs in another way a third transform",
      },
      {
        file: "src/protocol/saml/signature-shape.ts",
        find: "algorithmOf(first) !== enveloped || ",
        replace: "",
        test: "test/attack/saml-signature.test.ts",
        named: "what the provider itself signs in another way base64 in place of the enveloped signat…",
      },
      {
        file: "src/protocol/saml/signature-shape.ts",
        find: " || elementsOf(first).length > 0)",
        replace: ")",
        test: "test/attack/saml-signature.test.ts",
        named: "what the provider itself signs in another way a parameter of the enveloped signature",
      },
      {
        file: "src/protocol/saml/signature-shape.ts",
        find: "algorithm: algorithmOf(childless(required(method))),",
        replace: "algorithm: algorithmOf(required(method)),",
        test: "test/attack/saml-signature.test.ts",
        named: "what the provider itself signs in another way a parameter of the algorithm",
      },
    ],
  },
  {
    promise: "No outbound fetch: a reference outside the message is refused.",
    mutations: [
      {
        file: "src/protocol/saml/encrypted-shape.ts",
        find: 'if (attributeOf(retrieval, "URI")?.startsWith("#") !== true) throw',
        replace: "if (false) throw",
        test: "test/attack/saml-encryption.test.ts",
        named: "keys a RetrievalMethod elsewhere is refused",
      },
    ],
  },
];
