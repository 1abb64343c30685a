import type { Draft } from "./draft.ts";
import type { KeyPath } from "./key-path.ts";
import { isPublicEmailDomain } from "./public-email-domains.ts";
import type { References } from "./references.ts";
import type { Report } from "./report.ts";
import { checkHttps, checkSaml } from "./rules-saml.ts";
import type { OidcFile, ProviderFile } from "./schema-providers.ts";

/** Who owns which mail domain, and how each provider is spoken to. */
export function checkProviders(draft: Draft, references: References, report: Report): void {
  const owners = new Map<string, string>();
  const httpAllowed = draft.insecure?.httpProviders !== false;
  for (const [id, provider] of draft.providers) {
    if (provider === null) continue;
    const path = ["providers", id];
    checkDomains(id, provider, owners, draft.insecure?.publicEmailDomains !== false, report);
    if (provider.oidc !== undefined) checkOidc(provider.oidc, [...path, "oidc"], httpAllowed, references, report);
    if (provider.saml !== undefined) checkSaml(provider.saml, [...path, "saml"], httpAllowed, references, report);
  }
}

function checkDomains(id: string, provider: ProviderFile, owners: Map<string, string>, publicAllowed: boolean, report: Report): void {
  for (const [at, domain] of provider.emailDomains.entries()) {
    const path = ["providers", id, "emailDomains", at];
    const owner = owners.get(domain);
    if (owner !== undefined) {
      const where =
        owner === id ? "stands here twice: remove one" : `already belongs to the provider ${owner}: an address signs in at one place`;
      report.problem(path, `${domain} ${where}`);
    } else owners.set(domain, id);
    if (!publicAllowed && isPublicEmailDomain(domain)) {
      report.problem(
        path,
        `${domain} is a public mail domain, anyone can have an address there: remove it (or set insecure.publicEmailDomains)`,
      );
    }
  }
}

function checkOidc(oidc: OidcFile, path: KeyPath, httpAllowed: boolean, references: References, report: Report): void {
  checkHttps(oidc.issuer, [...path, "issuer"], httpAllowed, report);
  if (oidc.issuer.includes("?")) report.problem([...path, "issuer"], "an issuer has no query (OpenID Connect Discovery 3)");
  checkClientAuth(oidc, path, report);
  if (oidc.privateKey === null) return;
  const text = references.secret(oidc.privateKey.key).reveal();
  if (text !== "" && !/-----BEGIN (RSA |EC )?PRIVATE KEY-----/.test(text)) {
    report.problem([...path, "privateKey", "key"], "this is no private key in PEM form (-----BEGIN PRIVATE KEY-----)");
  }
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
