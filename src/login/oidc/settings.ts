import type { KeyObject } from "node:crypto";
import type { KeyPath, Report } from "../../config/problems/report.ts";
import type { References } from "../../config/values/references.ts";
import { checkHttps, checkKey } from "../../config/values/trust.ts";
import type { Secret } from "../../core/secret.ts";
import type { AttributeSettings, MethodSettings } from "../../core/settings.ts";
import type { MethodCheck, MethodContext } from "../method.ts";
import type { OidcFile } from "./schema.ts";

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
    clientAuth: clientAuth ?? "client_secret_basic",
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
  const method = oidc.clientAuth ?? "client_secret_basic";
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
