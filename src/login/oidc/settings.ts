import type { KeyObject } from "node:crypto";
import { z } from "zod";
import type { KeyPath, Report } from "../../config/problems/report.ts";
import type { References } from "../../config/values/references.ts";
import { duration, key, providerUrl, secret, someOf, text, word } from "../../config/values/schema-values.ts";
import { checkHttps, checkKey } from "../../config/values/trust.ts";
import type { Secret } from "../../core/secret.ts";
import type { AttributeSettings, MethodSettings } from "../../core/settings.ts";
import type { MethodCheck, MethodContext } from "../method.ts";

/** Asymmetric only: `none` and HMAC algorithms let all who know a public value sign tokens (RFC 8725 2.1, 3.1). */
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

const usualClientAuth = "client_secret_basic";

/** How a provider that speaks OpenID Connect is spoken to. */
export const oidcSchema = z.strictObject({
  issuer: key(providerUrl(), "The provider's issuer, exactly as its discovery document says it."),
  clientId: key(text(), "Our id at the provider."),
  clientSecret: key(secret().nullable().prefault(null), "Our secret at the provider."),
  clientAuth: key(
    z.enum(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]).optional(),
    "How we prove who we are at the token endpoint.",
    usualClientAuth,
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

/** An OpenID Connect provider as its code sees it: defaults applied, references read. */
export interface OidcSettings extends MethodSettings {
  readonly kind: "oidc";
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret | null;
  readonly clientAuth: "client_secret_basic" | "client_secret_post" | "private_key_jwt" | "none";
  /** PEM text of the key. */
  readonly privateKey: { readonly key: Secret; readonly kid: string | null; readonly alg: string } | null;
  readonly scopes: readonly string[];
  readonly responseMode: "query" | "form_post";
  /** Empty = the asymmetric ones that the provider announces. */
  readonly signingAlgorithms: readonly string[];
  readonly prompt: string | null;
  readonly maxAgeSeconds: number | null;
  readonly acrValues: readonly string[];
  /** A stronger login is asked for with `prompt=login`. */
  readonly stepUpPrompt: boolean;
  /** As the operator named them; empty = the client id. */
  readonly bearerAudiences: readonly string[];
  readonly userinfo: "auto" | "always" | "never";
  /** Null = below the issuer. */
  readonly discovery: string | null;
  /** Lower case; empty unless the issuer holds `{tenantid}`. */
  readonly tenants: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly clientAssertionAudience: "issuer" | "token_endpoint";
  /** Newest first: PEM texts. */
  readonly decryptionKeys: readonly {
    readonly key: Secret;
    readonly kid: string | null;
    readonly alg: "RSA-OAEP" | "RSA-OAEP-256" | "ECDH-ES";
  }[];
  readonly logoutTokens: { readonly requireExp: boolean; readonly sidFromSub: boolean };
  readonly refresh: boolean;
  readonly pushedAuthorization: "auto" | "required" | "never";
  readonly rpInitiatedLogout: boolean;
  readonly clockToleranceMs: number;
}

/** The settings of a provider of this method; null for another's. */
export function oidcOf(protocol: MethodSettings): OidcSettings | null {
  return protocol.kind === "oidc" ? (protocol as OidcSettings) : null;
}

/** What Entra ID writes into the issuer of its common endpoints, for the tenant of each token. */
export const tenantPlaceholder = "{tenantid}";

/** Where a provider puts what it says of a person, unless the file says otherwise. */
export const oidcAttributes: Omit<AttributeSettings, "extra"> = {
  subject: "sub",
  email: "email",
  name: ["name", "displayName", "{given_name} {family_name}", "email"],
  groups: "groups",
};

/** The file's `oidc:` with its defaults applied and its secrets read. */
export function oidcSettings(oidc: OidcFile, { references }: Pick<MethodContext, "references">): OidcSettings {
  const { maxAge, clockTolerance, clientSecret, privateKey, decryptionKeys, tenants, clientAuth, ...same } = oidc;
  return {
    kind: "oidc",
    ...same,
    clientAuth: clientAuth ?? usualClientAuth,
    clientSecret: clientSecret === null ? null : references.secret(clientSecret),
    privateKey: privateKey === null ? null : { ...privateKey, key: references.secret(privateKey.key) },
    maxAgeSeconds: maxAge === null ? null : Math.floor(maxAge / 1000),
    decryptionKeys: decryptionKeys.map((one) => ({ ...one, key: references.secret(one.key) })),
    tenants: tenants.map((id) => id.toLowerCase()),
    clockToleranceMs: clockTolerance,
  };
}

/** Where the provider is found, and how we prove to it who we are. */
export function checkOidc(oidc: OidcFile, { path, allowed, references, report }: MethodCheck): void {
  checkHttps(oidc.issuer, [...path, "issuer"], allowed("httpProviders"), report);
  if (oidc.issuer.includes("?")) report.problem([...path, "issuer"], "an issuer has no query (OpenID Connect Discovery 3)");
  if (/\/\.well-known\/openid-configuration\/?$/.test(oidc.issuer))
    report.problem(
      [...path, "issuer"],
      "this is the discovery address: the issuer is the part before /.well-known, as the document itself says it",
    );
  if (oidc.discovery !== null) checkHttps(oidc.discovery, [...path, "discovery"], allowed("httpProviders"), report);
  checkTenants(oidc, path, report);
  checkClientAuth(oidc, path, report);
  checkDecryptionKeys(oidc, path, references, report);
  if (oidc.privateKey === null) return;
  const key = checkKey(null, references.secret(oidc.privateKey.key).reveal(), [...path, "privateKey", "key"], report);
  const fitting = key === null ? null : algorithmsOf(key);
  if (fitting !== null && !fitting.includes(oidc.privateKey.alg)) {
    report.problem([...path, "privateKey", "alg"], `${oidc.privateKey.alg} does not fit this key: write ${fitting.join(" or ")}`);
  }
}

function checkTenants({ issuer, tenants, discovery }: OidcFile, path: KeyPath, report: Report): void {
  const isTemplate = issuer.includes(tenantPlaceholder);
  if (isTemplate && tenants.length === 0)
    report.problemAtKey(path, "an issuer with {tenantid} stands for every tenant there is: list those that may sign in under tenants");
  if (isTemplate && discovery === null)
    report.problemAtKey(path, "an issuer with {tenantid} has no address: write discovery: https://…/.well-known/openid-configuration");
  if (!isTemplate && tenants.length > 0)
    report.problem([...path, "tenants"], "tenants are for an issuer that holds {tenantid}: this one is of a single tenant");
}

function checkDecryptionKeys({ decryptionKeys }: OidcFile, path: KeyPath, references: References, report: Report): void {
  for (const [at, { key: reference, alg }] of decryptionKeys.entries()) {
    const here = [...path, "decryptionKeys", at];
    const key = checkKey(null, references.secret(reference).reveal(), [...here, "key"], report);
    if (key === null) continue;
    const fits = alg === "ECDH-ES" ? ["ec", "x25519"] : ["rsa"];
    if (!fits.includes(key.asymmetricKeyType ?? "")) report.problem([...here, "alg"], `${alg} does not fit this key`);
  }
}

/** The algorithms of JWS that a private key can sign with (RFC 7518 3.1, RFC 8037); null for a kind of key that none of them uses. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] | null {
  if (asymmetricKeyType === "rsa") return ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
  if (asymmetricKeyType === "ed25519") return ["EdDSA", "Ed25519"];
  const curves: Readonly<Record<string, string>> = { prime256v1: "ES256", secp384r1: "ES384", secp521r1: "ES512" };
  const algorithm = curves[asymmetricKeyDetails?.namedCurve ?? ""];
  return algorithm === undefined ? null : [algorithm];
}

function checkClientAuth(oidc: OidcFile, path: KeyPath, report: Report): void {
  const method = oidc.clientAuth ?? usualClientAuth;
  const usesSecret = method === "client_secret_basic" || method === "client_secret_post";
  if (usesSecret && oidc.clientSecret === null) {
    report.problemAtKey(path, `clientAuth ${method} needs clientSecret: write { env: NAME } (or clientAuth: none for a public client)`);
  }
  if (method === "private_key_jwt" && oidc.privateKey === null) {
    report.problemAtKey(path, "clientAuth private_key_jwt needs privateKey: write { key: { file: PATH }, kid: …, alg: ES256 }");
  }
  if (!usesSecret && oidc.clientSecret !== null) {
    report.problem([...path, "clientSecret"], `with clientAuth ${method} a clientSecret is never used: remove one of the two`);
  }
  if (method !== "private_key_jwt" && oidc.privateKey !== null) {
    report.problem([...path, "privateKey"], "a privateKey is only used with clientAuth: private_key_jwt");
  }
}
