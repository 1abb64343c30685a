import { createPrivateKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  type IncomingMessage,
  type LogoutExpectations,
  readLogoutMessage,
  writeLogoutRequest,
  writeLogoutResponse,
} from "../../../src/login/saml/messages/logout.ts";
import { type Binding, sendMessage } from "../../../src/login/saml/messages/redirect.ts";
import { readTrustedKey } from "../../../src/login/saml/signature/trusted-keys.ts";
import type { Xml } from "../../../src/login/saml/xml/tree.ts";
import { aKey, at, codeOf, idp, now, slo, type TestKey } from "../../support/saml-documents.ts";

const key = aKey();
const nameId = { value: "al<ice>&", format: "urn:x", nameQualifier: "q", spNameQualifier: null };
const head = { id: "_logout", now, destination: slo, entityId: idp };
const aRequest = writeLogoutRequest({ ...head, nameId, sessionIndexes: ["_1", "_2"] });
const expected: LogoutExpectations = {
  issuer: idp,
  destination: slo,
  now,
  toleranceMs: 60_000,
  signatures: { keys: [readTrustedKey(key.public)], allowSha1: false },
  decryption: { keys: [], allowLegacy: false },
};

/** As the browser brings it. */
function carry(binding: Binding, name: "SAMLRequest" | "SAMLResponse", document: Xml, by: TestKey | null = key): IncomingMessage {
  const signer = by === null ? null : { key: createPrivateKey(by.private), certificate: "AAAA" };
  const go = sendMessage({ binding, url: slo }, { name, document, relayState: "relay" }, signer);
  if (go.kind === "redirect") return { binding: "redirect", rawQuery: go.url.slice(go.url.indexOf("?") + 1) };
  return { binding: "post", name, message: go.fields[name] ?? "", relayState: go.fields.RelayState ?? null };
}
const read = (incoming: IncomingMessage, change: Partial<LogoutExpectations> = {}) =>
  readLogoutMessage(incoming, { ...expected, ...change });

describe.each(["redirect", "post"] as const)("by %s", (binding) => {
  test("a request names the person and the sessions", () => {
    expect(read(carry(binding, "SAMLRequest", aRequest))).toEqual({
      kind: "request",
      id: "_logout",
      relayState: "relay",
      nameId,
      sessionIndexes: ["_1", "_2"],
      replayUntil: now + 660_000,
    });
  });

  test.each(["success", "partial", "failed"] as const)("an answer of %s is understood", (outcome) => {
    const answer = writeLogoutResponse({ ...head, inResponseTo: "_asked", outcome });
    expect(read(carry(binding, "SAMLResponse", answer))).toMatchObject({ kind: "response", inResponseTo: "_asked", outcome });
  });

  test("an answer without a signature says no more than that we signed out here; a signature of somebody else says nothing", () => {
    const answer = writeLogoutResponse({ ...head, inResponseTo: "_asked", outcome: "success" });
    expect(read(carry(binding, "SAMLResponse", answer, null))).toMatchObject({ inResponseTo: "_asked", outcome: "partial" });
    expect(codeOf(() => read(carry(binding, "SAMLResponse", answer, aKey())))).toBe("saml.logout-rejected");
    const elsewhere = writeLogoutResponse({ ...head, destination: "https://other.example", inResponseTo: "_asked", outcome: "success" });
    expect(codeOf(() => read(carry(binding, "SAMLResponse", elsewhere, null)))).toBe("saml.logout-rejected");
  });

  const changed = (from: string | RegExp, to: string): Xml => ({ xml: aRequest.xml.replace(from, to) });
  test.each<{ when: string; incoming: () => IncomingMessage; change?: Partial<LogoutExpectations> }>([
    { when: "unsigned", incoming: () => carry(binding, "SAMLRequest", aRequest, null) },
    { when: "signed by somebody else", incoming: () => carry(binding, "SAMLRequest", aRequest, aKey()) },
    { when: "from another provider", incoming: () => carry(binding, "SAMLRequest", changed(`>${idp}<`, ">https://other.example<")) },
    { when: "without Issuer", incoming: () => carry(binding, "SAMLRequest", changed(/<saml:Issuer>.*?<\/saml:Issuer>/, "")) },
    {
      when: "addressed to somebody else",
      incoming: () => carry(binding, "SAMLRequest", changed(/ Destination="[^"]*"/, ' Destination="https://x.example"')),
    },
    { when: "addressed to nobody", incoming: () => carry(binding, "SAMLRequest", changed(/ Destination="[^"]*"/, "")) },
    { when: "eleven minutes old", incoming: () => carry(binding, "SAMLRequest", aRequest), change: { now: now + 660_000 } },
    {
      when: "eleven minutes old, without an end",
      incoming: () => carry(binding, "SAMLRequest", changed(/ NotOnOrAfter="[^"]*"/, "")),
      change: { now: now + 660_000 },
    },
    {
      when: "past its NotOnOrAfter",
      incoming: () => carry(binding, "SAMLRequest", changed(/NotOnOrAfter="[^"]*"/, `NotOnOrAfter="${at(-61)}"`)),
    },
    { when: "of tomorrow", incoming: () => carry(binding, "SAMLRequest", aRequest), change: { now: now - 61_000 } },
    { when: "without NameID", incoming: () => carry(binding, "SAMLRequest", changed(/<saml:NameID.*?<\/saml:NameID>/, "")) },
    {
      when: "a response sent as a request",
      incoming: () => carry(binding, "SAMLRequest", writeLogoutResponse({ ...head, inResponseTo: "_x", outcome: "success" })),
    },
    { when: "of SAML 1.1", incoming: () => carry(binding, "SAMLRequest", changed('Version="2.0"', 'Version="1.1"')) },
  ])("$when is refused", ({ incoming, change }) => {
    expect(codeOf(() => read(incoming(), change))).toBe("saml.logout-rejected");
  });
});

test("in a form, the signature must be the message's own", () => {
  const carried = carry("post", "SAMLRequest", aRequest);
  const xml = carried.binding === "post" ? Buffer.from(carried.message, "base64").toString() : "";
  const signature = /<ds:Signature[\s\S]*<\/ds:Signature>/.exec(xml)?.[0] ?? "";
  const evil = xml.replace("al&lt;ice", "bob").replace('ID="_logout"', 'ID="_evil"').replace(signature, "");
  const wrapped = evil.replace(
    "</saml:Issuer>",
    `</saml:Issuer>${signature.replace("</ds:Signature>", `${xml.replace(signature, "")}</ds:Signature>`)}`,
  );
  const post = (text: string): IncomingMessage => ({
    binding: "post",
    name: "SAMLRequest",
    message: Buffer.from(text).toString("base64"),
    relayState: null,
  });
  expect(codeOf(() => read(post(xml)))).toBe("accepted");
  expect(codeOf(() => read(post(wrapped)))).toBe("saml.logout-rejected");
  expect(codeOf(() => read(post(xml.replace("_1", "_9"))))).toBe("saml.logout-rejected");
});
