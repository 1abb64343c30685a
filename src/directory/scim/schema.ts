/** One attribute as RFC 7643 section 7 describes it. */
export interface Attribute {
  readonly name: string;
  readonly type: "string" | "boolean" | "dateTime" | "reference" | "complex" | "binary";
  readonly multiValued: boolean;
  readonly description: string;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: "readWrite" | "readOnly" | "writeOnly";
  readonly returned: "always" | "default" | "never";
  readonly uniqueness: "none" | "server";
  readonly subAttributes: readonly Attribute[];
}
export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}
export interface ResourceType {
  readonly name: "User" | "Group";
  readonly endpoint: "/Users" | "/Groups";
  readonly schema: Schema;
  readonly extensions: readonly Schema[];
}

type Change = Partial<Omit<Attribute, "name">>;
const attribute = (name: string, description: string, change: Change = {}): Attribute => ({
  name,
  type: "string",
  multiValued: false,
  description,
  required: false,
  caseExact: false,
  mutability: "readWrite",
  returned: "default",
  uniqueness: "none",
  subAttributes: [],
  ...change,
});
const complex = (name: string, description: string, subAttributes: readonly Attribute[], change: Change = {}) =>
  attribute(name, description, { type: "complex", subAttributes, ...change });
/** `emails` and its like: value, display, type, primary (RFC 7643 2.4). */
const plural = (name: string, description: string, value: Change = {}) =>
  complex(
    name,
    description,
    [
      attribute("value", "The value itself.", value),
      attribute("display", "The value for people to read."),
      attribute("type", "What it is for, such as work or home."),
      attribute("primary", "Whether it is the preferred one.", { type: "boolean" }),
    ],
    { multiValued: true },
  );
const reference = { type: "reference", caseExact: true } as const;
const readOnly = { mutability: "readOnly" } as const;

const user: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:User",
  name: "User",
  description: "A person",
  attributes: [
    attribute("userName", "The name that the provider knows the person by; unique, without case.", {
      required: true,
      uniqueness: "server",
    }),
    complex("name", "The parts of the name.", [
      attribute("formatted", "The whole name."),
      attribute("familyName", "The last name."),
      attribute("givenName", "The first name."),
      attribute("middleName", "The middle names."),
      attribute("honorificPrefix", "A title in front."),
      attribute("honorificSuffix", "What stands behind."),
    ]),
    attribute("displayName", "The name as it is shown."),
    attribute("nickName", "The casual name."),
    attribute("profileUrl", "A page about the person.", reference),
    attribute("title", "The job's title."),
    attribute("userType", "The relation to the organisation."),
    attribute("preferredLanguage", "As in Accept-Language."),
    attribute("locale", "For dates and numbers."),
    attribute("timezone", "As in the IANA database."),
    attribute("active", "False shuts the person out everywhere.", { type: "boolean" }),
    attribute("password", "Accepted and thrown away: people sign in at the provider.", { mutability: "writeOnly", returned: "never" }),
    plural("emails", "Addresses."),
    plural("phoneNumbers", "Telephone numbers."),
    plural("ims", "Messengers."),
    plural("photos", "Pictures.", reference),
    complex(
      "addresses",
      "Postal addresses.",
      [
        attribute("formatted", "The whole address."),
        attribute("streetAddress", "Street and house."),
        attribute("locality", "City."),
        attribute("region", "State or region."),
        attribute("postalCode", "Postal code."),
        attribute("country", "Country."),
        attribute("type", "What it is for, such as work or home."),
        attribute("primary", "Whether it is the preferred one.", { type: "boolean" }),
      ],
      { multiValued: true },
    ),
    complex(
      "groups",
      "The groups in which the person is; changed at the groups.",
      [
        attribute("value", "The group's id.", { ...readOnly, caseExact: true }),
        attribute("$ref", "Its address.", { ...reference, ...readOnly }),
        attribute("display", "Its name.", readOnly),
        attribute("type", "direct.", readOnly),
      ],
      { multiValued: true, ...readOnly },
    ),
    plural("entitlements", "What the person may use."),
    plural("roles", "Roles at the provider. Kept, and no roles of the gateway."),
    plural("x509Certificates", "Certificates.", { type: "binary", caseExact: true }),
  ],
};

