import fc from "fast-check";
import { SaxesParser } from "saxes";
import { afterEach, describe, expect, test, vi } from "vitest";
import { readLogoutMessage } from "../../../../src/login/saml/messages/logout.ts";
import { verifyResponse } from "../../../../src/login/saml/messages/response.ts";
import { canonicalise } from "../../../../src/login/saml/xml/canonical.ts";
import { parseXml } from "../../../../src/login/saml/xml/parse.ts";
import { confirmReading } from "../../../../src/login/saml/xml/second-reader.ts";
import type { XmlElement, XmlNode } from "../../../../src/login/saml/xml/tree.ts";
import {
  aKey,
  anAssertion,
  aResponse,
  aSignedResponse,
  codeOf,
  expecting,
  idp,
  now,
  sign,
  signings,
  slo,
} from "../../../support/saml-documents.ts";
import { encryptAssertion, redirectUrl } from "../../../support/saml-idp-crypto.ts";
import { logoutRequestXml } from "../../../support/saml-idp-messages.ts";
import { makeSamlKey } from "../../../support/saml-keys.ts";
import { xmlTrees } from "../../../support/xml-trees.ts";

test("both readers see the same in 2,000 documents, as they came and as canonical bytes", () => {
  for (const tree of fc.sample(xmlTrees, 1_000)) {
    const xml = `<root xmlns:p="urn:p0" xmlns:q="urn:q0">${tree}</root>`;
    for (const text of [xml, canonicalise(parseXml(xml), { exclusive: true, prefixes: [] })])
      expect(
        codeOf(() => confirmReading(text, parseXml(text))),
        text,
      ).toBe("accepted");
  }
});

const xml = '<a:r xmlns:a="urn:a" b="1" a:c="2">text<a:n x="y"/>more<![CDATA[ & more]]></a:r>';
const ours = parseXml(xml);
const only = ours.children[1] as XmlElement;
const withChild = (child: XmlNode) => ({ ...ours, children: [ours.children[0] ?? "", child, ours.children[2] ?? ""] });
const attribute = { prefix: "", name: "x", namespace: "", value: "y" };

describe("a difference in one point is found", () => {
  test("(there is none)", () => expect(codeOf(() => confirmReading(xml, ours))).toBe("accepted"));
  test.each<{ what: string; tree: XmlElement }>([
    { what: "a text", tree: { ...ours, children: ["texT", only, "more & more"] } },
    { what: "a text cut short", tree: { ...ours, children: ["text", only, "more"] } },
    { what: "a text that is not there", tree: { ...ours, children: [only, "more & more"] } },
    { what: "a text too many", tree: { ...ours, children: ["text", only, "more & more", "!"] } },
    { what: "an element's name", tree: withChild({ ...only, name: "m" }) },
    { what: "an element's prefix", tree: withChild({ ...only, prefix: "b" }) },
    { what: "an element's namespace", tree: withChild({ ...only, namespace: "urn:b" }) },
    { what: "an element that is not there", tree: { ...ours, children: ["text", "more & more"] } },
    { what: "an element too many", tree: { ...ours, children: [...ours.children, only] } },
    { what: "an element that is a text", tree: withChild("n") },
    { what: "an order", tree: { ...ours, children: ["more & more", only, "text"] } },
    { what: "an attribute's value", tree: withChild({ ...only, attributes: [{ ...attribute, value: "z" }] }) },
    { what: "an attribute's name", tree: withChild({ ...only, attributes: [{ ...attribute, name: "X" }] }) },
    { what: "an attribute's namespace", tree: withChild({ ...only, attributes: [{ ...attribute, namespace: "urn:a" }] }) },
    { what: "an attribute's prefix", tree: withChild({ ...only, attributes: [{ ...attribute, prefix: "a" }] }) },
    { what: "an attribute that is not there", tree: withChild({ ...only, attributes: [] }) },
    { what: "an attribute too many", tree: withChild({ ...only, attributes: [attribute, { ...attribute, name: "z" }] }) },
    { what: "the root", tree: only },
  ])("$what", ({ tree }) => {
    expect(codeOf(() => confirmReading(xml, tree))).toBe("saml.malformed");
  });

  test.each([
    { what: "a comment", text: xml.replace("text", "te<!-- -->xt") },
    { what: "a processing instruction", text: xml.replace("text", "te<?x?>xt") },
    { what: "a DOCTYPE", text: `<!DOCTYPE r>${xml}` },
    { what: "an entity", text: xml.replace("text", "te&e;xt") },
    { what: "a second root", text: xml + xml },
    { what: "a text beside the root", text: `${xml}x` },
    { what: "half a document", text: xml.slice(0, -5) },
    { what: "nothing", text: "" },
  ])("$what that only the other reader sees", ({ text }) => {
    expect(codeOf(() => confirmReading(text, ours))).toBe("saml.malformed");
  });
});

describe("nothing is believed that only one reader has seen", () => {
  const key = aKey();
  afterEach(() => void vi.restoreAllMocks());
  /** The library stays what it is; it is handed another text, as if it read the same bytes in another way. */
  const otherReaderSees = (from: string, to: string) => {
    const real = SaxesParser.prototype.write;
    vi.spyOn(SaxesParser.prototype, "write").mockImplementation(function (this: SaxesParser, text) {
      return real.call(this, typeof text === "string" ? text.replace(from, to) : text);
    });
  };

  test.each(signings)("in an answer with a signed %s", (signing) => {
    const answer = aSignedResponse(signing, key);
    const verify = () => codeOf(() => verifyResponse(answer, expecting(key)));
    expect(verify()).toBe("accepted");
    otherReaderSees("alice", "mallory");
    expect(verify()).toBe("saml.malformed");
  });

  test("in what a signature covers", () => {
    const answer = aSignedResponse("assertion", key);
    otherReaderSees("enveloped-signature", "base64");
    expect(codeOf(() => verifyResponse(answer, expecting(key)))).toBe("saml.malformed");
  });

  test("in an assertion that was encrypted within a signed Response", async () => {
    const gateway = await makeSamlKey("gateway");
    const answer = sign(aResponse({}, encryptAssertion(anAssertion(), gateway.certificate)), "_response", key);
    const expected = expecting(key, { decryption: { keys: [gateway.key], allowLegacy: false } });
    expect(codeOf(() => verifyResponse(answer, expected))).toBe("accepted");
    otherReaderSees("alice", "mallory");
    expect(codeOf(() => verifyResponse(answer, expected))).toBe("saml.decrypt");
  });

  test("in a logout message by redirect", () => {
    const request = logoutRequestXml({ issuer: idp, destination: slo, now, id: "_logout", nameId: "alice", sessionIndexes: [] });
    const rawQuery = redirectUrl(slo, "SAMLRequest", request, null, key.private).split("?")[1] ?? "";
    const { signatures, decryption, issuer, toleranceMs } = expecting(key);
    const read = () =>
      codeOf(() =>
        readLogoutMessage({ binding: "redirect", rawQuery }, { issuer, destination: slo, signatures, decryption, now, toleranceMs }),
      );
    expect(read()).toBe("accepted");
    otherReaderSees("alice", "mallory");
    expect(read()).toBe("saml.logout-rejected");
  });
});
