import type { SamlProvider } from "../../src/login/saml/context.ts";
import { createSamlProvider } from "../../src/login/saml/provider.ts";
import type { SamlSettings } from "../../src/login/saml/settings.ts";
import { messageLimits } from "../../src/login/saml/xml/parse.ts";
import type { TestCertificate } from "../support/certificates.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { signElement } from "../support/saml-idp-crypto.ts";
import { assertionXml, newId, responseXml } from "../support/saml-idp-messages.ts";
import { makeSamlKey } from "../support/saml-keys.ts";

export const issuer = "https://idp.example/metadata";
export const audience = "https://auth.acme.example/_vestibule/saml/big/metadata";
export const acsUrl = "https://auth.acme.example/_vestibule/saml/big/acs";
const groupClaim = "http://schemas.xmlsoap.org/claims/Group";

/**
 * How long an answer of (almost) the largest size keeps the event loop: the least of several, each another document, because
 * what else the machine does only adds to it. Signed twice, Response and Assertion, and as full of groups as it can be: the most that one accepted document can ask for.
 */
export async function largestAnswer(rounds = 7): Promise<{ bytes: number; receiveMs: number; concludeMs: number }> {
  const key = await makeSamlKey("largest");
  const provider = bigProvider(key.certificate);
  const documents = Array.from({ length: rounds }, () => answerOf(key, messageLimits.maxBytes - 8 * 1024));
  const receive: number[] = [];
  const conclude: number[] = [];
  for (const document of documents) {
    const form = new URLSearchParams({ SAMLResponse: Buffer.from(document).toString("base64") });
    const began = performance.now();
    const { parcel } = await provider.receive(form);
    const received = performance.now();
    await provider.conclude(parcel, null);
    receive.push(received - began);
    conclude.push(performance.now() - received);
  }
  provider.close();
  return { bytes: Buffer.byteLength(documents[0] ?? ""), receiveMs: Math.min(...receive), concludeMs: Math.min(...conclude) };
}

/** An answer of about that size, signed twice, which names the groups of somebody who is in many. */
export function answerOf(key: TestCertificate, bytes: number): string {
  const shared = { issuer, destination: acsUrl, inResponseTo: null, now: Date.now() };
  const document = (count: number) => {
    const groups = Array.from({ length: count }, (_, at) => `group ${at} of a very large organisation`);
    const assertion = assertionXml({
      ...shared,
      audience,
      nameId: "alice",
      sessionIndex: newId(),
      authnContext: "urn:x",
      authnInstant: shared.now,
      attributes: { [groupClaim]: groups },
    });
    return signElement(responseXml(shared, "Success", signElement(assertion, "Assertion", key)), "Response", key);
  };
  const [small, some] = [document(1).length, document(101).length];
  const count = Math.floor((bytes - small) / ((some - small) / 100));
  return document(Math.max(Math.min(count, messageLimits.maxElements - 100), 1));
}

export function bigProvider(certificate: string): SamlProvider {
  return createSamlProvider({
    settings: {
      id: "big",
      name: "Big",
      emailDomains: [],
      groupNames: {},
      scim: null,
      graph: null,
      domainProof: "none",
      attributes: { subject: "NameID", email: "email", name: [], groups: groupClaim, extra: {} },
      protocol: {
        kind: "saml",
        metadata: null,
        metadataEntity: null,
        metadataRefreshMs: 3_600_000,
        metadataSigner: null,
        entityId: audience,
        idp: { entityId: issuer, ssoUrl: "https://idp.example/sso", sloUrl: null, certificates: [certificate] },
        nameIdFormat: null,
        signRequests: false,
        keys: [],
        wantAssertionsSigned: true,
        allowIdpInitiated: true,
        allowSha1: false,
        allowLegacyEncryption: false,
        forceAuthn: false,
        authnContext: [],
        singleLogout: false,
        clockToleranceMs: 60_000,
      } satisfies SamlSettings as SamlSettings,
    },
    claimNames: [],
    acsUrl,
    sloUrl: "https://auth.acme.example/_vestibule/saml/big/slo",
    allowHttp: false,
    ownerOfDomain: () => null,
    documents: { read: async () => null, write: async () => undefined },
    clock: Date.now,
    log: recordingLog(),
    metrics: noMetrics,
  });
}
