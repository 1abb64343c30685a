import { describe, expect, test } from "vitest";
import { verifyResponse } from "../../src/login/saml/messages/response.ts";
import { messageLimits, parseXml } from "../../src/login/saml/xml/parse.ts";
import { aKey, anAssertion, aResponse, aSignedResponse, attribute, codeOf, expecting, sign, signings } from "../support/saml-documents.ts";

// Documents by which two readers see two things, or one reader works for ever. Each is sent with a signature that was genuine before.

const key = aKey();
const verify = (xml: string) => codeOf(() => verifyResponse(xml, expecting(key)));

describe.each(signings)("with a signed %s", (signing) => {
  const genuine = aSignedResponse(signing, key);
  const inName = (text: string) => genuine.replace(">alice<", `>${text}<`);

  test.each([
    { when: "a comment that truncates the name (CVE-2017-11427)", attack: inName("ali<!-- -->ce") },
    { when: "a comment before the root", attack: `<!-- -->${genuine}` },
    { when: "a comment after the root", attack: `${genuine}<!-- -->` },
    { when: "signed text made a processing instruction", attack: genuine.replace("alice</saml:NameID>", "<?x alice?></saml:NameID>") },
    { when: "a processing instruction", attack: inName("alice<?x y?>") },
    { when: "a style sheet", attack: `<?xml-stylesheet href="http://127.0.0.1:9/"?>${genuine}` },
    { when: "a DOCTYPE", attack: `<!DOCTYPE x>${genuine}` },
    { when: "an internal entity", attack: `<!DOCTYPE x [<!ENTITY e "alice">]>${inName("&e;")}` },
    { when: "an external entity", attack: `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${inName("&e;")}` },
    { when: "an external subset", attack: `<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">${genuine}` },
    { when: "an entity that nobody declared", attack: inName("alice&e;") },
    { when: "an HTML entity", attack: inName("alice&nbsp;") },
    { when: "a bare ampersand", attack: inName("alice&") },
    { when: "a reference to NUL", attack: inName("alice&#0;") },
    { when: "a reference to a surrogate", attack: inName("alice&#xD800;") },
    { when: "a reference beyond Unicode", attack: inName("alice&#x110000;") },
    { when: "a control character", attack: inName("alice\u0001") },
    { when: "a lone surrogate", attack: inName("alice\ud800") },
    { when: "two roots", attack: genuine + genuine },
    { when: "another root after the first", attack: `${genuine}<evil/>` },
    { when: "text before the root", attack: `x${genuine}` },
    { when: "text after the root", attack: `${genuine}x` },
    { when: "a second XML declaration", attack: `<?xml version="1.0"?><?xml version="1.0"?>${genuine}` },
    { when: "a declaration of another encoding", attack: `<?xml version="1.0" encoding="UTF-7"?>${genuine}` },
    { when: "a declaration of XML 1.1", attack: `<?xml version="1.1"?>${genuine}` },
    { when: "an attribute twice", attack: genuine.replace('Version="2.0"', 'Version="2.0" Version="2.0"') },
    {
      when: "an undeclared prefix",
      attack: genuine.replace("<samlp:Status>", "<samlp:Extensions><evil:x/></samlp:Extensions><samlp:Status>"),
    },
    {
      when: "a prefix bound again to xml's own name space",
      attack: genuine.replace("<samlp:Status>", '<x xmlns:y="http://www.w3.org/XML/1998/namespace"/><samlp:Status>'),
    },
    { when: "an end tag in another case", attack: genuine.replace("</samlp:Response>", "</samlp:response>") },
    { when: "an unclosed root", attack: genuine.replace("</samlp:Response>", "") },
    { when: "an attribute without quotes", attack: genuine.replace('Version="2.0"', "Version=2.0") },
    { when: "the protocol's names in another name space", attack: genuine.replaceAll("urn:oasis:names:tc:SAML:2.0:protocol", "urn:evil") },
    {
      when: "SAML 1.1's name space",
      attack: genuine.replaceAll("urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:1.0:assertion"),
    },
    { when: "nothing", attack: "" },
    { when: "no XML", attack: "SAMLResponse" },
  ])("$when is refused", ({ attack }) => {
    expect(verify(attack)).toMatch(/^saml\.(malformed|signature|issuer-unknown)$/);
  });

  test("the genuine answer is accepted, with a declaration and with line breaks around it too", () => {
    expect(verify(genuine)).toBe("accepted");
    expect(verify(`<?xml version="1.0" encoding="UTF-8"?>\r\n${genuine}\n`)).toBe("accepted");
  });

  test("a CDATA section is its text, and the signature is over the text", () => {
    expect(verifyResponse(inName("<![CDATA[alice]]>"), expecting(key)).nameId?.value).toBe("alice");
    expect(verify(inName("alice<![CDATA[.evil]]>"))).toBe("saml.signature");
  });
});

