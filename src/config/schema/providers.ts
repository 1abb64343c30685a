import { z } from "zod";
import { parseMailDomain } from "../values/hosts.ts";
import { duration, fileRef, key, parsed, pem, providerUrl, secret, someOf, text, word } from "../values/schema-values.ts";

const idp = z.strictObject({
  entityId: key(text(), "The provider's entity id."),
  ssoUrl: key(providerUrl(), "Where logins go."),
  sloUrl: key(providerUrl().nullable().prefault(null), "Where logouts go."),
  certificates: key(someOf(pem(), "certificate"), "Certificates whose keys sign the provider's messages."),
});
const ownKey = z.strictObject({
  certificate: key(pem(), "Published in our metadata."),
  key: key(secret(), "Its private key as PEM."),
});

/** How a provider that speaks SAML 2.0 is spoken to. */
const saml = z
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
    keys: key(z.array(ownKey).prefault([]), "Ours, newest first; published, all decrypt."),
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
export type SamlFile = z.output<typeof saml>;

/** Asymmetric only: `none` and HMAC algorithms let whoever knows a public value sign tokens (RFC 8725 2.1, 3.1). */
const signingAlgorithm = () =>
  z.enum(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"], {
    error: (issue) => {
      if (issue.input !== "none" && !/^HS\d+$/.test(String(issue.input))) return undefined;
      return `${String(issue.input)} is never accepted: write an asymmetric algorithm such as RS256 or ES256`;
    },
  });

const privateKey = z.strictObject({
  key: key(secret(), "The private key as PEM (PKCS #8)."),
  kid: key(text().nullable().prefault(null), "Key id as registered at the provider."),
  alg: key(signingAlgorithm().prefault("ES256"), "Algorithm that fits the key."),
});

const promptWords = ["login", "consent", "select_account"];
const prompt = text().refine((value) => value.split(" ").every((one) => promptWords.includes(one)), {
  error: (issue) =>
    issue.input === "none"
      ? "with prompt: none nobody could ever sign in: leave it out, or write login, consent or select_account"
      : "unknown prompt: write login, consent or select_account",
});

const scopes = someOf(word("a scope"), "scope").refine((list) => list.includes("openid"), {
  error: "scopes must include openid: without it the provider sends no ID token",
});

const oidc = z.strictObject({
  issuer: key(providerUrl(), "The provider's issuer, exactly as its discovery document says it."),
  clientId: key(text(), "Our id at the provider."),
  clientSecret: key(secret().nullable().prefault(null), "Our secret at the provider."),
  clientAuth: key(
    z.enum(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]).optional(),
    "How we prove who we are at the token endpoint.",
    "client_secret_basic",
  ),
  privateKey: key(privateKey.nullable().prefault(null), "For private_key_jwt."),
  scopes: key(scopes.prefault(["openid", "profile", "email"]), "What is asked for."),
  responseMode: key(z.enum(["query", "form_post"]).prefault("query"), "How the provider's answer travels."),
  signingAlgorithms: key(
    z.array(signingAlgorithm()).prefault([]),
    "Of ID and logout tokens; empty means the asymmetric ones that the provider announces.",
  ),
  prompt: key(prompt.nullable().prefault(null), "For example select_account."),
  maxAge: key(duration({ min: "0s" }).nullable().prefault(null), "The login at the provider may be no older than this."),
  acrValues: key(z.array(word("an acr value")).prefault([]), "Strengths of login to ask for, best first."),
  bearerAudiences: key(z.array(text()).prefault([]), "Accepted aud of bearer tokens; empty means the clientId."),
  refresh: key(z.boolean().prefault(true), "Use refresh tokens to keep groups current."),
  pushedAuthorization: key(z.enum(["auto", "required", "never"]).prefault("auto"), "Pushed authorization requests (RFC 9126)."),
  rpInitiatedLogout: key(z.boolean().prefault(true), "Leave the provider too, where it has an end_session_endpoint."),
  clockTolerance: key(duration({ min: "0s", max: "10m" }).prefault("60s"), "How far the provider's clock may be off."),
});

/** A claim path, or a template of several; braces must come in pairs with something inside. */
const nameSource = text().refine((value) => !/[{}]/.test(value.replaceAll(/\{[^{}\s][^{}]*\}/g, "")), {
  error: 'a template holds claim names in braces, such as "{given_name} {family_name}"',
});
const attributeName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "a name under extra is letters, digits, - and _" });

const attributes = z
  .strictObject({
    subject: key(text(), "The stable id; for Entra use oid.", "sub").optional(),
    email: key(text(), "Claim with the address.", "email").optional(),
    name: key(someOf(nameSource, "claim"), "Claims or templates; the first that yields something.", [
      "name",
      "displayName",
      "{given_name} {family_name}",
      "email",
    ]).optional(),
    groups: key(text().nullable(), "Claim or attribute path, such as realm_access.roles; null for none.", "groups").optional(),
    extra: key(z.record(attributeName, text()).prefault({}), "Further attributes, available to headers and rules."),
  })
  .prefault({});

const providerId = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, { error: "a provider's id is lower-case letters, digits and hyphens: it stands in URLs" })
  .refine((id) => !["all", "any", "none", "constructor"].includes(id), { error: "this id is reserved: choose another" });

/** One provider, whatever protocols it names: what the meaning pass makes of a misshapen one. */
export const providerShape = z.strictObject({
  name: key(text(), "What the visitor reads on the chooser page; default: the id.").optional(),
  emailDomains: key(z.array(parsed(parseMailDomain)).prefault([]), "These addresses sign in here and nowhere else."),
  oidc: key(oidc, "An OpenID Connect provider.").optional(),
  saml: key(saml, "A SAML 2.0 provider.").optional(),
  attributes: key(attributes, "How what the provider says becomes an identity."),
  groupNames: key(z.record(text(), text()).prefault({}), "The provider's group ids to the names that rules use."),
});
const provider = providerShape.refine((value) => (value.oidc === undefined) !== (value.saml === undefined), {
  error: "a provider speaks exactly one protocol: write either oidc: or saml:",
});

export const providers = key(z.record(providerId, provider).prefault({}), "Identity providers by id.");
export type ProviderFile = z.output<typeof provider>;
export type OidcFile = z.output<typeof oidc>;
