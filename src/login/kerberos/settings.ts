import type { AttributeSettings, MethodSettings } from "../../core/settings.ts";
import type { MethodCheck, MethodContext } from "../method.ts";
import type { KerberosFile } from "./schema.ts";

/** A Kerberos acceptor as its code sees it. */
export interface KerberosSettings extends MethodSettings {
  readonly kind: "kerberos";
  readonly keytabFile: string;
  /** `HTTP/auth.acme.example`; never empty. */
  readonly principals: readonly string[];
  readonly realms: readonly string[];
  readonly networks: readonly string[];
  /** The ldap provider that says who a person is. */
  readonly lookup: string | null;
  readonly fallback: string | null;
  /** What a login by ticket counts as (`acr`); null = nothing is said. */
  readonly acr: string | null;
}

/** The settings of a provider of this method; null for another's. */
export function kerberosOf(protocol: MethodSettings): KerberosSettings | null {
  return protocol.kind === "kerberos" ? (protocol as KerberosSettings) : null;
}

/**
 * What a principal alone says: `principal` (alice@ACME.EXAMPLE) and `name` (alice), and where the ticket has a verified PAC `fullName` and `sid`;
 * its groups need no name here. With `lookup` the directory's own attributes count.
 */
export const kerberosAttributes: Omit<AttributeSettings, "extra"> = {
  subject: "principal",
  email: "email",
  name: ["fullName", "name"],
  groups: null,
};

/** The file's `kerberos:` with its defaults applied. */
export function kerberosSettings(kerberos: KerberosFile, { authOrigin, references }: MethodContext): KerberosSettings {
  const { keytab, principals, ...same } = kerberos;
  return {
    kind: "kerberos",
    ...same,
    keytabFile: references.path(keytab),
    // The realm of a service is its keytab's business.
    principals: principals.length === 0 ? [`HTTP/${authOrigin.hostname}`] : principals.map((name) => name.split("@", 1)[0] ?? name),
  };
}

/** That the providers it leads to are there, and are what they must be. */
export function checkKerberos(kerberos: KerberosFile, { id, path, others, report }: MethodCheck): void {
  const methodKeys = ["oidc", "saml", "ldap", "kerberos", "local"];
  const kindOf = (name: string) => {
    const other = others.get(name) as Readonly<Record<string, unknown>> | null | undefined;
    return other === null || other === undefined ? other : (methodKeys.find((method) => other[method] !== undefined) ?? null);
  };
  const { lookup, fallback } = kerberos;
  if (lookup !== null) {
    const kind = kindOf(lookup);
    if (kind === undefined) report.problem([...path, "lookup"], `there is no provider ${lookup}`);
    else if (kind !== null && kind !== "ldap") report.problem([...path, "lookup"], `${lookup} is no directory: name a provider with ldap`);
    else if (kind === "ldap" && !hasServiceAccount(others.get(lookup))) {
      report.problem([...path, "lookup"], `${lookup} has no service account to look people up with: write its bind`);
    }
  }
  if (fallback === null) {
    report.warning(path, "without fallback a visitor who has no ticket cannot sign in here: name the provider that takes over");
    return;
  }
  const kind = kindOf(fallback);
  if (kind === undefined) report.problem([...path, "fallback"], `there is no provider ${fallback}`);
  else if (fallback === id || kind === "kerberos") {
    report.problem([...path, "fallback"], "a visitor without a ticket needs another way: name a provider that is no Kerberos");
  }
}

function hasServiceAccount(provider: object | null | undefined): boolean {
  const ldap = (provider as { readonly ldap?: { readonly bind?: unknown } } | null | undefined)?.ldap;
  return ldap?.bind !== null && ldap?.bind !== undefined;
}
