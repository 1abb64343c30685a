import { z } from "zod";
import { methods } from "../../login/methods.ts";
import { parseMailDomain } from "../values/hosts.ts";
import { key, parsed, someOf, text } from "../values/schema-values.ts";
import { domainProof, graph, scim } from "./directory.ts";

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

/** Letters and digits are what names are made of. */
const separator = z.string().regex(/^[^\p{Cc}\p{L}\p{N}]$/u, { error: "one character that no group's name holds, such as , or ;" });
const groupsPrefix = z.string().regex(/^[^\p{Cc}*]{1,64}$/u, { error: 'a text of at most 64 characters, without *, such as "partner:"' });

const providerId = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, { error: "a provider's id is lower-case letters, digits and hyphens: it stands in URLs" })
  .refine((id) => !["all", "any", "none", "constructor", "service-token"].includes(id), { error: "this id is reserved: choose another" });

const methodKeys = Object.keys(methods);

const beforeMethod = {
  name: key(text(), "What the visitor reads on the chooser page; default: the id.").optional(),
  emailDomains: key(z.array(parsed(parseMailDomain)).prefault([]), "These addresses sign in here and nowhere else."),
};
const afterMethod = {
  attributes: key(attributes, "How what the provider says becomes an identity."),
  groupsSeparator: key(separator.nullable().prefault(null), "A character: the provider sends all groups in one text."),
  groupNames: key(z.record(text(), text()).prefault({}), "The provider's group ids to the names that rules use."),
  groupsPrefix: key(
    groupsPrefix.nullable().prefault(null),
    "Before each of its groups in rules and headers: tells providers' groups apart.",
  ),
  scim,
  graph,
  domainProof,
};

/** A provider without its login method; that is read with `methodOf`. */
export type ProviderFile = z.output<z.ZodObject<typeof beforeMethod & typeof afterMethod>>;

/** One provider, whatever methods it names: what the meaning pass makes of a misshapen one. */
export const providerShape: z.ZodType<ProviderFile> = z.strictObject({
  ...beforeMethod,
  ...Object.fromEntries(Object.values(methods).map(({ id, describe, schema }) => [id, key(schema, describe).optional()])),
  ...afterMethod,
});

/** What the file says under the key of a method, as the method's own schema reads it; undefined when it says nothing. */
export function methodOf(provider: ProviderFile, id: string): unknown {
  return (provider as Readonly<Record<string, unknown>>)[id];
}

const provider = providerShape.refine((value) => methodKeys.filter((id) => methodOf(value, id) !== undefined).length === 1, {
  error: `a provider speaks exactly one protocol: write ${oneOf(Object.keys(methods).map((id) => `${id}:`))}`,
});

/** `either oidc: or saml:`, or one of a longer list. */
function oneOf(names: readonly string[]): string {
  const [last, ...others] = names.toReversed();
  return others.length === 1 ? `either ${others[0]} or ${last}` : `one of ${others.toReversed().join(", ")} or ${last}`;
}

export const providers = key(z.record(providerId, provider).prefault({}), "Identity providers by id.");
