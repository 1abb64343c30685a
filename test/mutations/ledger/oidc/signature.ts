import type { SecurityPromise } from "../../mutation.ts";

const basic = "test/conformance/basic-rp.test.ts";
const keys = "src/protocol/provider-keys.ts";
const jws = "src/protocol/compact-jws.ts";

/** Whose word a token is. */
export const oidcSignature: readonly SecurityPromise[] = [
  {
    promise: "An ID token's signature is verified, with a key of that issuer.",
    mutations: [
      {
        file: keys,
        find: "await compactVerify(token, key);",
        replace: "",
        test: basic,
        named: "rp-id_token-sig: RS256 is verified, and refused when the signature is broken",
      },
      {
        file: keys,
        find: "await compactVerify(token, key);",
        replace: 'if (token.endsWith(".")) await compactVerify(token, key);',
        test: basic,
        named: "a token signed by a key of somebody else is refused under the same kid",
      },
      {
        file: keys,
        find: "const keys = await document.get();",
        replace:
          'const inside = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).jwk;\n' +
          "      const keys = inside === undefined ? await document.get() : [inside];",
        test: basic,
        named: "a key inside the token's own header is not looked at",
      },
      {
        file: keys,
        find: 'if (value.use !== undefined && value.use !== "sig") return null;',
        replace: "",
        test: basic,
        named: "a key for encryption is no signature key, whatever its kid",
      },
    ],
  },
  {
    promise: "The algorithm is asymmetric, whatever is announced or configured, and one of those that are.",
    mutations: [
      {
        file: jws,
        find: 'if (typeof alg !== "string" || !algorithms.includes(alg))',
        replace: 'if (typeof alg !== "string")',
        test: "test/conformance/back-channel-logout.test.ts",
        named: "the algorithm must be one of those registered",
      },
      {
        file: "src/protocol/signing-algorithms.ts",
        find: "(configured.length > 0 ? configured : announced)",
        replace: "announced",
        test: basic,
        named: "signingAlgorithms narrows what the provider announces",
      },
      {
        file: "src/protocol/signing-algorithms.ts",
        find: ".filter((name) => asymmetricAlgorithms.includes(name))",
        replace: "",
        test: "test/protocol/provider-documents.test.ts",
        named: "a probe tells what is wrong and never throws",
      },
    ],
  },
  {
    promise: "Critical header extensions are refused.",
    mutations: [
      {
        file: jws,
        find: "if (header.crit !== undefined || header.b64 !== undefined)",
        replace: "if (header.crit === null)",
        test: "test/protocol/verify-bearer.test.ts",
        named: "a bearer token: the header makes a known extension",
      },
    ],
  },
];
