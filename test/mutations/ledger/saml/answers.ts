import type { SecurityPromise } from "../../mutation.ts";

export const answers: readonly SecurityPromise[] = [
  {
    promise: "A wrong or absent Destination is refused.",
    mutations: [
      {
        file: "src/protocol/saml/message-head.ts",
        find: "if (destination !== expected.destination)",
        replace: 'if (destination === null || destination === "")',
        test: "test/protocol/saml/response.test.ts",
        named: "signed response another's Destination is refused as saml.destination",
      },
      {
        file: "src/protocol/saml/message-head.ts",
        find: "if (destination !== expected.destination)",
        replace: "if (destination !== null && destination !== expected.destination)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response no Destination is refused as saml.destination",
      },
      {
        file: "src/protocol/saml/message-head.ts",
        find: "if (destination !== expected.destination)",
        replace: 'if (destination !== "" && destination !== expected.destination)',
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an empty Destination is refused as saml.destination",
      },
    ],
  },
  {
    promise: "A wrong or absent Recipient is refused.",
    mutations: [
      {
        file: "src/protocol/saml/subject.ts",
        find: "if (recipient !== acsUrl)",
        replace: "if (recipient === null)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response another's Recipient is refused as saml.destination",
      },
      {
        file: "src/protocol/saml/subject.ts",
        find: "if (recipient !== acsUrl)",
        replace: "if (recipient !== null && recipient !== acsUrl)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response no Recipient is refused as saml.destination",
      },
    ],
  },
  {
    promise: "A wrong or absent Issuer is refused, of the Response and of the Assertion.",
    mutations: [
      {
        file: "src/protocol/saml/message-head.ts",
        find: "  checkIssuer(message, expected.issuer);\n",
        replace: "",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response another Issuer of the Response is refused as saml.issuer-unknown",
      },
      {
        file: "src/protocol/saml/message-head.ts",
        find: "if (value !== issuer ||",
        replace: "if ((value !== null && value !== issuer) ||",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response no Issuer of the Response is refused as saml.issuer-unknown",
      },
      {
        file: "src/protocol/saml/assertion.ts",
        find: "  checkIssuer(assertion, expected.issuer);\n",
        replace: "",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response another Issuer of the Assertion is refused as saml.issuer-unknown",
      },
      {
        file: "src/protocol/saml/message-head.ts",
        find: "if (value !== issuer ||",
        replace: "if (value?.startsWith(issuer) !== true ||",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an Issuer that only begins alike is refused as saml.issuer-unknown",
      },
      {
        file: "src/protocol/saml/message-head.ts",
        find: " || (format !== null && format !== entityFormat))",
        replace: ")",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an Issuer of another format is refused as saml.issuer-unknown",
      },
    ],
  },
  {
    promise: "A confirmation Method other than bearer, or no SubjectConfirmation, is refused.",
    mutations: [
      {
        file: "src/protocol/saml/subject.ts",
        find: 'if (attributeOf(confirmation, "Method") !== bearer) continue;',
        replace: "",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response only sender-vouches is refused as saml.conditions",
      },
      {
        file: "src/protocol/saml/subject.ts",
        find: "throw reason ??",
        replace: 'if (confirmations.length === 0) return { inResponseTo: "_request", notOnOrAfter: at.now + 60_000 };\n  throw reason ??',
        test: "test/protocol/saml/response.test.ts",
        named: "signed response no confirmation is refused as saml.conditions",
      },
    ],
  },
  {
    promise: "A bearer confirmation has an end, which has not passed, and no beginning.",
    mutations: [
      {
        file: "src/protocol/saml/subject.ts",
        find: 'refusePast("NotOnOrAfter of the SubjectConfirmation", notOnOrAfter, at);',
        replace: "",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response a confirmation that ended is refused as saml.clock-skew",
      },
      {
        file: "src/protocol/saml/subject.ts",
        find: 'readInstant("NotOnOrAfter", requiredAttribute(data, "NotOnOrAfter"))',
        replace: 'readInstant("NotOnOrAfter", attributeOf(data, "NotOnOrAfter") ?? new Date(at.now + 60_000).toISOString())',
        test: "test/protocol/saml/response.test.ts",
        named: "signed response a confirmation without an end is refused as saml.malformed",
      },
      {
        file: "src/protocol/saml/subject.ts",
        find: 'if (attributeOf(data, "NotBefore") !== null)',
        replace: "if (false)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response a confirmation with NotBefore is refused as saml.conditions",
      },
    ],
  },
  {
    promise: "A Status other than Success is refused.",
    mutations: [
      {
        file: "src/protocol/saml/response.ts",
        find: 'if (!status.isSuccess) throw new GatewayError("saml.status", `the provider answered ${status.detail}`);',
        replace: "",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response a refusal is refused as saml.status",
      },
      {
        file: "src/protocol/saml/status.ts",
        find: "isSuccess: codes[0] === `${prefix}Success`,",
        replace: "isSuccess: codes.includes(`${prefix}Success`),",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response a refusal that holds a Success is refused as saml.status",
      },
    ],
  },
  {
    promise: "A Version other than 2.0 is refused, of the Response and of the Assertion.",
    mutations: [
      {
        file: "src/protocol/saml/message-head.ts",
        find: 'if (attributeOf(message, "Version") !== "2.0") throw',
        replace: 'if (attributeOf(message, "Version") === null) throw',
        test: "test/protocol/saml/response.test.ts",
        named: "signed response Version 1.1 of the Response is refused as saml.malformed",
      },
      {
        file: "src/protocol/saml/assertion.ts",
        find: 'if (attributeOf(assertion, "Version") !== "2.0") throw',
        replace: 'if (attributeOf(assertion, "Version") === null) throw',
        test: "test/protocol/saml/response.test.ts",
        named: "signed response Version 1.1 of the Assertion is refused as saml.malformed",
      },
    ],
  },
  {
    promise: "An unsigned InResponseTo that the signed confirmation does not have is refused.",
    mutations: [
      {
        file: "src/protocol/saml/response.ts",
        find: "if (claimed !== null && claimed !== inResponseTo)",
        replace: "if (inResponseTo !== null && claimed !== null && claimed !== inResponseTo)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed assertion an InResponseTo outside the confirmatio… is refused as saml.request-expired",
      },
      {
        file: "src/protocol/saml/response.ts",
        find: "if (claimed !== null && claimed !== inResponseTo)",
        replace: "if (false)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed assertion a signed InResponseTo that the Response… is refused as saml.request-expired",
      },
    ],
  },
  {
    promise: "A SessionNotOnOrAfter in the past is refused.",
    mutations: [
      {
        file: "src/protocol/saml/assertion.ts",
        find: "if (sessionEndsAt !== null) refusePast(",
        replace: "if (false) refusePast(",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response a session that has ended is refused as saml.clock-skew",
      },
    ],
  },
  {
    promise: "An unknown Condition is refused.",
    mutations: [
      {
        file: "src/protocol/saml/conditions.ts",
        find: "if (unknown !== undefined)",
        replace: "if (false)",
        test: "test/protocol/saml/response.test.ts",
        named: "signed response an unknown condition is refused as saml.conditions",
      },
    ],
  },
];
