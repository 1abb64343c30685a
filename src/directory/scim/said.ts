import { isObject, type Json, type JsonObject } from "../documents.ts";
import { enterpriseUrn } from "./schema.ts";

const plain = ["title", "nickName", "userType", "preferredLanguage", "locale", "timezone"];
const ofEnterprise = ["employeeNumber", "costCenter", "organization", "division", "department"];

/**
 * What a SCIM User says of a person, by the names under which attributes are kept: `name` (the first of displayName, name.formatted,
 * first and last name, userName), `picture`, `manager`, `givenName`, `familyName`, `phone`, and the rest under their own names.
 */
export function saidBy(resource: JsonObject): Readonly<Record<string, readonly string[]>> {
  const said = new Map<string, readonly string[]>();
  const put = (name: string, value: Json | undefined) => {
    if (typeof value === "string" && value !== "") said.set(name, [value]);
  };
  const name = objectOf(resource.name);
  const enterprise = objectOf(resource[enterpriseUrn]);
  put("name", resource.displayName ?? name.formatted ?? joined(name) ?? resource.userName);
  put("givenName", name.givenName);
  put("familyName", name.familyName);
  put("picture", preferred(resource.photos));
  put("phone", preferred(resource.phoneNumbers));
  put("manager", objectOf(enterprise.manager).value);
  for (const attribute of plain) put(attribute, resource[attribute]);
  for (const attribute of ofEnterprise) put(attribute, enterprise[attribute]);
  return Object.fromEntries(said);
}

const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});

function joined({ givenName, familyName }: JsonObject): string | undefined {
  const text = [givenName, familyName].filter((part) => typeof part === "string").join(" ");
  return text === "" ? undefined : text;
}

/** The primary value of a list, else its first. */
function preferred(list: Json | undefined): Json | undefined {
  const elements = (Array.isArray(list) ? (list as readonly Json[]) : []).filter(isObject);
  return (elements.find(({ primary }) => primary === true) ?? elements[0])?.value;
}
