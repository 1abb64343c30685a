import type { SecurityPromise } from "../../mutation.ts";

export const encryption: readonly SecurityPromise[] = [
  {
    promise: "Decryption failures are indistinguishable.",
    mutations: [
      {
        file: "src/protocol/saml/decrypt.ts",
        find: "cause = error;",
        replace: "throw error;",
        test: "test/attack/saml-encryption.test.ts",
        named: "every failure after decryption began looks the same",
      },
    ],
  },
  {
    promise: "AES-CBC is accepted only behind a per-provider switch.",
    mutations: [
      {
        file: "src/protocol/saml/decrypt.ts",
        find: 'cipher.name.endsWith("-cbc") ? algorithm :',
        replace: "false ? algorithm :",
        test: "test/attack/saml-encryption.test.ts",
        named: "algorithms AES-CBC (SimpleSAMLphp)",
      },
    ],
  },
  {
    promise: "RSA PKCS #1 v1.5 is accepted only behind a per-provider switch.",
    mutations: [
      {
        file: "src/protocol/saml/decrypt.ts",
        find: "keys.some((key) => key.algorithm === rsa15) ? rsa15 : null",
        replace: "null",
        test: "test/attack/saml-encryption.test.ts",
        named: "algorithms RSA PKCS #1 v1.5",
      },
    ],
  },
  {
    promise: "What was encrypted is not trusted for that: it must be signed.",
    mutations: [
      {
        file: "src/protocol/saml/response.ts",
        find: "const signer = own?.key ?? key;",
        replace: "const signer = own?.key ?? key ?? expected.signatures.keys[0] ?? null;",
        test: "test/attack/saml-encryption.test.ts",
        named: "what is inside must be signed, itself or by the Response around it",
      },
    ],
  },
  {
    promise: "Every key of ours is tried.",
    mutations: [
      {
        file: "src/protocol/saml/decrypt.ts",
        find: "for (const ours of policy.keys) {",
        replace: "for (const ours of policy.keys.slice(0, 1)) {",
        test: "test/attack/saml-encryption.test.ts",
        named: "keys each of ours is tried, and without any nothing is",
      },
    ],
  },
  {
    promise: "Our keys overlap on rollover: all are published, for signatures and for encryption.",
    mutations: [
      {
        file: "src/protocol/saml/metadata-write.ts",
        find: 'saml.keys.map(({ certificate }) => keyDescriptor("signing", certificate, [])),',
        replace: 'saml.keys.slice(0, 1).map(({ certificate }) => keyDescriptor("signing", certificate, [])),',
        test: "test/protocol/saml/metadata-write.test.ts",
        named: "both keys are published for signatures and for encryption during a rollover",
      },
      {
        file: "src/protocol/saml/metadata-write.ts",
        find: "saml.keys.filter(({ certificate }) => canDecrypt(certificate))",
        replace: "saml.keys.slice(0, 1).filter(({ certificate }) => canDecrypt(certificate))",
        test: "test/protocol/saml/metadata-write.test.ts",
        named: "both keys are published for signatures and for encryption during a rollover",
      },
    ],
  },
];
