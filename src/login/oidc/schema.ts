import { z } from "zod";
import { duration, key, providerUrl, secret, someOf, text, word } from "../../config/values/schema-values.ts";

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

/** Key management of JWE as RFC 7518 4 names it, without RSA1_5 and the symmetric kinds. */
const decryptionKey = z.strictObject({
  key: key(secret(), "The private key as PEM."),
  kid: key(text().nullable().prefault(null), "Its name; default: its thumbprint (RFC 7638)."),
  alg: key(z.enum(["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES"]).prefault("RSA-OAEP-256"), "Algorithm that fits the key."),
});

/** What the gateway itself says in an authorization request, or what would make another request of it. */
const ownParameters = [
  ...["client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"],
  ...["response_mode", "prompt", "max_age", "acr_values", "login_hint", "ui_locales", "request", "request_uri", "id_token_hint"],
];
const parameters = z.record(
  z
    .string()
    .regex(/^[A-Za-z0-9._~-]{1,64}$/, { error: "a parameter's name is letters, digits and . _ ~ -" })
    .refine((name) => !ownParameters.includes(name), { error: "the gateway sets this parameter itself: it cannot be a fixed one" }),
  text(),
);

const tenant = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, { error: "a tenant is named by its id (a UUID)" });

const promptWords = ["login", "consent", "select_account"];
const prompt = text().refine((value) => value.split(" ").every((one) => promptWords.includes(one)), {
  error: (issue) =>
    issue.input === "none"
      ? "with prompt: none nobody could ever sign in: leave it out, or write login, consent or select_account"
      : "unknown prompt: write login, consent or select_account",
});

const logoutTokens = z
  .strictObject({
    requireExp: key(z.boolean().prefault(true), "false: logout tokens without exp are accepted, within five minutes of their iat."),
    sidFromSub: key(z.boolean().prefault(false), "true: front-channel logouts name the sub as sid (LemonLDAP::NG)."),
  })
  .prefault({});

const scopes = someOf(word("a scope"), "scope").refine((list) => list.includes("openid"), {
  error: "scopes must include openid: without it the provider sends no ID token",
});

/** How a provider that speaks OpenID Connect is spoken to. */
export const oidcSchema = z.strictObject({
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
  stepUpPrompt: key(z.boolean().prefault(true), "Ask for a stronger login with prompt=login, so that the person proves it anew."),
  bearerAudiences: key(z.array(text()).prefault([]), "Accepted aud of bearer tokens; empty means the clientId."),
  userinfo: key(
    z.enum(["auto", "always", "never"]).prefault("auto"),
    "Whether the userinfo endpoint is asked; auto: when the ID token lacks something.",
  ),
  discovery: key(providerUrl().nullable().prefault(null), "Where the discovery document is, when not below the issuer."),
  tenants: key(z.array(tenant).prefault([]), "With an issuer that holds {tenantid}: the tenants that may sign in."),
  parameters: key(parameters.prefault({}), "Fixed extra authorization parameters, such as kc_idp_hint."),
  clientAssertionAudience: key(z.enum(["issuer", "token_endpoint"]).prefault("issuer"), "The aud of private_key_jwt."),
  decryptionKeys: key(z.array(decryptionKey).prefault([]), "Ours, newest first: ID tokens and userinfo may be encrypted to them."),
  logoutTokens: key(logoutTokens, "For providers whose logout messages lack something."),
  refresh: key(z.boolean().prefault(true), "Use refresh tokens to keep groups current."),
  pushedAuthorization: key(z.enum(["auto", "required", "never"]).prefault("auto"), "Pushed authorization requests (RFC 9126)."),
  rpInitiatedLogout: key(z.boolean().prefault(true), "Leave the provider too, where it has an end_session_endpoint."),
  clockTolerance: key(duration({ min: "0s", max: "10m" }).prefault("60s"), "How far the provider's clock may be off."),
});
export type OidcFile = z.output<typeof oidcSchema>;
