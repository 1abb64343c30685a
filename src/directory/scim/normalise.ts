import { isObject, type Json, type JsonObject } from "../documents.ts";
import { cleanDisplayName } from "../rules/clean.ts";
import { readBoolean } from "./evaluate.ts";
import { type Attribute, commonAttributes, findExtension, named, type ResourceType } from "./schema.ts";
import { badRequest } from "./scim-error.ts";

/** A value as the schema says it, before it is put together: no numbers where texts belong, no names in other letters. */
type Loose = Json;

const longestText = 8 * 1024;
const longestBinary = 64 * 1024;
/** Of a list; the members of a group are the only one that grows with the number of people. */
const mostValues = 10_000;
const mostMembers = 30_000;

/**
 * A resource as it is kept: attributes by the schema's names, of the schema's types, without what is empty, read-only or unknown.
 * Throws `invalidValue` that names the member which is wrong. Elements that `before` has as they are were judged when they came.
 */
export function normalise(body: JsonObject, type: ResourceType, before: JsonObject = {}): JsonObject {
  const known = new Set(
    Object.values(before).flatMap((value): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : [])),
  );
  const own = [...type.schema.attributes, ...commonAttributes];
  const result = new Map<string, Json>();
  for (const [key, value] of Object.entries(body)) {
    const extension = findExtension(type, key);
    if (extension !== null) {
      if (value === null) continue;
      if (!isObject(value)) throw wrong(key, "is an object with the extension's attributes");
      const inner = readMembers(value, extension.attributes, key);
      if (Object.keys(inner).length > 0) result.set(extension.id, inner);
      continue;
    }
    const attribute = named(own, key);
    if (attribute === null || attribute.name === "schemas") continue;
    const read = normaliseValue(attribute, value, attribute.name, known);
    if (read !== null) result.set(attribute.name, read);
  }
  for (const attribute of type.schema.attributes) {
    if (attribute.required && !result.has(attribute.name)) throw wrong(attribute.name, "is required");
  }
  return Object.fromEntries(result);
}

/** One attribute's value, null when nothing is left of it. */
export function normaliseValue(
  attribute: Attribute,
  value: Loose | undefined,
  place: string,
  known: ReadonlySet<Json> = new Set(),
): Json | null {
  if (value === undefined || value === null || attribute.mutability !== "readWrite") return null;
  if (!attribute.multiValued) return single(attribute, value, place);
  if (!Array.isArray(value)) throw wrong(place, "is a list");
  const most = attribute.name === "members" ? mostMembers : mostValues;
  if (value.length > most) throw wrong(place, `would have ${value.length} values, and at most ${most} are kept: split it into several`);
  const values = (value as readonly Json[]).flatMap((item, at) => {
    if (isObject(item) && known.has(item)) return [item];
    const read = item === null ? null : single(attribute, item, `${place}[${at}]`);
    return read === null ? [] : [read];
  });
  if (values.filter((one) => isObject(one) && one.primary === true).length > 1) throw wrong(place, "has more than one primary value");
  return values.length === 0 ? null : values;
}

function single(attribute: Attribute, value: Json, place: string): Json | null {
  switch (attribute.type) {
    case "boolean": {
      const truth = readBoolean(value);
      if (truth === null) throw wrong(place, "is true or false");
      return truth;
    }
    case "complex":
      return complexValue(attribute, value, place);
    case "dateTime":
      if (typeof value !== "string" || Number.isNaN(Date.parse(value))) throw wrong(place, "is a time, such as 2026-05-04T09:30:00Z");
      return value;
    default:
      return text(attribute, value, place);
  }
}

function complexValue(attribute: Attribute, value: Json, place: string): Json | null {
  const hasValue = named(attribute.subAttributes, "value") !== null;
  // Entra sends a manager, and JumpCloud members, as the bare value.
  const object = typeof value === "string" && hasValue ? { value } : value;
  if (!isObject(object))
    throw wrong(place, hasValue ? "is an object with a value" : `is an object with ${attribute.subAttributes[0]?.name} and the like`);
  const members = readMembers(object, attribute.subAttributes, place);
  if (hasValue && attribute.multiValued && members.value === undefined) {
    if (Object.keys(members).length === 0) return null;
    throw wrong(`${place}.value`, "is missing");
  }
  if (attribute.name === "emails") checkAddress(members.value, `${place}.value`);
  return Object.keys(members).length === 0 ? null : members;
}

function readMembers(object: JsonObject, attributes: readonly Attribute[], place: string): JsonObject {
  const members = new Map<string, Json>();
  for (const [key, value] of Object.entries(object)) {
    const attribute = named(attributes, key);
    const read = attribute === null ? null : normaliseValue(attribute, value, `${place}.${attribute.name}`);
    if (attribute !== null && read !== null) members.set(attribute.name, read);
  }
  return Object.fromEntries(members);
}

/** Names that must say something where they are sent: a blank one would be shown to people and put into headers. */
const mustSaySomething = new Set(["userName", "displayName", "givenName", "familyName", "formatted"]);

function text(attribute: Attribute, value: Json, place: string): string | null {
  if (typeof value === "number" && attribute.type === "string") return String(value);
  if (typeof value !== "string") throw wrong(place, "is a text");
  if (value.length > (attribute.type === "binary" ? longestBinary : longestText)) throw wrong(place, "is too long");
  if (!value.isWellFormed()) throw wrong(place, "is broken text");
  const isName = mustSaySomething.has(attribute.name);
  if (/\p{Cc}/u.test(isName ? value : value.replace(/[\r\n\t]/g, ""))) throw wrong(place, "holds control characters");
  if (isName && cleanDisplayName(value) === null) throw wrong(place, "is blank: leave it out, or say something");
  return value === "" ? null : value;
}

function checkAddress(value: Json | undefined, place: string): void {
  if (typeof value === "string" && !/^[^@\s]+@[^@\s]+$/.test(value)) throw wrong(place, `${JSON.stringify(value)} is no e-mail address`);
}

function wrong(place: string, why: string) {
  return badRequest("invalidValue", `${place} ${why}`);
}
