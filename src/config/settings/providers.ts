import type { AttributeSettings, ProviderSettings } from "../../core/settings.ts";
import { methods } from "../../login/methods.ts";
import { methodOf, type ProviderFile } from "../schema/providers.ts";
import { bareRecord, type SettingsContext } from "./context.ts";

/** One provider with its defaults applied. */
export function providerSettings(id: string, provider: ProviderFile, { file, references }: SettingsContext): ProviderSettings {
  const method = Object.values(methods).find((one) => methodOf(provider, one.id) !== undefined);
  // The schema lets no provider through that has no method.
  if (method === undefined) throw new TypeError(`the provider ${id} has no login method`);
  return {
    id,
    name: provider.name ?? id,
    emailDomains: provider.emailDomains,
    protocol: method.settings(methodOf(provider, method.id), { id, authOrigin: file.auth.origin, references }),
    attributes: attributeSettings(provider.attributes, method.attributes),
    groupNames: bareRecord(Object.entries(provider.groupNames)),
    groupsSeparator: provider.groupsSeparator,
    groupsPrefix: provider.groupsPrefix,
    scim: provider.scim === null ? null : { tokens: provider.scim.tokens.map((token) => references.secret(token)) },
    graph: provider.graph,
    domainProof: provider.domainProof,
  };
}

function attributeSettings(written: ProviderFile["attributes"], defaults: Omit<AttributeSettings, "extra">): AttributeSettings {
  return {
    subject: written.subject ?? defaults.subject,
    email: written.email ?? defaults.email,
    name: written.name ?? defaults.name,
    groups: written.groups === undefined ? defaults.groups : written.groups,
    extra: bareRecord(Object.entries(written.extra)),
  };
}
