import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { readTrustedKey } from "../../../../src/login/saml/signature/trusted-keys.ts";
import { verifySignature } from "../../../../src/login/saml/signature/verify.ts";
import { canonicalise } from "../../../../src/login/saml/xml/canonical.ts";
import { parseXml } from "../../../../src/login/saml/xml/parse.ts";
import { aKey } from "../../../support/saml-documents.ts";
import { xmlTrees } from "../../../support/xml-trees.ts";

// The canonicaliser against libxml2, with which xmlsec1, lasso, mod_auth_mellon, Shibboleth and PHP sign: what they sign must verify here.

const folder = mkdtempSync(join(tmpdir(), "vestibule-c14n-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const forms = [
  { name: "exclusive", option: "--exc-c14n", form: { exclusive: true, prefixes: [] } },
  { name: "inclusive", option: "--c14n", form: { exclusive: false, prefixes: [] } },
] as const;

test.each(forms)("$name canonicalisation of 2,000 documents is libxml2's, byte for byte", ({ name, option, form }) => {
  const documents = fc.sample(xmlTrees, 2_000).map((tree) => `<root xmlns:p="urn:p0" xmlns:q="urn:q0" xmlns:unused="urn:u">${tree}</root>`);
  const files = documents.map((xml, at) => write(`${name}-${at}.xml`, xml));
  // One process for all; what it prints is one canonical document after the other.
  const theirs = execFileSync("xmllint", ["--nonet", option, ...files], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  let at = 0;
  for (const xml of documents) {
    const ours = canonicalise(parseXml(xml), form);
    expect(theirs.slice(at, at + ours.length), xml).toBe(ours);
    at += ours.length;
  }
  expect(at).toBe(theirs.length);
});

describe("signatures that xmlsec1 makes", () => {
  const key = aKey();
  const policy = { keys: [readTrustedKey(key.public)], allowSha1: false };
  const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
  const inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
  const prefixes = (list: string) => `<ec:InclusiveNamespaces xmlns:ec="${exclusive}" PrefixList="${list}"/>`;
  const template = (method: string, transform: string) =>
    `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>${method}<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="#_a"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>${transform}</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>`;
  const method = (algorithm: string, list?: string) =>
    `<ds:CanonicalizationMethod Algorithm="${algorithm}">${list === undefined ? "" : prefixes(list)}</ds:CanonicalizationMethod>`;
  const transform = (list?: string) => `<ds:Transform Algorithm="${exclusive}">${list === undefined ? "" : prefixes(list)}</ds:Transform>`;

  test.each([
    { when: "exclusive", signature: template(method(exclusive), transform()) },
    { when: "exclusive with a PrefixList", signature: template(method(exclusive, "xs p"), transform("xs p #default")) },
    { when: "inclusive", signature: template(method(inclusive), "") },
    { when: "inclusive around, exclusive inside", signature: template(method(inclusive), transform("q")) },
  ])("$when: ours verifies it, on 40 documents each", ({ when, signature }) => {
    const pem = write("key.pem", key.private);
    for (const [at, tree] of fc.sample(xmlTrees, 40).entries()) {
      const xml = `<outer xmlns="urn:d" xmlns:p="urn:p0" xmlns:q="urn:q0" xmlns:xs="urn:xs"><p:a ID="_a">${signature}${tree}</p:a></outer>`;
      const file = write(`${when}-${at}.xml`, xml);
      const signed = execFileSync("xmlsec1", ["--sign", "--privkey-pem", pem, "--id-attr:ID", "urn:p0:a", file], { encoding: "utf8" });
      const document = parseXml(signed);
      const element = document.children.find((node) => typeof node !== "string");
      if (element === undefined) throw new Error("no element");
      expect(verifySignature(document, element, policy).element.name, signed).toBe("a");
    }
  });
});