const enterprise: Schema = {
  id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  name: "EnterpriseUser",
  description: "A person in an organisation",
  attributes: [
    attribute("employeeNumber", "The number in the organisation."),
    attribute("costCenter", "The cost centre."),
    attribute("organization", "The organisation."),
    attribute("division", "The division."),
    attribute("department", "The department."),
    complex("manager", "The manager.", [
      attribute("value", "The id of the manager's User.", { caseExact: true }),
      attribute("$ref", "Its address.", reference),
      attribute("displayName", "The manager's name.", readOnly),
    ]),
  ],
};

const group: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:Group",
  name: "Group",
  description: "A group of people",
  attributes: [
    attribute("displayName", "Its name; unique, without case.", { required: true, uniqueness: "server" }),
    complex(
      "members",
      "Users and groups.",
      [
        attribute("value", "The id of a User or Group.", { caseExact: true }),
        attribute("$ref", "Its address.", { ...reference, ...readOnly }),
        attribute("type", "User or Group."),
        attribute("display", "Its name.", readOnly),
      ],
      { multiValued: true },
    ),
  ],
};

/** Attributes of every resource (RFC 7643 3.1). */
export const commonAttributes: readonly Attribute[] = [
  attribute("schemas", "The schemas of the resource.", { multiValued: true, caseExact: true, returned: "always" }),
  attribute("id", "Made by the gateway.", { ...readOnly, caseExact: true, returned: "always", uniqueness: "server" }),
  attribute("externalId", "The provider's own id; unique. A login whose subject it is meets this person.", { caseExact: true }),
  complex(
    "meta",
    "About the resource itself.",
    [
      attribute("resourceType", "User or Group.", { ...readOnly, caseExact: true }),
      attribute("created", "When it was made.", { ...readOnly, type: "dateTime" }),
      attribute("lastModified", "When it was changed.", { ...readOnly, type: "dateTime" }),
      attribute("location", "Its address.", { ...readOnly, ...reference }),
      attribute("version", "Its ETag.", { ...readOnly, caseExact: true }),
    ],
    readOnly,
  ),
];

export const userType: ResourceType = { name: "User", endpoint: "/Users", schema: user, extensions: [enterprise] };
export const groupType: ResourceType = { name: "Group", endpoint: "/Groups", schema: group, extensions: [] };
export const enterpriseUrn = enterprise.id;

/** Where an attribute lies: in the extension named by `urn` (null = at the top), and perhaps one of its parts. */
export interface AttributePath {
  readonly urn: string | null;
  readonly attribute: Attribute;
  readonly sub: Attribute | null;
}

/** The attribute that a path names, without case; null when there is none. `urn:…:User:department`, `name.familyName`, `emails`. */
export function findAttribute(type: ResourceType, path: string): AttributePath | null {
  const lower = path.toLowerCase();
  for (const schema of [type.schema, ...type.extensions]) {
    const prefix = `${schema.id.toLowerCase()}:`;
    if (lower.startsWith(prefix)) return within(schema, type, path.slice(prefix.length));
  }
  return within(type.schema, type, path);
}

/** The extension that a whole path names, such as `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User`. */
export function findExtension(type: ResourceType, path: string): Schema | null {
  return type.extensions.find(({ id }) => id.toLowerCase() === path.toLowerCase()) ?? null;
}

function within(schema: Schema, type: ResourceType, path: string): AttributePath | null {
  const [name = "", sub, ...more] = path.split(".");
  if (more.length > 0) return null;
  const own = schema === type.schema ? [...schema.attributes, ...commonAttributes] : schema.attributes;
  const attribute = named(own, name);
  if (attribute === null) return null;
  const part = sub === undefined ? null : named(attribute.subAttributes, sub);
  if (sub !== undefined && part === null) return null;
  return { urn: schema === type.schema ? null : schema.id, attribute, sub: part };
}

/** The attribute of this name, without case. */
export function named(attributes: readonly Attribute[], name: string): Attribute | null {
  return attributes.find((attribute) => attribute.name.toLowerCase() === name.toLowerCase()) ?? null;
}
