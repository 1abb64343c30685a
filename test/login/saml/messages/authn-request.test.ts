import { createPrivateKey } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { writeAuthnRequest } from "../../../../src/login/saml/messages/authn-request.ts";
import { newMessageId, sendMessage } from "../../../../src/login/saml/messages/redirect.ts";
import { readTrustedKey } from "../../../../src/login/saml/signature/trusted-keys.ts";
import { verifySignature } from "../../../../src/login/saml/signature/verify.ts";
import { parseXml } from "../../../../src/login/saml/xml/parse.ts";
import { attributeOf, elementsOf, textOf } from "../../../../src/login/saml/xml/tree.ts";
import { acs, aKey, now, sp } from "../../../support/saml-documents.ts";
import { isSignedDocument, isSignedQuery } from "../../../support/saml-idp-crypto.ts";
import { makeSamlKey } from "../../../support/saml-keys.ts";

const url = "https://idp.acme.example/sso?tenant=a&x=1";
const base = { id: "_id", now, destination: url, entityId: sp, acsUrl: acs, nameIdFormat: null, authnContext: [], forceAuthn: false };

test("a plain request says who asks, where the answer goes, and nothing that was not configured", () => {
  const root = parseXml(writeAuthnRequest(base).xml);
  expect(Object.fromEntries(root.attributes.map(({ name, value }) => [name, value]))).toEqual({
    ID: "_id",
    Version: "2.0",
    IssueInstant: "2026-01-15T10:00:00Z",
    Destination: url,
    ProtocolBinding: "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
    AssertionConsumerServiceURL: acs,
  });
  expect(elementsOf(root).map(({ name }) => name)).toEqual(["Issuer", "NameIDPolicy"]);
});

test("what is configured is asked for", () => {
  const root = parseXml(writeAuthnRequest({ ...base, nameIdFormat: "urn:f", authnContext: ["urn:a", "urn:b"], forceAuthn: true }).xml);
  const [, policy, context] = elementsOf(root);
  expect(attributeOf(root, "ForceAuthn")).toBe("true");
  expect(policy && attributeOf(policy, "Format")).toBe("urn:f");
  expect(context && attributeOf(context, "Comparison")).toBe("exact");
  expect(context && elementsOf(context).map(textOf)).toEqual(["urn:a", "urn:b"]);
});

test("other implementations verify what we sign, on both bindings", async () => {
  const pair = await makeSamlKey("gateway");
  const key = { key: createPrivateKey(pair.key), certificate: pair.certificate };
  const message = { name: "SAMLRequest", document: writeAuthnRequest(base), relayState: "state" } as const;
  const redirect = sendMessage({ binding: "redirect", url }, message, key);
  const query = redirect.kind === "redirect" ? redirect.url.slice(redirect.url.indexOf("?") + 1) : "";
  expect(redirect.kind === "redirect" && redirect.url.startsWith(`${url}&SAMLRequest=`)).toBe(true);
  expect(isSignedQuery(query, pair.certificate)).toBe(true);
  const packed = new URLSearchParams(query).get("SAMLRequest") ?? "";
  expect(inflateRawSync(Buffer.from(packed, "base64")).toString()).toBe(message.document.xml);
  const form = sendMessage({ binding: "post", url }, message, key);
  const xml = form.kind === "form" ? Buffer.from(form.fields.SAMLRequest ?? "", "base64").toString() : "";
  expect(form).toMatchObject({ kind: "form", action: url, fields: { RelayState: "state" } });
  expect(isSignedDocument(xml, pair.certificate)).toBe(true);
  expect(elementsOf(parseXml(xml)).map(({ name }) => name)).toEqual(["Issuer", "Signature", "NameIDPolicy"]);
});

test("an EC key signs too", () => {
  const ec = aKey("ec");
  const form = sendMessage(
    { binding: "post", url },
    { name: "SAMLRequest", document: writeAuthnRequest(base), relayState: null },
    { key: createPrivateKey(ec.private), certificate: "AAAA" },
  );
  const root = parseXml(form.kind === "form" ? Buffer.from(form.fields.SAMLRequest ?? "", "base64").toString() : "");
  expect(verifySignature(root, root, { keys: [readTrustedKey(ec.public)], allowSha1: false }).element.name).toBe("AuthnRequest");
});

test("message ids are unguessable, and names as XML wants them", () => {
  expect(newMessageId()).toMatch(/^_[0-9a-f]{40}$/);
  expect(newMessageId()).not.toBe(newMessageId());
});
