import { beforeAll, expect, test } from "vitest";
import { makeSecret } from "../../../src/core/secret.ts";
import { readRedirect, verifyRedirect } from "../../../src/login/saml/messages/redirect.ts";
import { createSamlProvider } from "../../../src/login/saml/provider.ts";
import { type OwnKey, signingPlace } from "../../../src/login/saml/settings.ts";
import { readTrustedKey, type TrustedKey } from "../../../src/login/saml/signature/trusted-keys.ts";
import { verifySignature } from "../../../src/login/saml/signature/verify.ts";
import { parseXml } from "../../../src/login/saml/xml/parse.ts";
import type { TestCertificate } from "../../support/certificates.ts";
import { anIncoming } from "../../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { makeSamlKey } from "../../support/saml-keys.ts";
import { bareBase64, samlSettings } from "../../support/saml-metadata.ts";

/** Our own key changes: it is published first, and signs when the provider can have read it. */
const day = (text: string) => Date.parse(text);
const today = day("2026-12-01");

test.each([
  { when: "nothing is said", keys: [null, null], signs: 0 },
  { when: "the older one is named", keys: [null, true], signs: 1 },
  { when: "both are named", keys: [true, true], signs: 0 },
  { when: "the new one has a day that is to come", keys: [day("2026-12-10"), null], signs: 1 },
  { when: "the new one has a day that is to come, the older one is named", keys: [day("2026-12-10"), true], signs: 1 },
  { when: "the new one's day has come", keys: [day("2026-12-01"), null], signs: 0 },
  { when: "the new one's day has come, and the older one is still named", keys: [day("2026-12-01"), true], signs: 0 },
  { when: "each has a day to come", keys: [day("2026-12-20"), day("2026-12-10")], signs: 1 },
  { when: "there is one key, with a day to come", keys: [day("2026-12-20")], signs: 0 },
  { when: "there is no key", keys: [], signs: -1 },
] as const)("which key signs when $when: $signs", ({ keys, signs }) => {
  const said: readonly (true | number | null)[] = keys;
  expect(
    signingPlace(
      said.map((signing) => ({ signing })),
      today,
    ),
  ).toBe(signs);
});

let newer: TestCertificate;
let older: TestCertificate;
beforeAll(async () => {
  [newer, older] = await Promise.all([makeSamlKey("newer"), makeSamlKey("older")]);
});

const own = ({ certificate, key }: TestCertificate, signing: OwnKey["signing"]): OwnKey => ({ certificate, key: makeSecret(key), signing });

/** Whose signature this is. */
function signerAmong(verify: (policy: { keys: TrustedKey[]; allowSha1: false }) => unknown): readonly string[] {
  return Object.entries({ newer, older }).flatMap(([name, { certificate }]) => {
    try {
      verify({ keys: [readTrustedKey(certificate)], allowSha1: false });
      return [name];
    } catch {
      return [];
    }
  });
}

test("a running gateway publishes both, and changes over on the day by itself: requests and metadata alike", async () => {
  let now = day("2026-12-09T23:59:59Z");
  const settings = samlSettings({
    metadata: null,
    idp: { entityId: "https://idp.acme.example", ssoUrl: "https://idp.acme.example/sso", sloUrl: null, certificates: [older.certificate] },
    keys: [own(newer, day("2026-12-10")), own(older, null)],
  });
  const provider = createSamlProvider({
    settings: {
      id: "adfs",
      name: "Acme",
      emailDomains: [],
      protocol: settings,
      attributes: { subject: "NameID", email: "email", name: ["email"], groups: "groups", extra: {} },
      groupNames: {},
      scim: null,
      graph: null,
      domainProof: "none",
    },
    claimNames: [],
    acsUrl: "https://auth.acme.example/_vestibule/saml/adfs/acs",
    sloUrl: "https://auth.acme.example/_vestibule/saml/adfs/slo",
    allowHttp: false,
    ownerOfDomain: () => null,
    documents: { read: async () => null, write: async () => undefined },
    clock: () => now,
    log: recordingLog(),
    metrics: noMetrics,
  });
  const signerOf = async () => {
    const { go } = await provider.begin({
      state: "state",
      loginHint: null,
      acr: [],
      reauthenticate: false,
      incoming: anIncoming({}),
      urlOf: () => "",
      wasChallenged: false,
    });
    if (go.kind !== "redirect") throw new Error("not by redirect");
    return signerAmong((policy) => verifyRedirect(readRedirect(go.url.slice(go.url.indexOf("?") + 1)), policy));
  };
  const metadataSigner = () =>
    signerAmong((policy) => {
      const document = parseXml(provider.metadataDocument());
      verifySignature(document, document, policy);
    });
  try {
    expect([await signerOf(), metadataSigner()]).toEqual([["older"], ["older"]]);
    for (const { certificate } of [newer, older]) expect(provider.metadataDocument()).toContain(bareBase64(certificate));
    now = day("2026-12-10");
    expect([await signerOf(), metadataSigner()]).toEqual([["newer"], ["newer"]]);
  } finally {
    provider.close();
  }
});
