import { createRequire } from "node:module";
import { beforeAll, describe, expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import { type ResponseExpectations, verifyResponse } from "../../src/login/saml/messages/response.ts";
import { aKey, anAssertion, aResponse, codeOf, expecting, sign } from "../support/saml-documents.ts";
import { makeSamlKey } from "../support/saml-keys.ts";

interface Options {
  readonly data?: string;
  readonly wrap?: string;
  readonly digest?: string;
  readonly mask?: string;
}
type Encrypt = (text: string, options: object, done: (error: Error | null, xml: string) => void) => void;
const { encrypt } = createRequire(import.meta.url)("xml-encryption") as { encrypt: Encrypt };

const xenc = "http://www.w3.org/2001/04/xmlenc#";
const xenc11 = "http://www.w3.org/2009/xmlenc11#";
const idpKey = aKey();
let ours: Awaited<ReturnType<typeof makeSamlKey>>;
let other: Awaited<ReturnType<typeof makeSamlKey>>;
beforeAll(async () => {
  [ours, other] = await Promise.all([makeSamlKey("gateway"), makeSamlKey("other")]);
});

/** An EncryptedAssertion by the library xml-encryption. */
function encrypted(text: string, options: Options = {}, certificate = ours.certificate): Promise<string> {
  const settings = {
    rsa_pub: certificate,
    pem: certificate,
    encryptionAlgorithm: options.data ?? `${xenc11}aes256-gcm`,
    keyEncryptionAlgorithm: options.wrap ?? `${xenc}rsa-oaep-mgf1p`,
    keyEncryptionDigest: options.digest ?? "sha1",
    keyEncryptionMgf: options.mask,
    disallowEncryptionWithInsecureAlgorithm: false,
    warnInsecureAlgorithm: false,
  };
  return new Promise((resolve, reject) => {
    encrypt(text, settings, (error, xml) =>
      error === null ? resolve(`<saml:EncryptedAssertion>${xml}</saml:EncryptedAssertion>`) : reject(error),
    );
  });
}
const signedAssertion = () => sign(anAssertion(), "_assertion", idpKey);
const policy = (allowLegacy = false, keys = [other.key, ours.key]): Partial<ResponseExpectations> => ({
  decryption: { keys, allowLegacy },
});
const verify = (xml: string, change: Partial<ResponseExpectations> = policy()) =>
  codeOf(() => verifyResponse(xml, expecting(idpKey, change)));

describe("algorithms", () => {
  test.each<Options & { when: string; legacy: boolean }>([
    { when: "AES-256-GCM and OAEP", legacy: false },
    { when: "AES-128-GCM and OAEP with SHA-256", data: `${xenc11}aes128-gcm`, digest: "sha256", legacy: false },
    { when: "OAEP of XML Encryption 1.1", wrap: `${xenc11}rsa-oaep`, digest: "sha256", mask: "sha256", legacy: false },
    { when: "OAEP of XML Encryption 1.1 with two hashes", wrap: `${xenc11}rsa-oaep`, digest: "sha512", mask: "sha1", legacy: false },
    { when: "AES-CBC (SimpleSAMLphp)", data: `${xenc}aes128-cbc`, legacy: true },
    { when: "RSA PKCS #1 v1.5", wrap: `${xenc}rsa-1_5`, legacy: true },
  ])("$when", async ({ legacy, ...options }) => {
    const xml = aResponse({}, await encrypted(signedAssertion(), options));
    expect(verify(xml, policy(true))).toBe("accepted");
    expect(verify(xml)).toBe(legacy ? "saml.decrypt" : "accepted");
  });

  test("Triple DES is refused even among the old ones", async () => {
    expect(verify(aResponse({}, await encrypted(signedAssertion(), { data: `${xenc}tripledes-cbc` })), policy(true))).toBe("saml.decrypt");
  });
});

describe("what is inside", () => {
  test("must be signed, itself or by the Response around it", async () => {
    expect(verify(aResponse({}, await encrypted(anAssertion())))).toBe("saml.decrypt");
    expect(verify(sign(aResponse({}, await encrypted(anAssertion())), "_response", idpKey))).toBe("accepted");
    expect(verify(sign(aResponse({}, await encrypted(signedAssertion())), "_response", idpKey))).toBe("accepted");
  });

  test("is not trusted for having been encrypted: anybody has our certificate", async () => {
    const stranger = sign(anAssertion(), "_assertion", aKey());
    expect(verify(aResponse({}, await encrypted(stranger)))).toBe("saml.decrypt");
    expect(verify(sign(aResponse({}, await encrypted(stranger)), "_response", idpKey))).toBe("saml.decrypt");
  });

  test.each([
    { when: "a DOCTYPE", inner: (xml: string) => `<!DOCTYPE x [<!ENTITY e "x">]>${xml}` },
    { when: "a comment", inner: (xml: string) => xml.replace("alice", "ali<!-- -->ce") },
    { when: "two assertions", inner: (xml: string) => xml + xml },
    { when: "a Response", inner: (xml: string) => aResponse({}, xml) },
    {
      when: "an assertion wrapped in another",
      inner: (xml: string) => anAssertion({ assertionAttributes: ' ID="_evil"' }).replace("</saml:Assertion>", `${xml}</saml:Assertion>`),
    },
    { when: "text", inner: () => "alice" },
  ])("$when is refused", async ({ inner }) => {
    expect(verify(aResponse({}, await encrypted(inner(signedAssertion()))))).toBe("saml.decrypt");
  });

  test("an unsigned Response cannot be given a second, plain assertion", async () => {
    const good = await encrypted(signedAssertion());
    expect(verify(aResponse({}, good + anAssertion()))).toBe("saml.malformed");
    expect(verify(aResponse({}, good + good))).toBe("saml.malformed");
  });
});

test("every failure after decryption began looks the same", async () => {
  const outcome = (xml: string) => {
    try {
      verifyResponse(xml, expecting(idpKey, policy(true)));
    } catch (error) {
      return error instanceof GatewayError ? [error.code, error.status, error.visitorMessage, error.message] : String(error);
    }
    return "accepted";
  };
  const flip = (xml: string, which: 1 | 2) => {
    let seen = 0;
    return xml.replace(/(CipherValue>)([\s\S]{40})/g, (all, tag: string, start: string) => {
      if (!/^[A-Za-z0-9+/]/.test(start)) return all;
      seen += 1;
      return seen === which ? tag + start.slice(0, 20) + (start[20] === "A" ? "B" : "A") + start.slice(21) : all;
    });
  };
  const cbc = { data: `${xenc}aes128-cbc` };
  const good = aResponse({}, await encrypted(signedAssertion(), cbc));
  expect(outcome(good)).toBe("accepted");
  const failures = [
    flip(good, 1),
    flip(good, 2),
    aResponse({}, await encrypted("not XML", cbc)),
    aResponse({}, await encrypted(anAssertion(), cbc)),
    aResponse({}, await encrypted(signedAssertion(), cbc, (await makeSamlKey("third")).certificate)),
    flip(aResponse({}, await encrypted(signedAssertion())), 2),
  ].map(outcome);
  expect(new Set(failures.map(String)).size).toBe(1);
  expect(failures[0]).toContain("saml.decrypt");
});

describe("an assertion that uses prefixes which are declared around it", () => {
  const declaration = ' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"';
  const bare = (assertion: string) => assertion.replace(declaration, "");

  test("is read in its place, signed inside or with the Response", async () => {
    const inside = bare(signedAssertion());
    expect(inside).not.toContain(declaration);
    expect(verify(aResponse({}, await encrypted(inside)))).toBe("accepted");
    expect(verify(sign(aResponse({}, await encrypted(bare(anAssertion()))), "_response", idpKey))).toBe("accepted");
  });

  test("means nothing else because the declaration around it is another", async () => {
    const elsewhere = aResponse({}, (await encrypted(bare(signedAssertion()))).replaceAll("saml:Encrypted", "s:Encrypted"));
    const moved = elsewhere.replace(
      "<s:EncryptedAssertion>",
      `<s:EncryptedAssertion xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:saml="urn:x">`,
    );
    expect(moved).toContain("urn:x");
    expect(verify(moved)).toBe("saml.decrypt");
  });
});

describe("keys", () => {
  test("each of ours is tried, and without any nothing is", async () => {
    const xml = aResponse({}, await encrypted(signedAssertion()));
    expect(verify(xml, policy(false, [ours.key, other.key]))).toBe("accepted");
    expect(verify(xml, policy(false, [other.key, ours.key]))).toBe("accepted");
    expect(verify(xml, policy(false, [other.key]))).toBe("saml.decrypt");
    expect(verify(xml, policy(false, []))).toBe("saml.decrypt");
  });

  test("one of several EncryptedKeys suffices, wherever they stand", async () => {
    const mine = await encrypted(signedAssertion());
    const theirs = await encrypted("x", {}, other.certificate);
    const keyOf = (xml: string) => /<e:EncryptedKey[\s\S]*<\/e:EncryptedKey>/.exec(xml)?.[0] ?? "";
    const both = mine.replace(keyOf(mine), keyOf(theirs) + keyOf(mine));
    const beside = mine.replace(keyOf(mine), "").replace("</saml:EncryptedAssertion>", `${keyOf(mine)}</saml:EncryptedAssertion>`);
    expect(verify(aResponse({}, both))).toBe("accepted");
    expect(verify(aResponse({}, beside))).toBe("accepted");
    expect(verify(aResponse({}, mine.replace(keyOf(mine), keyOf(mine).repeat(5))))).toBe("saml.malformed");
    expect(verify(aResponse({}, mine.replace(keyOf(mine), "")))).toBe("saml.malformed");
  });

  test.each([
    {
      when: "a CipherReference",
      change: (xml: string) => xml.replace(/<e:CipherValue>[^<]*<\/e:CipherValue>/g, '<e:CipherReference URI="http://127.0.0.1:9/"/>'),
    },
    {
      when: "a RetrievalMethod elsewhere",
      change: (xml: string) =>
        xml.replace(/<KeyInfo[^>]*>/, '$&<ds:RetrievalMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" URI="http://127.0.0.1:9/"/>'),
    },
    { when: "an unknown key encryption", change: (xml: string) => xml.replace(`${xenc}rsa-oaep-mgf1p`, `${xenc}kw-aes128`) },
    {
      when: "an unknown OAEP digest",
      change: (xml: string) => xml.replace("http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmldsig-more#md5"),
    },
  ])("$when is refused", async ({ change }) => {
    const good = await encrypted(signedAssertion());
    expect(change(good)).not.toBe(good);
    expect(verify(aResponse({}, change(good)))).toBe("saml.malformed");
  });
});
