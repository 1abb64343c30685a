import type { SecurityPromise } from "../../mutation.ts";

export const metadata: readonly SecurityPromise[] = [
  {
    promise: "A provider with no usable certificate refuses logins.",
    mutations: [
      {
        file: "src/protocol/saml/metadata-role.ts",
        find: "if (signing.keys.length === 0) throw",
        replace: "if (false) throw",
        test: "test/protocol/saml/metadata-read.test.ts",
        named: "metadata is refused when it has no certificate",
      },
    ],
  },
  {
    promise: "A provider with only expired metadata refuses logins, and what the store kept is no way around that.",
    mutations: [
      {
        file: "src/protocol/saml/metadata-refresh.ts",
        find: "state.held !== null && isValid(state.held, clock()) ? state.held : null",
        replace: "state.held",
        test: "test/protocol/saml/metadata-source.test.ts",
        named: "a document is never used past its validity, not even from the store",
      },
      {
        file: "src/protocol/saml/metadata-load.ts",
        find: "if (isValid(next, clock())) return next;",
        replace: "return next;",
        test: "test/protocol/saml/metadata-source.test.ts",
        named: "when it sends what has expired the last good document stays, counted and logged, and a new gateway takes it up",
      },
    ],
  },
  {
    promise: "Such a login is told as 503.",
    mutations: [
      {
        file: "src/core/errors.ts",
        find: '"saml.metadata-unusable": { status: 503,',
        replace: '"saml.metadata-unusable": { status: 400,',
        test: "test/control/saml/login.test.ts",
        named: "a provider without usable metadata is told as 503, and nothing is signed in",
      },
    ],
  },
  {
    promise: "Verification is never skipped for want of a key.",
    mutations: [
      {
        file: "src/protocol/saml/signature.ts",
        find: "const key = policy.keys.find((candidate) =>",
        replace:
          'const key = policy.keys.length === 0 ? { key: null as never, fingerprint: "", expiresAt: null } : policy.keys.find((candidate) =>',
        test: "test/protocol/saml/response.test.ts",
        named: "every key of the provider is tried, wherever it stands in the list",
      },
    ],
  },
  {
    promise: "All certificates in metadata are tried.",
    mutations: [
      {
        file: "src/protocol/saml/signature.ts",
        find: "const key = policy.keys.find((candidate) =>",
        replace: "const key = policy.keys.slice(0, 1).find((candidate) =>",
        test: "test/protocol/saml/response.test.ts",
        named: "every key of the provider is tried, wherever it stands in the list",
      },
      {
        file: "src/protocol/saml/metadata-keys.ts",
        find: "return { keys: [...keys.values()], notes };",
        replace: "return { keys: [...keys.values()].slice(0, 1), notes };",
        test: "test/protocol/saml/metadata-read.test.ts",
        named: "every key that may sign is listed once, in order",
      },
    ],
  },
  {
    promise: "A certificate that changed unannounced costs nobody a login, and forgeries cost the provider one fetch a minute.",
    mutations: [
      {
        file: "src/protocol/saml/with-current-keys.ts",
        find: "isAboutKeys(error) ? await source.renewed(metadata) : null",
        replace: "null",
        test: "test/e2e/saml-login.test.ts",
        named: "a login by SAML a certificate that changes costs no login, announced or not, and the old one is believed no longer",
      },
      {
        file: "src/protocol/saml/metadata-source.ts",
        find: "(forced === null || Math.abs(now - forced.at) >= forcedPauseMs)",
        replace: "true",
        test: "test/protocol/saml/metadata-source.test.ts",
        named: "a changed certificate is found at the first signature that does not fit, with one fetch a minute at most",
      },
    ],
  },
  {
    promise: "With a metadata signer, only what it signed is read.",
    mutations: [
      {
        file: "src/protocol/saml/metadata-read.ts",
        find: "options.signer === null ? document : verified(document, options.signer, options.allowSha1)",
        replace: "document",
        test: "test/protocol/saml/metadata-read.test.ts",
        named: "metadata is refused when it should be signed and is not",
      },
      {
        file: "src/protocol/saml/metadata-read.ts",
        find: "options.signer === null ? document : verified(document, options.signer, options.allowSha1)",
        replace: "document",
        test: "test/protocol/saml/metadata-read.test.ts",
        named: "metadata is refused when somebody else signed it",
      },
    ],
  },
  {
    promise: "Metadata that was kept counts only under the settings by which it was checked.",
    mutations: [
      {
        file: "src/protocol/saml/metadata-kept.ts",
        find: "[format, metadata, metadataEntity, metadataSigner,",
        replace: "[format, metadata, metadataEntity,",
        test: "test/protocol/saml/metadata-source.test.ts",
        named: "what was kept does not count when another signer is demanded",
      },
    ],
  },
  {
    promise: "Logins go over https, unless `insecure` says otherwise.",
    mutations: [
      {
        file: "src/protocol/saml/metadata-role.ts",
        find: 'if (url.protocol !== "https:" && !(allowHttp && url.protocol === "http:")) return',
        replace: "if (false) return",
        test: "test/protocol/saml/metadata-read.test.ts",
        named: "metadata is refused when logins would go over http",
      },
    ],
  },
  {
    promise: "The last good metadata outlives a provider that is away or sends anything else.",
    mutations: [
      {
        file: "src/protocol/saml/metadata-refresh.ts",
        find: "if (!closing.signal.aborted) state.failure =",
        replace: "state.held = null;\n      if (!closing.signal.aborted) state.failure =",
        test: "test/protocol/saml/metadata-source.test.ts",
        named: "when it breaks off the last good document stays, counted and logged, and a new gateway takes it up",
      },
    ],
  },
];
