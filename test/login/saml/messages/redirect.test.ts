import { createPrivateKey, sign as signBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { readRedirect, redirectUrl, verifyRedirect } from "../../../../src/login/saml/messages/redirect.ts";
import { readTrustedKey } from "../../../../src/login/saml/signature/trusted-keys.ts";
import { messageLimits } from "../../../../src/login/saml/xml/parse.ts";
import { aKey, codeOf, type TestKey } from "../../../support/saml-documents.ts";

const [rsa, ec] = [aKey(), aKey("ec")];
const signingKey = (key: TestKey) => ({ key: createPrivateKey(key.private), certificate: "" });
const policy = (key: TestKey, allowSha1 = false) => ({ keys: [readTrustedKey(aKey().public), readTrustedKey(key.public)], allowSha1 });
const message = { name: "SAMLRequest", xml: "<a>é</a>", relayState: "a b/ü" } as const;
const queryOf = (url: string) => url.slice(url.indexOf("?") + 1);
const verify = (query: string, key = rsa) => codeOf(() => verifyRedirect(readRedirect(query), policy(key)));
const deflated = (text: string) => encodeURIComponent(deflateRawSync(Buffer.from(text)).toString("base64"));
const rsaSha256 = encodeURIComponent("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
/** Signs the query's bytes as they are, as a provider with habits of its own does. */
const signed = (query: string, hash = "sha256") =>
  `${query}&Signature=${encodeURIComponent(signBytes(hash, Buffer.from(query), createPrivateKey(rsa.private)).toString("base64"))}`;

test.each([
  { when: "RSA", key: rsa },
  { when: "ECDSA", key: ec },
])("what we sign with $when verifies, and says what it said", ({ key }) => {
  const query = queryOf(redirectUrl("https://idp.example/sso?x=1", message, signingKey(key)));
  expect(query).toMatch(/^x=1&SAMLRequest=/);
  expect(readRedirect(query)).toMatchObject({ name: "SAMLRequest", xml: "<a>é</a>", relayState: "a b/ü" });
  expect(verify(query, key)).toBe("accepted");
  expect(verify(query, aKey())).toBe("saml.signature");
});

test("without a key nothing is signed, and unsigned is not verified", () => {
  const query = queryOf(redirectUrl("https://idp.example/sso", { ...message, relayState: null }, null));
  expect(query).not.toContain("Sig");
  expect(readRedirect(query).relayState).toBeNull();
  expect(verify(query)).toBe("saml.signature");
});

test.each([
  { when: "a blank as +, as PHP writes it", relayState: "a+b" },
  { when: "a blank as %20, as lasso writes it", relayState: "a%20b" },
  { when: "lower case escapes", relayState: "a%20b%2f" },
  { when: "an empty RelayState", relayState: "" },
])("the signature is checked over the bytes that were sent: $when", ({ relayState }) => {
  const query = signed(`SAMLResponse=${deflated("<a/>")}&RelayState=${relayState}&SigAlg=${rsaSha256}`);
  expect(verify(query)).toBe("accepted");
  expect(readRedirect(query).relayState).toBe(relayState === "" ? "" : relayState.includes("2f") ? "a b/" : "a b");
});

test("the order of arrival does not matter, and what is not ours is left alone", () => {
  const [request, state, algorithm, signature] = signed(`SAMLRequest=${deflated("<a/>")}&RelayState=x&SigAlg=${rsaSha256}`).split("&");
  expect(verify(`utm=%zz&${signature}&${algorithm}&${state}&${request}`.replace("utm=%zz", "utm=1"))).toBe("accepted");
});

const good = signed(`SAMLRequest=${deflated("<a/>")}&RelayState=x&SigAlg=${rsaSha256}`);
test.each([
  {
    when: "another message under the same signature",
    query: good.replace(/SAMLRequest=[^&]*/, `SAMLRequest=${deflated("<b/>")}`),
    code: "saml.signature",
  },
  { when: "another RelayState", query: good.replace("RelayState=x", "RelayState=y"), code: "saml.signature" },
  { when: "a removed RelayState", query: good.replace("&RelayState=x", ""), code: "saml.signature" },
  { when: "a removed signature", query: good.replace(/&Signature=.*/, ""), code: "saml.signature" },
  { when: "an emptied signature", query: good.replace(/&Signature=.*/, "&Signature="), code: "saml.signature" },
  { when: "a removed algorithm", query: good.replace(/&SigAlg=[^&]*/, ""), code: "saml.signature" },
  { when: "a request turned into a response", query: good.replace("SAMLRequest", "SAMLResponse"), code: "saml.signature" },
  {
    when: "HMAC",
    query: good.replace(/SigAlg=[^&]*/, `SigAlg=${encodeURIComponent("http://www.w3.org/2000/09/xmldsig#hmac-sha1")}`),
    code: "saml.signature",
  },
  {
    when: "SHA-1",
    query: signed(`SAMLRequest=${deflated("<a/>")}&SigAlg=${encodeURIComponent("http://www.w3.org/2000/09/xmldsig#rsa-sha1")}`, "sha1"),
    code: "saml.signature",
  },
  { when: "two messages", query: `${good}&SAMLRequest=${deflated("<b/>")}`, code: "saml.malformed" },
  { when: "a request and a response", query: `${good}&SAMLResponse=${deflated("<b/>")}`, code: "saml.malformed" },
  { when: "two RelayStates", query: `RelayState=evil&${good}`, code: "saml.malformed" },
  { when: "two signatures", query: `${good}&Signature=AAAA`, code: "saml.malformed" },
  { when: "two algorithms", query: `SigAlg=x&${good}`, code: "saml.malformed" },
  { when: "an escaped second name", query: `%53AMLRequest=${deflated("<b/>")}&${good}`, code: "saml.malformed" },
  { when: "an escaped second RelayState", query: `${good}&Relay%53tate=evil`, code: "saml.malformed" },
  { when: "another encoding", query: `${good}&SAMLEncoding=urn:x`, code: "saml.malformed" },
  { when: "no message", query: "RelayState=x", code: "saml.malformed" },
  { when: "a message that does not inflate", query: "SAMLRequest=AAAA", code: "saml.malformed" },
  { when: "a broken escape", query: good.replace("RelayState=x", "RelayState=%zz"), code: "saml.malformed" },
])("$when is refused", ({ query, code }) => {
  expect(verify(good)).toBe("accepted");
  expect(verify(query)).toBe(code);
});

test("a deflate bomb stops at the limit, and does so before any signature is looked at", () => {
  const bomb = signed(`SAMLRequest=${deflated("x".repeat(50_000_000))}&SigAlg=${rsaSha256}`);
  expect(bomb.length).toBeLessThan(100_000);
  const before = process.memoryUsage().rss;
  expect(verify(bomb)).toBe("saml.malformed");
  expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
  expect(verify(signed(`SAMLRequest=${deflated("x".repeat(messageLimits.maxBytes))}&SigAlg=${rsaSha256}`))).toBe("accepted");
});
