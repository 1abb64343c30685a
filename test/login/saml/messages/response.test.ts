import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../../src/core/errors.ts";
import { checkRequest } from "../../../../src/login/saml/login.ts";
import { decodePosted, type ResponseExpectations, verifyResponse } from "../../../../src/login/saml/messages/response.ts";
import { readTrustedKey } from "../../../../src/login/saml/signature/trusted-keys.ts";
import * as saml from "../../../support/saml-documents.ts";

const key = saml.aKey();
const { acs, at, sp } = saml;
const verify = (parts: saml.Parts = {}, change: Partial<ResponseExpectations> = {}, signing: saml.Signing = "both") =>
  verifyResponse(saml.aSignedResponse(signing, key, parts), saml.expecting(key, change));

test.each(saml.signings)("a good answer with a signed %s gives every fact", (signing) => {
  expect(verify({}, {}, signing)).toEqual({
    assertionId: "_assertion",
    replayUntil: saml.now + 300_000 + 60_000,
    inResponseTo: "_request",
    nameId: { value: "alice", format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", nameQualifier: null, spNameQualifier: null },
    sessionIndex: "_index",
    authnInstant: saml.now - 10_000,
    authnContext: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
    sessionEndsAt: saml.now + 28_800_000,
    attributes: [{ name: "email", friendlyName: null, values: ["alice@acme.example"] }],
    signedBy: { fingerprint: readTrustedKey(key.public).fingerprint, expiresAt: null },
  });
});

test.each([
  { code: "AuthnFailed", is: "saml.status" },
  { code: "RequestDenied", is: "saml.status" },
  { code: "NoAuthnContext", is: "saml.authn-context" },
  { code: "NoAvailableIDP", is: "login.provider-busy" },
  { code: "InvalidNameIDPolicy", is: "setup.request" },
  { code: "RequestUnsupported", is: "setup.request" },
])("the status $code is $is", ({ code, is }) => {
  expect(saml.codeOf(() => verify({ status: nested(code) }))).toBe(is);
});

const nested = (codes: string) =>
  `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${codes}"/></samlp:StatusCode><samlp:StatusMessage>No way in</samlp:StatusMessage></samlp:Status>`;

describe.each(["response", "assertion"] as const)("signed %s", (signing) => {
  test.each<{ when: string; parts: saml.Parts; code: string; change?: Partial<ResponseExpectations> }>([
    { when: "Version 1.1 of the Response", parts: { responseAttributes: saml.headAttributes({ Version: "1.1" }) }, code: "saml.malformed" },
    {
      when: "Version 1.1 of the Assertion",
      parts: { assertionAttributes: saml.assertionHead({ Version: "1.1" }) },
      code: "saml.malformed",
    },
    { when: "no Destination", parts: { responseAttributes: saml.headAttributes({ Destination: null }) }, code: "saml.destination" },
    { when: "an empty Destination", parts: { responseAttributes: saml.headAttributes({ Destination: "" }) }, code: "saml.destination" },
    {
      when: "another's Destination",
      parts: { responseAttributes: saml.headAttributes({ Destination: `${acs}/x` }) },
      code: "saml.destination",
    },
    { when: "no Issuer of the Response", parts: { responseIssuer: "" }, code: "saml.issuer-unknown" },
    { when: "another Issuer of the Response", parts: { responseIssuer: saml.issuer("https://evil.example") }, code: "saml.issuer-unknown" },
    {
      when: "another Issuer of the Assertion",
      parts: { assertionIssuer: saml.issuer("https://evil.example") },
      code: "saml.issuer-unknown",
    },
    { when: "an Issuer that only begins alike", parts: { assertionIssuer: saml.issuer(`${saml.idp}/`) }, code: "saml.issuer-unknown" },
    {
      when: "an Issuer of another format",
      parts: { assertionIssuer: `<saml:Issuer Format="urn:x">${saml.idp}</saml:Issuer>` },
      code: "saml.issuer-unknown",
    },
    { when: "a refusal", parts: { status: nested("AuthnFailed") }, code: "saml.status" },
    { when: "a refusal that holds a Success", parts: { status: nested("Success") }, code: "saml.status" },
    { when: "NoPassive", parts: { status: nested("NoPassive") }, code: "saml.status" },
    { when: "no Status", parts: { status: "" }, code: "saml.malformed" },
    { when: "no confirmation", parts: { confirmation: "" }, code: "saml.conditions" },
    { when: "only sender-vouches", parts: { confirmation: saml.bearer({}, "sender-vouches") }, code: "saml.conditions" },
    { when: "only holder-of-key", parts: { confirmation: saml.bearer({}, "holder-of-key") }, code: "saml.conditions" },
    { when: "no Recipient", parts: { confirmation: saml.bearer({ Recipient: null }) }, code: "saml.destination" },
    {
      when: "another's Recipient",
      parts: { confirmation: saml.bearer({ Recipient: "https://other.example/acs" }) },
      code: "saml.destination",
    },
    { when: "a confirmation without an end", parts: { confirmation: saml.bearer({ NotOnOrAfter: null }) }, code: "saml.malformed" },
    { when: "a confirmation that ended", parts: { confirmation: saml.bearer({ NotOnOrAfter: at(-61) }) }, code: "saml.clock-skew" },
    { when: "a confirmation with NotBefore", parts: { confirmation: saml.bearer({ NotBefore: at(-10) }) }, code: "saml.conditions" },
    {
      when: "a signed InResponseTo that the Response contradicts",
      parts: { confirmation: saml.bearer({ InResponseTo: "_another" }) },
      code: "saml.request-expired",
    },
    {
      when: "an InResponseTo outside the confirmation only",
      parts: { confirmation: saml.bearer({ InResponseTo: null }) },
      code: "saml.request-expired",
    },
    {
      when: "an unsolicited answer",
      parts: { confirmation: saml.bearer({ InResponseTo: null }), responseAttributes: saml.headAttributes({ InResponseTo: null }) },
      code: "saml.unsolicited",
    },
    { when: "no Conditions", parts: { conditions: "" }, code: "saml.malformed" },
    { when: "no audience", parts: { conditions: saml.conditions("") }, code: "saml.audience" },
    { when: "another's audience", parts: { conditions: saml.conditions(saml.audience("https://other.example")) }, code: "saml.audience" },
    {
      when: "a second restriction to somebody else",
      parts: { conditions: saml.conditions(saml.audience(sp) + saml.audience("https://other.example")) },
      code: "saml.audience",
    },
    {
      when: "an unknown condition",
      parts: {
        conditions: saml.conditions(
          `${saml.audience(sp)}<saml:Condition xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:d="urn:d" xsi:type="d:T"/>`,
        ),
      },
      code: "saml.conditions",
    },
    {
      when: "conditions of a later time",
      parts: { conditions: saml.conditions(saml.audience(sp), { NotBefore: at(61) }) },
      code: "saml.clock-skew",
    },
    {
      when: "conditions that ended",
      parts: { conditions: saml.conditions(saml.audience(sp), { NotOnOrAfter: at(-61) }) },
      code: "saml.clock-skew",
    },
    {
      when: "an instant without a zone",
      parts: { conditions: saml.conditions(saml.audience(sp), { NotOnOrAfter: "2026-01-15T12:00:00" }) },
      code: "saml.malformed",
    },
    {
      when: "a Response of tomorrow",
      parts: { responseAttributes: saml.headAttributes({ IssueInstant: at(61) }) },
      code: "saml.clock-skew",
    },
    {
      when: "an Assertion of tomorrow",
      parts: { assertionAttributes: saml.assertionHead({ IssueInstant: at(61) }) },
      code: "saml.clock-skew",
    },
    {
      when: "an Assertion of the day before",
      parts: { assertionAttributes: saml.assertionHead({ IssueInstant: at(-86_461) }) },
      code: "saml.clock-skew",
    },
    { when: "no login", parts: { authnStatement: "" }, code: "saml.conditions" },
    { when: "a login in the future", parts: { authnStatement: saml.login({ AuthnInstant: at(61) }) }, code: "saml.clock-skew" },
    { when: "a session that has ended", parts: { authnStatement: saml.login({ SessionNotOnOrAfter: at(-1) }) }, code: "saml.clock-skew" },
    { when: "an empty NameID", parts: { nameId: "<saml:NameID> </saml:NameID>" }, code: "saml.malformed" },
    {
      when: "an element inside the NameID",
      parts: { nameId: "<saml:NameID>alice<b xmlns=''/>.evil</saml:NameID>" },
      code: "saml.malformed",
    },
    { when: "an EncryptedAttribute", parts: { attributes: "<saml:EncryptedAttribute/>" }, code: "saml.malformed" },
  ])("$when is refused as $code", ({ parts, code, change }) => {
    expect(saml.codeOf(() => verify(parts, change, signing))).toBe(code);
  });

  test.each<{ when: string; parts: saml.Parts; change?: Partial<ResponseExpectations> }>([
    { when: "clocks 59 s apart", parts: { conditions: saml.conditions(saml.audience(sp), { NotBefore: at(59), NotOnOrAfter: at(3600) }) } },
    { when: "an end 59 s ago", parts: { confirmation: saml.bearer({ NotOnOrAfter: at(-59) }) } },
    {
      when: "OneTimeUse and ProxyRestriction",
      parts: { conditions: saml.conditions(`${saml.audience(sp)}<saml:OneTimeUse/><saml:ProxyRestriction Count="0"/>`) },
    },
    { when: "our audience among others", parts: { conditions: saml.conditions(saml.audience("https://other.example", sp)) } },
    {
      when: "a usable confirmation after an unusable one",
      parts: { confirmation: saml.bearer({}, "holder-of-key") + saml.bearer({ Recipient: "https://other.example" }) + saml.bearer() },
    },
    {
      when: "an assertion that lives 20 hours (LemonLDAP::NG)",
      parts: {
        confirmation: saml.bearer({ NotOnOrAfter: at(72_000) }),
        conditions: saml.conditions(saml.audience(sp), { NotOnOrAfter: at(72_000) }),
      },
    },
    { when: "no SessionNotOnOrAfter and no NameID", parts: { authnStatement: saml.login({ SessionNotOnOrAfter: null }), nameId: "" } },
    { when: "white space around values", parts: { conditions: saml.conditions(saml.audience(`\n  ${sp}\n `)) } },
    {
      when: "an unsolicited answer where that is allowed",
      parts: { confirmation: saml.bearer({ InResponseTo: null }), responseAttributes: saml.headAttributes({ InResponseTo: null }) },
      change: { allowUnsolicited: true },
    },
  ])("$when is accepted", ({ parts, change }) => {
    expect(saml.codeOf(() => verify(parts, change, signing))).toBe("accepted");
  });
});

test("operators read the measured values", () => {
  const messageOf = (parts: saml.Parts, change: Partial<ResponseExpectations> = {}) => {
    try {
      verify(parts, change);
    } catch (error) {
      return error instanceof GatewayError ? error.message : "";
    }
    return "accepted";
  };
  expect(messageOf({ conditions: saml.conditions(saml.audience(sp), { NotBefore: at(93) }) })).toMatch(
    /93 s in the future \(tolerance 60 s\)/,
  );
  expect(messageOf({ conditions: saml.conditions(saml.audience("https://other.example")) })).toContain(
    `https://other.example, we are ${sp}`,
  );
  const other = readTrustedKey(saml.aKey().public);
  expect(messageOf({}, { signatures: { keys: [other], allowSha1: false } })).toContain(other.fingerprint);
  expect(messageOf({ status: nested("AuthnFailed") })).toContain("Responder / AuthnFailed: No way in");
});

test("every key of the provider is tried, wherever it stands in the list", () => {
  const keys = [saml.aKey(), saml.aKey("ec"), key].map((each) => readTrustedKey(each.public));
  expect(verify({}, { signatures: { keys, allowSha1: false } }).signedBy.fingerprint).toBe(keys[2]?.fingerprint);
  expect(saml.codeOf(() => verify({}, { signatures: { keys: [], allowSha1: false } }))).toBe("saml.signature");
});

describe("what this browser asked for", () => {
  const answer = verify();
  const asked = { id: "_request", startedAt: saml.now - 60_000, authnContext: [], forceAuthn: false, toleranceMs: 60_000 };
  test.each([
    { when: "its own request", change: {}, code: "accepted" },
    { when: "another browser's request", change: { id: "_other" }, code: "saml.request-expired" },
    { when: "a strength that was given", change: { authnContext: ["x", answer.authnContext ?? ""] }, code: "accepted" },
    { when: "a strength that was not given", change: { authnContext: ["urn:mfa"] }, code: "saml.authn-context" },
    { when: "a new login that there was", change: { forceAuthn: true }, code: "accepted" },
    { when: "a new login that there was not", change: { forceAuthn: true, startedAt: saml.now + 51_000 }, code: "saml.authn-context" },
  ])("$when: $code", ({ change, code }) => {
    expect(saml.codeOf(() => checkRequest(answer, { ...asked, ...change }))).toBe(code);
  });
});

test("a posted message is base64 of UTF-8, of a bounded size", () => {
  expect(
    decodePosted(
      Buffer.from("\ufeff<a>é</a>")
        .toString("base64")
        .replace(/(.{5})/, "$1\r\n"),
    ),
  ).toBe("<a>é</a>");
  expect(saml.codeOf(() => decodePosted("<a/>"))).toBe("saml.malformed");
  expect(saml.codeOf(() => decodePosted(Buffer.from([0x3c, 0xc3, 0x28]).toString("base64")))).toBe("saml.malformed");
  expect(saml.codeOf(() => decodePosted("A".repeat(400_000)))).toBe("saml.malformed");
});
