import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { verifyResponse } from "../../src/login/saml/messages/response.ts";
import { readTrustedKey } from "../../src/login/saml/signature/trusted-keys.ts";
import { canonicalise } from "../../src/login/saml/xml/canonical.ts";
import { parseXml } from "../../src/login/saml/xml/parse.ts";
import {
  aKey,
  aResponse,
  aSignedResponse,
  codeOf,
  descendants,
  exclusive,
  expecting,
  idp,
  issuer,
  sign,
  signings,
} from "../support/saml-documents.ts";
import { makeSamlKey } from "../support/saml-keys.ts";

const key = aKey();
const attacker = aKey();
const dsig = "http://www.w3.org/2000/09/xmldsig#";
const enveloped = `${dsig}enveloped-signature`;
const publicKey = (pair: { readonly publicKey: KeyObject }) => pair.publicKey.export({ type: "spki", format: "pem" }).toString();
const verify = (xml: string, change: Parameters<typeof expecting>[1] = {}) => codeOf(() => verifyResponse(xml, expecting(key, change)));

describe.each(signings)("with a signed %s", (signing) => {
  const genuine = aSignedResponse(signing, key);
  const edit = (pattern: string | RegExp, replacement: string) => genuine.replace(pattern, replacement);

  test.each([
    { when: "an emptied SignatureValue", attack: edit(/<ds:SignatureValue>[^<]*/, "<ds:SignatureValue>") },
    { when: "a SignatureValue of other bytes", attack: edit(/<ds:SignatureValue>.{8}/, "<ds:SignatureValue>AAAAAAAA") },
    { when: "a SignatureValue with signs that decoders skip", attack: edit("<ds:SignatureValue>", "<ds:SignatureValue>!*") },
    { when: "another digest", attack: edit(/<ds:DigestValue>.{8}/, "<ds:DigestValue>AAAAAAAA") },
    { when: "an emptied digest", attack: edit(/<ds:DigestValue>[^<]*/, "<ds:DigestValue>") },
    { when: "a second DigestValue", attack: edit(/<ds:DigestValue>/, "<ds:DigestValue>AAAA</ds:DigestValue><ds:DigestValue>") },
    { when: "a digest in two pieces (CVE-2025-29775)", attack: edit(/<ds:DigestValue>/, "<ds:DigestValue><!--x-->") },
    { when: "a second SignedInfo (CVE-2025-29774)", attack: edit(/(<ds:SignedInfo>[\s\S]*?<\/ds:SignedInfo>)/, "$1$1") },
    { when: "a second Reference", attack: edit(/(<ds:Reference [\s\S]*?<\/ds:Reference>)/, "$1$1") },
    { when: "no Reference", attack: edit(/<ds:Reference [\s\S]*?<\/ds:Reference>/, "") },
    { when: "a Reference to the whole document", attack: edit(/URI="#[^"]*"/, 'URI=""') },
    { when: "a Reference without URI", attack: edit(/ URI="#[^"]*"/, "") },
    { when: "a Reference to another place", attack: edit(/URI="#[^"]*"/, 'URI="http://127.0.0.1:9/x"') },
    { when: "a Reference to a file", attack: edit(/URI="#[^"]*"/, 'URI="file:///etc/passwd"') },
    { when: "a Reference by XPointer", attack: edit(/URI="#([^"]*)"/, "URI=\"#xpointer(id('$1'))\"") },
    { when: "an XSLT transform", attack: edit(enveloped, "http://www.w3.org/TR/1999/REC-xslt-19991116") },
    {
      when: "an XPath transform",
      attack: edit(
        `<ds:Transform Algorithm="${exclusive}"/>`,
        `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>x</ds:XPath></ds:Transform>`,
      ),
    },
    {
      when: "a third transform",
      attack: edit(
        `<ds:Transform Algorithm="${exclusive}"/>`,
        `<ds:Transform Algorithm="${exclusive}"/><ds:Transform Algorithm="${dsig}base64"/>`,
      ),
    },
    { when: "canonicalisation with comments", attack: genuine.replaceAll(exclusive, `${exclusive}WithComments`) },
    {
      when: "an unknown canonicalisation",
      attack: edit(`CanonicalizationMethod Algorithm="${exclusive}"`, 'CanonicalizationMethod Algorithm="urn:x"'),
    },
    {
      when: "the name of a prototype's member as algorithm",
      attack: edit(/SignatureMethod Algorithm="[^"]*"/, 'SignatureMethod Algorithm="constructor"'),
    },
    { when: "an Object in the signature", attack: edit("</ds:Signature>", "<ds:Object/></ds:Signature>") },
    { when: "a signature in another name space", attack: genuine.replaceAll(dsig, "urn:not-dsig") },
  ])("$when is refused", ({ attack }) => {
    expect(attack).not.toBe(genuine);
    expect(verify(attack)).toMatch(/^saml\.(malformed|signature)$/);
  });

  test("the genuine answer is accepted", () => {
    expect(verify(genuine)).toBe("accepted");
  });

  test("a stranger's signature is refused before the document is canonicalised and hashed for it", () => {
    const changed = aSignedResponse("both", aKey()).replace("alice", "mallory");
    expect(() => verifyResponse(changed, expecting(key))).toThrow("no known key signed the Response");
    // By the provider's own key the digest is looked at, and tells.
    const tampered = aSignedResponse("both", key).replace("alice", "mallory");
    expect(() => verifyResponse(tampered, expecting(key))).toThrow("was changed after it was signed");
  });

  test("a certificate in the document is named by its bytes, and not parsed", () => {
    const bytes = Buffer.from("no certificate at all, and large enough to be one");
    const info = `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${bytes.toString("base64")}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`;
    const answer = aSignedResponse("response", aKey()).replace("</ds:Signature>", `${info}</ds:Signature>`);
    expect(() => verifyResponse(answer, expecting(key))).toThrow(createHash("sha256").update(bytes).digest("hex"));
  });
});

describe("what the provider itself signs in another way", () => {
  /** The SignedInfo of a genuine answer, changed and then signed with the provider's own key: every signature fits, not every one means us. */
  const resigned = (change: (signedInfo: string) => string) => {
    const changed = aSignedResponse("assertion", key).replace(/<ds:SignedInfo>[\s\S]*<\/ds:SignedInfo>/, change);
    const info = [...descendants(parseXml(changed))].find(({ name }) => name === "SignedInfo");
    const text = info === undefined ? "" : canonicalise(info, { exclusive: true, prefixes: [] });
    const value = signBytes("sha256", Buffer.from(text), key.private).toString("base64");
    return changed.replace(/<ds:SignatureValue>[^<]*/, `<ds:SignatureValue>${value}`);
  };
  const second = `<ds:Transform Algorithm="${exclusive}"/>`;
  test.each<{ when: string; change: (info: string) => string; answer?: string }>([
    { when: "nothing changed", change: (info) => info, answer: "accepted" },
    {
      when: "canonicalisation with comments, of documents that hold none",
      change: (info) => info.replaceAll(exclusive, `${exclusive}WithComments`),
      answer: "accepted",
    },
    { when: "XSLT", change: (info) => info.replace(second, '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>') },
    { when: "XPath", change: (info) => info.replace(second, '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/>') },
    { when: "a third transform", change: (info) => info.replace(second, `${second}<ds:Transform Algorithm="${dsig}base64"/>`) },
    { when: "base64 in place of the enveloped signature", change: (info) => info.replace(enveloped, `${dsig}base64`) },
    {
      when: "a parameter of the enveloped signature",
      change: (info) => info.replace(`"${enveloped}"/>`, `"${enveloped}"><ds:x/></ds:Transform>`),
    },
    { when: "a Reference to another element", change: (info) => info.replace('URI="#_assertion"', 'URI="#_response"') },
    { when: "a Reference to the whole document", change: (info) => info.replace('URI="#_assertion"', 'URI=""') },
    { when: "a second Reference", change: (info) => info.replace(/(<ds:Reference [\s\S]*<\/ds:Reference>)/, "$1$1") },
    {
      when: "a parameter of the algorithm",
      change: (info) =>
        info.replace(/(<ds:SignatureMethod [^>]*)\/>/, "$1><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>"),
    },
  ])("$when", ({ change, answer = "saml.signature" }) => {
    expect(verify(resigned(change))).toBe(answer);
  });
});

describe("keys", () => {
  let stranger: Awaited<ReturnType<typeof makeSamlKey>>;
  beforeAll(async () => {
    stranger = await makeSamlKey("attacker");
  });

  test("a key that the message itself carries is not believed", () => {
    const own = {
      private: stranger.key,
      public: readTrustedKey(stranger.certificate).key.export({ type: "spki", format: "pem" }).toString(),
    };
    const attack = aSignedResponse("both", own, {}, { certificate: stranger.certificate });
    expect(attack).toContain("<ds:X509Certificate>");
    expect(verify(attack)).toBe("saml.signature");
    expect(() => verifyResponse(attack, expecting(key))).toThrow(readTrustedKey(stranger.certificate).fingerprint);
    expect(codeOf(() => verifyResponse(attack, expecting(own)))).toBe("accepted");
  });

  test("a genuine certificate beside an attacker's signature does not help", () => {
    const certificate = stranger.certificate;
    expect(verify(aSignedResponse("both", attacker, {}, { certificate }))).toBe("saml.signature");
    expect(verify(aSignedResponse("both", key, {}, { certificate }))).toBe("accepted");
  });

  test("between two providers, neither can speak for the other, by key or by issuer", () => {
    const other = { issuer: "https://other.example/metadata", signatures: { keys: [readTrustedKey(attacker.public)], allowSha1: false } };
    const parts = { responseIssuer: issuer(other.issuer), assertionIssuer: issuer(other.issuer) };
    expect(verify(aSignedResponse("both", attacker, parts), other)).toBe("accepted");
    expect(verify(aSignedResponse("both", attacker, parts))).toBe("saml.issuer-unknown");
    expect(verify(aSignedResponse("both", attacker))).toBe("saml.signature");
    expect(
      verify(aSignedResponse("both", key, { responseIssuer: issuer(other.issuer), assertionIssuer: issuer(other.issuer) }), other),
    ).toBe("saml.signature");
    expect(verify(aSignedResponse("assertion", attacker, { responseIssuer: issuer(other.issuer) }), other)).toBe("saml.issuer-unknown");
    expect(other.issuer).not.toBe(idp);
  });

  test.each([
    { when: "1024 bits of RSA", text: aKey("rsa", 1024).public },
    { when: "a curve that few know", text: publicKey(generateKeyPairSync("ec", { namedCurve: "secp256k1" })) },
    { when: "an Ed25519 key", text: publicKey(generateKeyPairSync("ed25519")) },
    { when: "no key at all", text: "nonsense" },
    { when: "a private key", text: "-----BEGIN PRIVATE KEY-----" },
  ])("$when is not taken as a provider's key", ({ text }) => {
    expect(codeOf(() => readTrustedKey(text))).toBe("saml.metadata-unusable");
  });

  test("an EC key verifies, and no RSA signature is tried on it", () => {
    const ec = aKey("ec");
    expect(verify(aSignedResponse("both", key), { signatures: { keys: [readTrustedKey(ec.public)], allowSha1: false } })).toBe(
      "saml.signature",
    );
  });
});

describe("algorithms", () => {
  const rsa = (hash: string) => `http://www.w3.org/2001/04/xmldsig-more#rsa-${hash}`;
  const sha1 = { signature: `${dsig}rsa-sha1`, digest: `${dsig}sha1` };
  test.each([
    { when: "RSA with SHA-256", options: {}, allowSha1: false, answer: "accepted" },
    {
      when: "RSA with SHA-512",
      options: { signature: rsa("sha512"), digest: "http://www.w3.org/2001/04/xmlenc#sha512" },
      allowSha1: false,
      answer: "accepted",
    },
    {
      when: "inclusive canonicalisation of SignedInfo",
      options: { canonicalisation: "http://www.w3.org/TR/2001/REC-xml-c14n-20010315" },
      allowSha1: false,
      answer: "accepted",
    },
    { when: "SHA-1", options: sha1, allowSha1: false, answer: "saml.signature" },
    { when: "SHA-1 where it is allowed", options: sha1, allowSha1: true, answer: "accepted" },
    { when: "a SHA-1 digest under a SHA-256 signature", options: { digest: sha1.digest }, allowSha1: false, answer: "saml.signature" },
    { when: "a SHA-1 signature over a SHA-256 digest", options: { signature: sha1.signature }, allowSha1: false, answer: "saml.signature" },
    { when: "a signature in the default name space (LemonLDAP::NG)", options: { prefix: "" }, allowSha1: false, answer: "accepted" },
  ])("$when: $answer", ({ options, allowSha1, answer }) => {
    const signatures = { keys: [readTrustedKey(key.public)], allowSha1 };
    // Signed where it stands: inclusive canonicalisation takes the name spaces of the whole Response in.
    for (const id of ["_response", "_assertion"]) expect(verify(sign(aResponse(), id, key, options), { signatures })).toBe(answer);
  });

  test.each(["http://www.w3.org/2000/09/xmldsig#hmac-sha1", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"])(
    "%s with the public key as its secret is refused",
    (algorithm) => {
      const genuine = aSignedResponse("assertion", key).replaceAll(rsa("sha256"), algorithm);
      const info = [...descendants(parseXml(genuine))].find(({ name }) => name === "SignedInfo");
      const text = info === undefined ? "" : canonicalise(info, { exclusive: true, prefixes: [] });
      const mac = createHmac(algorithm.endsWith("sha1") ? "sha1" : "sha256", key.public)
        .update(text)
        .digest("base64");
      expect(verify(genuine.replace(/<ds:SignatureValue>[^<]*/, `<ds:SignatureValue>${mac}`))).toBe("saml.signature");
    },
  );
});
