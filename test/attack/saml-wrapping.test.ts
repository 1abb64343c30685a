import { describe, expect, test } from "vitest";
import { verifyResponse } from "../../src/login/saml/messages/response.ts";
import {
  aKey,
  anAssertion,
  aResponse,
  aSignedResponse,
  assertionHead,
  codeOf,
  expecting,
  type Signing,
  sign,
  signings,
} from "../support/saml-documents.ts";

// Signature wrapping (Somorovsky et al., "On Breaking SAML", 2012): the signed original is kept somewhere in the document, so that the
// signature verifies, and the gateway is to read the forged copy. The eight classical shapes, on each way of signing.

const key = aKey();
const signaturePattern = /<ds:Signature\b[\s\S]*?<\/ds:Signature>/;
const assertionPattern = /<saml:Assertion\b[\s\S]*<\/saml:Assertion>/;

const signatureIn = (xml: string) => signaturePattern.exec(xml)?.[0] ?? "";
const assertionIn = (xml: string) => assertionPattern.exec(xml)?.[0] ?? "";
const unsigned = (xml: string) => xml.replace(signatureIn(xml), "");
const forged = (xml: string) => xml.replaceAll("alice", "mallory");
const renamed = (xml: string) => xml.replace('ID="_assertion"', 'ID="_evil"').replace('ID="_response"', 'ID="_evil-response"');
const stripAll = (xml: string) => unsigned(unsigned(xml));
const afterIssuer = (xml: string, addition: string) => xml.replace("</saml:Issuer>", `</saml:Issuer>${addition}`);
const intoSignature = (signature: string, hidden: string) => signature.replace("</ds:Signature>", `${hidden}</ds:Signature>`);
const asObject = (hidden: string) => `<ds:Object>${hidden}</ds:Object>`;

/** The signature of the whole Response where there is one, else of the assertion. */
const shapes: readonly { when: string; wrap: (xml: string) => string }[] = [
  {
    when: "XSW1: the original response inside the signature of the forged one",
    wrap: (xml) => afterIssuer(forged(renamed(stripAll(xml))), intoSignature(signatureIn(xml), unsigned(xml))),
  },
  {
    when: "XSW2: the original response before the signature of the forged one",
    wrap: (xml) => afterIssuer(forged(renamed(stripAll(xml))), unsigned(xml) + signatureIn(xml)),
  },
  {
    when: "XSW3: a forged assertion before the original",
    wrap: (xml) => xml.replace(assertionIn(xml), forged(renamed(stripAll(assertionIn(xml)))) + assertionIn(xml)),
  },
  {
    when: "XSW4: the original assertion inside the forged one",
    wrap: (xml) => {
      const evil = forged(renamed(stripAll(assertionIn(xml))));
      return xml.replace(assertionIn(xml), evil.replace("</saml:Assertion>", `${assertionIn(xml)}</saml:Assertion>`));
    },
  },
  {
    when: "XSW5: the signature moved to a forged assertion, the original at the end",
    wrap: (xml) => {
      const original = assertionIn(xml);
      const evil = afterIssuer(forged(renamed(stripAll(original))), signatureIn(xml));
      return stripAll(xml).replace(assertionPattern, evil + stripAll(original));
    },
  },
  {
    when: "XSW6: the original assertion inside the signature of the forged one",
    wrap: (xml) => {
      const original = assertionIn(xml);
      const evil = afterIssuer(forged(renamed(stripAll(original))), intoSignature(signatureIn(xml), stripAll(original)));
      return stripAll(xml).replace(assertionPattern, evil);
    },
  },
  {
    when: "XSW7: the forged assertion in Extensions, under the same ID",
    wrap: (xml) =>
      xml.replace("<samlp:Status>", `<samlp:Extensions>${forged(stripAll(assertionIn(xml)))}</samlp:Extensions><samlp:Status>`),
  },
  {
    when: "XSW8: the original assertion in an Object of the signature",
    wrap: (xml) => {
      const original = assertionIn(xml);
      const evil = afterIssuer(forged(stripAll(original)), intoSignature(signatureIn(xml), asObject(stripAll(original))));
      return stripAll(xml).replace(assertionPattern, evil);
    },
  },
];

