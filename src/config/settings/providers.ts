import { formatOrigin } from "../../core/origin.ts";
import type { AttributeSettings, OidcSettings, ProviderSettings, SamlSettings } from "../../core/settings.ts";
import type { OidcFile, ProviderFile, SamlFile } from "../schema/providers.ts";
import type { References } from "../values/references.ts";
import { bareRecord, type SettingsContext } from "./context.ts";

/** One provider with its defaults applied. */
export function providerSettings(id: string, provider: ProviderFile, context: SettingsContext): ProviderSettings {
  const { oidc, saml } = provider;
  return {
    id,
    name: provider.name ?? id,
    emailDomains: provider.emailDomains,
    protocol: oidc === undefined ? samlSettings(id, saml, context) : oidcSettings(oidc, context.references),
    attributes: attributeSettings(provider.attributes, oidc === undefined ? samlDefaults : oidcDefaults),
    groupNames: bareRecord(Object.entries(provider.groupNames)),
  };
}

type Defaults = Omit<AttributeSettings, "extra">;
const oidcDefaults: Defaults = {
  subject: "sub",
  email: "email",
  name: ["name", "displayName", "{given_name} {family_name}", "email"],
  groups: "groups",
};
const samlDefaults: Defaults = {
  subject: "NameID",
  email: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
  name: ["DisplayName", "{FirstName} {LastName}", "email"],
  groups: "http://schemas.xmlsoap.org/claims/Group",
};

function attributeSettings(written: ProviderFile["attributes"], defaults: Defaults): AttributeSettings {
  return {
    subject: written.subject ?? defaults.subject,
    email: written.email ?? defaults.email,
    name: written.name ?? defaults.name,
    groups: written.groups === undefined ? defaults.groups : written.groups,
    extra: bareRecord(Object.entries(written.extra)),
  };
}

function oidcSettings(oidc: OidcFile, references: References): OidcSettings {
  const { maxAge, clockTolerance, clientSecret, privateKey, bearerAudiences, clientAuth, ...same } = oidc;
  return {
    kind: "oidc",
    ...same,
    clientAuth: clientAuth ?? "client_secret_basic",
    clientSecret: clientSecret === null ? null : references.secret(clientSecret),
    privateKey: privateKey === null ? null : { ...privateKey, key: references.secret(privateKey.key) },
    maxAgeSeconds: maxAge === null ? null : Math.floor(maxAge / 1000),
    bearerAudiences: bearerAudiences.length === 0 ? [oidc.clientId] : bearerAudiences,
    clockToleranceMs: clockTolerance,
  };
}

function samlSettings(id: string, saml: SamlFile | undefined, { file, references }: SettingsContext): SamlSettings {
  // The schema lets no provider through that has neither protocol.
  if (saml === undefined) throw new TypeError(`the provider ${id} speaks no protocol`);
  const { metadata, metadataRefresh, metadataSigner, idp, keys, clockTolerance, entityId, nameIdFormat, ...same } = saml;
  return {
    kind: "saml",
    ...same,
    metadata: metadataSource(metadata, references),
    metadataRefreshMs: metadataRefresh,
    metadataSigner: metadataSigner === null ? null : references.pem(metadataSigner),
    entityId: entityId ?? `${formatOrigin(file.auth.origin)}/_vestibule/saml/${id}/metadata`,
    nameIdFormat: nameIdFormat === null ? null : (nameIdFormats.get(nameIdFormat) ?? nameIdFormat),
    idp: idp === null ? null : { ...idp, certificates: idp.certificates.map((one) => references.pem(one)) },
    keys: keys.map((pair) => ({ certificate: references.pem(pair.certificate), key: references.secret(pair.key) })),
    clockToleranceMs: clockTolerance,
  };
}

/** By their short names too; SAML Core 8.3 has them from two versions. */
const nameIdFormats: ReadonlyMap<string, string> = new Map([
  ["unspecified", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"],
  ["emailAddress", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"],
  ["persistent", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"],
  ["transient", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"],
]);

function metadataSource(metadata: SamlFile["metadata"], references: References): SamlSettings["metadata"] {
  if (metadata === null) return null;
  if (typeof metadata === "string") return { kind: "url", url: metadata };
  return { kind: "file", path: references.path(metadata) };
}
