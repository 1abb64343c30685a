import type { SecurityPromise } from "../../mutation.ts";

export const logout: readonly SecurityPromise[] = [
  {
    promise: "Unsigned logout messages are refused.",
    mutations: [
      {
        file: "src/protocol/saml/redirect-binding.ts",
        find: "if (signature === null) throw badSignature(`the ${name} is not signed`);",
        replace: "if (signature === null) return;",
        test: "test/protocol/saml/logout.test.ts",
        named: "by redirect unsigned is refused",
      },
      {
        file: "src/protocol/saml/logout-read.ts",
        find: "return { name, message: verifySignature(root, root, signatures).element, relayState };",
        replace: "return { name, message: root, relayState };",
        test: "test/protocol/saml/logout.test.ts",
        named: "by post unsigned is refused",
      },
    ],
  },
  {
    promise: "Logout messages that another key signed, or that were changed, are refused.",
    mutations: [
      {
        file: "src/protocol/saml/redirect-binding.ts",
        find: "if (!keys.some(({ key }) => fits(algorithm, key, signature.signed, signature.value)))",
        replace: "if (keys.length === 0)",
        test: "test/protocol/saml/logout.test.ts",
        named: "by redirect signed by somebody else is refused",
      },
    ],
  },
  {
    promise: "Duplicated or disguised parameters of a redirect are refused.",
    mutations: [
      {
        file: "src/protocol/saml/redirect-binding.ts",
        find: " || found.has(meant)) throw",
        replace: ") throw",
        test: "test/protocol/saml/redirect-binding.test.ts",
        named: "two RelayStates is refused",
      },
      {
        file: "src/protocol/saml/redirect-binding.ts",
        find: " || found.has(meant)) throw",
        replace: ") throw",
        test: "test/protocol/saml/redirect-binding.test.ts",
        named: "two messages is refused",
      },
      {
        file: "src/protocol/saml/redirect-binding.ts",
        find: 'own === decodeParameter(name.replaceAll("+", "%20")))',
        replace: "own === name)",
        test: "test/protocol/saml/redirect-binding.test.ts",
        named: "an escaped second RelayState is refused",
      },
      {
        file: "src/protocol/saml/redirect-binding.ts",
        find: ' || (raw.has("SAMLRequest") && raw.has("SAMLResponse")))',
        replace: ")",
        test: "test/protocol/saml/redirect-binding.test.ts",
        named: "a request and a response is refused",
      },
    ],
  },
  {
    promise: "In a form, the signature must be the message's own.",
    mutations: [
      {
        file: "src/protocol/saml/signature.ts",
        find: "if (digest.length !== reference.digest.length || !timingSafeEqual(digest, reference.digest))",
        replace: "if (digest.length !== reference.digest.length)",
        test: "test/protocol/saml/logout.test.ts",
        named: "in a form, the signature must be the message's own",
      },
    ],
  },
  {
    promise: "An old logout message is refused, whatever it says of itself.",
    mutations: [
      {
        file: "src/protocol/saml/logout-read.ts",
        find: "checkHead(message, { ...expected, maxAgeMs });",
        replace: "checkHead(message, expected);",
        test: "test/protocol/saml/logout.test.ts",
        named: "by redirect eleven minutes old, without an end is refused",
      },
      {
        file: "src/protocol/saml/logout-read.ts",
        find: "if (notOnOrAfter !== null) refusePast(",
        replace: "if (false) refusePast(",
        test: "test/protocol/saml/logout.test.ts",
        named: "by redirect past its NotOnOrAfter is refused",
      },
    ],
  },
  {
    promise: "A logout message for somebody else, or from another provider, is refused.",
    mutations: [
      {
        file: "src/protocol/saml/logout-read.ts",
        find: "checkHead(message, { ...expected, maxAgeMs });",
        replace: 'checkHead(message, { ...expected, maxAgeMs, destination: attributeOf(message, "Destination") ?? "" });',
        test: "test/protocol/saml/logout.test.ts",
        named: "by redirect addressed to somebody else is refused",
      },
      {
        file: "src/protocol/saml/message-head.ts",
        find: "if (destination !== expected.destination)",
        replace: "if (destination !== null && destination !== expected.destination)",
        test: "test/protocol/saml/logout.test.ts",
        named: "by redirect addressed to nobody is refused",
      },
      {
        file: "src/protocol/saml/message-head.ts",
        find: "  checkIssuer(message, expected.issuer);\n",
        replace: "",
        test: "test/protocol/saml/logout.test.ts",
        named: "by redirect from another provider is refused",
      },
    ],
  },
  {
    promise: "A logout request is obeyed once.",
    mutations: [
      {
        file: "src/control/saml/slo-endpoint.ts",
        find: "if (await isSpent(parts, once)) throw",
        replace: "if (false) throw",
        test: "test/control/saml/logout.test.ts",
        named: "a request taken from the wire ends nothing a second time",
      },
    ],
  },
  {
    promise: "A logout request ends the sessions that it names, or all of the account, and nobody else's.",
    mutations: [
      {
        file: "src/control/saml/slo-endpoint.ts",
        find: 'return providerSessions.map((providerSession) => ({ by: "provider-session", provider, providerSession }));',
        replace: 'return [{ by: "provider-account", provider, providerAccount }];',
        test: "test/control/saml/logout.test.ts",
        named: "a provider's request ends the sessions that it names, in every browser, and is answered",
      },
      {
        file: "src/control/saml/slo-endpoint.ts",
        find: "if (providerSessions.length === 0 || ",
        replace: "if (",
        test: "test/control/saml/logout.test.ts",
        named: "one that names none ends all of the account, and nobody else's",
      },
    ],
  },
  {
    promise: "A logout answer to nothing, or a second one, is refused.",
    mutations: [
      {
        file: "src/control/saml/slo-endpoint.ts",
        find: "if (pending === null || pending.provider !== provider.id) {",
        replace: "if (pending === null) return signedOut(parts, null, complete);\n  if (pending.provider !== provider.id) {",
        test: "test/control/saml/logout.test.ts",
        named: "an answer to nothing, or a second one, is refused",
      },
    ],
  },
];