describe.each(signings)("with a signed %s", (signing: Signing) => {
  const genuine = aSignedResponse(signing, key);

  test("the genuine answer names alice", () => {
    expect(verifyResponse(genuine, expecting(key)).nameId?.value).toBe("alice");
  });

  test.each(shapes)("$when", ({ wrap }) => {
    const attack = wrap(genuine);
    expect(attack).toContain("mallory");
    expect(attack).toContain("alice");
    expect(attack).toContain("<ds:SignatureValue>");
    expect(codeOf(() => verifyResponse(attack, expecting(key)))).toMatch(/^saml\.(malformed|signature)$/);
  });

  test.each([
    { when: "a changed name", change: forged },
    {
      when: "an added attribute",
      change: (xml: string) =>
        xml.replace(
          "<saml:AttributeStatement>",
          '<saml:AttributeStatement><saml:Attribute Name="groups"><saml:AttributeValue>admins</saml:AttributeValue></saml:Attribute>',
        ),
    },
    { when: "no signature at all", change: stripAll },
    {
      when: "an assertion by another name space's name",
      change: (xml: string) => xml.replace("</samlp:Response>", '<x:Assertion xmlns:x="urn:x"/></samlp:Response>'),
    },
    {
      when: "an assertion beside the one in its place",
      change: (xml: string) =>
        xml.replace("<samlp:Status>", `<samlp:Extensions>${forged(renamed(stripAll(assertionIn(xml))))}</samlp:Extensions><samlp:Status>`),
    },
    {
      when: "a stray signature",
      change: (xml: string) => xml.replace("<samlp:Status>", `<samlp:Extensions>${signatureIn(xml)}</samlp:Extensions><samlp:Status>`),
    },
    {
      when: "a second signature in one place",
      change: (xml: string) => xml.replace(signatureIn(xml), signatureIn(xml) + signatureIn(xml)),
    },
    {
      when: "a second element with the signed ID",
      change: (xml: string) =>
        xml.replace(
          "<samlp:Status>",
          '<samlp:Extensions><x xmlns="urn:x" ID="_assertion"/><x xmlns="urn:x" id="_response"/></samlp:Extensions><samlp:Status>',
        ),
    },
    {
      when: "a whole second answer in Extensions",
      change: (xml: string) =>
        forged(renamed(stripAll(xml))).replace("<samlp:Status>", `<samlp:Extensions>${xml}</samlp:Extensions><samlp:Status>`),
    },
  ])("$when", ({ change }) => {
    expect(codeOf(() => verifyResponse(change(genuine), expecting(key)))).toMatch(/^saml\.(malformed|signature)$/);
  });
});

test("an assertion moved out of a signed response, into one that says what an attacker wants, proves nothing", () => {
  const assertion = assertionIn(aSignedResponse("response", key));
  const shell = aSignedResponse("assertion", aKey());
  expect(codeOf(() => verifyResponse(shell.replace(assertionPattern, assertion), expecting(key)))).toBe("saml.signature");
});

test("a response signed by the provider does not lend its word to an assertion that somebody else signed", () => {
  const stranger = aKey();
  const inner = assertionIn(aSignedResponse("assertion", stranger));
  const outer = sign(aResponse({}, inner), "_response", key);
  expect(codeOf(() => verifyResponse(outer, expecting(key)))).toBe("saml.signature");
});

test("two assertions are refused even when the provider signed them both", () => {
  const other = anAssertion({ assertionAttributes: assertionHead({ ID: "_other" }) });
  const both = (count: number) => sign(aResponse({}, anAssertion() + (count === 2 ? other : "")), "_response", key);
  expect(codeOf(() => verifyResponse(both(1), expecting(key)))).toBe("accepted");
  expect(codeOf(() => verifyResponse(both(2), expecting(key)))).toBe("saml.malformed");
});
