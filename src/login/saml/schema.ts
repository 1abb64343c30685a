import { z } from "zod";
import { duration, fileRef, instant, key, pem, providerUrl, secret, someOf, text } from "../../config/values/schema-values.ts";

const idp = z.strictObject({
  entityId: key(text(), "The provider's entity id."),
  ssoUrl: key(providerUrl(), "Where logins go."),
  sloUrl: key(providerUrl().nullable().prefault(null), "Where logouts go."),
  certificates: key(someOf(pem(), "certificate"), "Certificates whose keys sign the provider's messages."),
});
const ownKey = z.strictObject({
  certificate: key(pem(), "Published in our metadata."),
  key: key(secret(), "Its private key as PEM."),
  signing: key(
    z
      .union([z.literal(true), instant("true, ")], { error: "write true, or the day from which on this key signs, such as 2027-06-30" })
      .nullable()
      .prefault(null),
    "true: signs today; a day or instant: signs from then on. Publish a new key first, and let it sign when the provider has read it.",
  ),
});

/** How a provider that speaks SAML 2.0 is spoken to. */
export const samlSchema = z
  .strictObject({
    metadata: key(
      z
        .union([providerUrl(), fileRef("xml")])
        .nullable()
        .prefault(null),
      "URL, or { file: PATH }.",
    ),
    metadataEntity: key(text().nullable().prefault(null), "Which entityID, when the document is a federation's."),
    metadataRefresh: key(duration({ min: "1m", max: "30d" }).prefault("12h"), "How often the metadata is fetched again."),
    metadataSigner: key(pem().nullable().prefault(null), "Certificate that must have signed the metadata."),
    entityId: key(text().nullable().prefault(null), "Ours; default: <auth.origin>/_vestibule/saml/<id>/metadata."),
    idp: key(idp.nullable().prefault(null), "Instead of metadata."),
    nameIdFormat: key(text().nullable().prefault(null), "NameID format to ask for."),
    signRequests: key(z.boolean().prefault(true), "Sign what we send."),
    keys: key(
      z.array(ownKey).prefault([]),
      "Ours, newest first; published, all decrypt. The first signs, unless `signing` says otherwise.",
    ),
    wantAssertionsSigned: key(z.boolean().prefault(true), "Ask for signed assertions."),
    allowIdpInitiated: key(z.boolean().prefault(false), "Accept logins that were not asked for."),
    allowSha1: key(z.boolean().prefault(false), "Accept SHA-1 signatures."),
    allowLegacyEncryption: key(z.boolean().prefault(false), "Accept AES-CBC and RSA1_5."),
    forceAuthn: key(z.boolean().prefault(false), "The person must prove who they are at each login."),
    authnContext: key(z.array(text()).prefault([]), "Strengths of login to ask for."),
    singleLogout: key(z.boolean().prefault(true), "Leave the provider too."),
    clockTolerance: key(duration({ min: "0s", max: "10m" }).prefault("60s"), "How far the provider's clock may be off."),
  })
  .refine((value) => (value.metadata === null) !== (value.idp === null), {
    error: "exactly one of metadata and idp is needed",
  });
export type SamlFile = z.output<typeof samlSchema>;
