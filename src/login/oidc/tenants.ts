import { readEmailAddress } from "../../lib/names.ts";
import { type Claims, claimAt, onlyText } from "../claims/claim-paths.ts";
import type { OidcContext } from "./context.ts";

/**
 * Claims of a token of one of several tenants (Entra ID, `{tenantid}` in the issuer) in terms in which no two people are alike: the account is
 * (tenant, oid), written as `<oid>.<tenant>` as Microsoft's own libraries do. An address counts when its tenant owns the domain, which the
 * optional claim `xms_edov` says, or when the operator lists the domain under `emailDomains`: in a tenant of one's own one may write
 * any address into one's profile (the "nOAuth" attack). With a single tenant nothing changes.
 */
export function inTenantTerms({ oidc, settings, mapping }: Pick<OidcContext, "oidc" | "settings" | "mapping">, claims: Claims): Claims {
  if (oidc.tenants.length === 0) return claims;
  const { subject, email } = mapping.attributes;
  const account = claimAt(claims, subject);
  const tenant = String(claims.tid).toLowerCase();
  const domain = readEmailAddress(onlyText(claimAt(claims, email)) ?? "")?.domain ?? null;
  const isOwned = isYes(claims.xms_edov) || (domain !== null && settings.emailDomains.includes(domain));
  return {
    ...claims,
    ...(typeof account === "string" ? { [subject]: `${account}.${tenant}` } : {}),
    ...(isOwned ? {} : { email_verified: false }),
  };
}

/** Entra ID writes `true`, `1` or either as text. */
const isYes = (value: unknown) => value === true || value === 1 || value === "1" || String(value).toLowerCase() === "true";