describe("bombs", () => {
  const wide = (values: number, text: string) =>
    anAssertion({ attributes: attribute("groups", ...Array.from({ length: values }, () => text)) });
  const tooLarge = `<a>${"x".repeat(messageLimits.maxBytes - 6)}</a>`;
  test.each([
    { when: "one byte too many", attack: tooLarge },
    { when: "a byte too many in fewer characters", attack: `<a>${"é".repeat(messageLimits.maxBytes / 2)}</a>` },
    { when: "65 levels", attack: "<a>".repeat(65) + "</a>".repeat(65) },
    { when: "20,000 levels", attack: "<a>".repeat(20_000) + "</a>".repeat(20_000) },
    { when: "65 attributes", attack: `<a${Array.from({ length: 65 }, (_, at) => ` b${at}=""`).join("")}/>` },
    { when: "20,000 attributes", attack: `<a${Array.from({ length: 20_000 }, (_, at) => ` b${at}=""`).join("")}/>` },
    {
      when: "65 prefixes",
      attack: `<a${Array.from({ length: 32 }, (_, at) => ` xmlns:a${at}="u"`).join("")}><b${Array.from({ length: 33 }, (_, at) => ` xmlns:b${at}="u"`).join("")}/></a>`,
    },
    { when: "60,000 elements", attack: `<a>${"<b/>".repeat(60_000)}</a>` },
    { when: "200,000 opening brackets", attack: `<a>${"<".repeat(200_000)}` },
    { when: "200,000 ampersands", attack: `<a>${"&".repeat(200_000)}` },
    { when: "200,000 blanks in a tag", attack: `<a${" ".repeat(200_000)}` },
  ])("$when are refused", ({ attack }) => {
    expect(codeOf(() => parseXml(attack))).toBe("saml.malformed");
  });

  test("a document at each limit is read", () => {
    expect(codeOf(() => parseXml(tooLarge.replace("x", "")))).toBe("accepted");
    expect(codeOf(() => parseXml("<a>".repeat(64) + "</a>".repeat(64)))).toBe("accepted");
    expect(codeOf(() => parseXml(`<a>${"<b/>".repeat(messageLimits.maxElements - 1)}</a>`))).toBe("accepted");
  });

  test("a long namespace used by thousands of siblings does not grow into megabytes when it is canonicalised", () => {
    const genuine = sign(aResponse({}, anAssertion()), "_response", key);
    const many = "<p:b/>".repeat(6_000);
    const bomb = genuine.replace(
      "<samlp:Status>",
      `<samlp:Extensions xmlns:p="urn:${"x".repeat(100_000)}">${many}</samlp:Extensions><samlp:Status>`,
    );
    expect(verify(bomb)).toBe("saml.malformed");
  });

  test("a person in two thousand groups gets in", () => {
    const xml = aResponse({}, sign(wide(2_000, "CN=Some group,OU=Groups,DC=acme,DC=example"), "_assertion", key));
    expect(verify(xml)).toBe("accepted");
  });
});
