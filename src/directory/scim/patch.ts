import { foldName } from "../../lib/names.ts";
import { isObject, type Json, type JsonObject } from "../documents.ts";
import { compileElementFilter } from "./evaluate.ts";
import { type Filter, type PatchPath, parsePatchPath } from "./filter.ts";
import { type Attribute, type AttributePath, findAttribute, findExtension, named, type ResourceType } from "./schema.ts";
import { badRequest } from "./scim-error.ts";

/** One operation of a PATCH as it came. */
export interface PatchOperation {
  readonly op: "add" | "replace" | "remove";
  readonly path: string | null;
  readonly value: Json | undefined;
}

const mostOperations = 1_000;

/** The operations of a PATCH body, whatever case its words have; throws `invalidSyntax`. */
export function readPatch(body: JsonObject): readonly PatchOperation[] {
  const operations = memberOf(body, "operations");
  if (!Array.isArray(operations) || operations.length === 0)
    throw badRequest("invalidSyntax", "Operations is a list of at least one operation");
  if (operations.length > mostOperations) throw badRequest("tooMany", `more than ${mostOperations} operations`);
  return (operations as readonly Json[]).map((operation, at) => {
    const place = `Operations[${at}]`;
    if (!isObject(operation)) throw badRequest("invalidSyntax", `${place} is an object`);
    const op = String(memberOf(operation, "op") ?? "").toLowerCase();
    if (op !== "add" && op !== "replace" && op !== "remove") throw badRequest("invalidSyntax", `${place}.op is add, replace or remove`);
    const path = memberOf(operation, "path") ?? null;
    if (path !== null && typeof path !== "string") throw badRequest("invalidPath", `${place}.path is a text`);
    return { op, path: path === "" ? null : path, value: memberOf(operation, "value") };
  });
}

function memberOf(object: JsonObject, name: string): Json | undefined {
  return Object.entries(object).find(([key]) => key.toLowerCase() === name)?.[1];
}

/**
 * The resource after these operations (RFC 7644 3.5.2), still to be normalised. What it leaves alone stays as it was: a complex
 * attribute keeps the parts that are not named, a list never has the same value twice.
 */
export function applyPatch(resource: JsonObject, operations: readonly PatchOperation[], type: ResourceType): JsonObject {
  return operations.reduce((current, operation) => applyOne(current, operation, type), resource);
}

function applyOne(resource: JsonObject, { op, path, value }: PatchOperation, type: ResourceType): JsonObject {
  if (path !== null) return applyAt(resource, op, path, value, type);
  if (op === "remove") throw badRequest("noTarget", "remove needs a path");
  if (!isObject(value)) throw badRequest("invalidValue", "without a path the value is an object with attributes");
  return applyObject(resource, op, value, "", type);
}

/** What providers put into a path-less object although they may not change it. */
const ignoredMembers = new Set(["id", "schemas", "meta", "groups"]);

function applyObject(resource: JsonObject, op: "add" | "replace", value: JsonObject, prefix: string, type: ResourceType): JsonObject {
  let current = resource;
  for (const [key, member] of Object.entries(value)) {
    if (prefix === "" && ignoredMembers.has(key.toLowerCase())) continue;
    // Client libraries write an extension as a resource of its own, with its own `schemas`.
    if (key.toLowerCase() === "schemas") continue;
    if (prefix !== "" || findExtension(type, key) !== null || isKnown(key, type))
      current = applyAt(current, op, `${prefix}${key}`, member, type);
  }
  return current;
}

/** Okta and others send attributes of their own along: without a path they are ignored, as in a whole resource. */
function isKnown(key: string, type: ResourceType): boolean {
  try {
    return findAttribute(type, parsePatchPath(key).path) !== null;
  } catch {
    return false;
  }
}

function applyAt(resource: JsonObject, op: PatchOperation["op"], path: string, value: Json | undefined, type: ResourceType): JsonObject {
  const extension = findExtension(type, path);
  if (extension !== null) {
    if (op === "remove") return without(resource, extension.id);
    if (!isObject(value)) throw badRequest("invalidValue", `${path} is an object with the extension's attributes`);
    return applyObject(resource, op, value, `${extension.id}:`, type);
  }
  const parsed = parsePatchPath(path);
  const target = findAttribute(type, parsed.path);
  if (target === null) throw badRequest("invalidPath", `there is no attribute ${parsed.path}`);
  if (target.attribute.mutability === "readOnly" || target.sub?.mutability === "readOnly")
    throw badRequest("mutability", `${parsed.path} is read-only`);
  if (target.attribute.mutability === "writeOnly") return resource;
  if (op !== "remove" && value === undefined) throw badRequest("invalidValue", `${op} ${path} needs a value`);
  const holder = target.urn === null ? resource : (resource[target.urn] ?? {});
  if (!isObject(holder)) throw badRequest("invalidPath", `there is no attribute ${parsed.path}`);
  const changed = change(holder, { ...target, parsed, op, value: value ?? null, given: value !== undefined });
  if (target.urn === null) return changed;
  return Object.keys(changed).length === 0 ? without(resource, target.urn) : { ...resource, [target.urn]: changed };
}

interface Change extends AttributePath {
  readonly parsed: PatchPath;
  readonly op: PatchOperation["op"];
  readonly value: Json;
  /** A value was sent, be it null. */
  readonly given: boolean;
}

function change(holder: JsonObject, wanted: Change): JsonObject {
  const { attribute, parsed, op, value } = wanted;
  const present = Object.hasOwn(holder, attribute.name) ? holder[attribute.name] : undefined;
  const put = (next: Json | undefined) =>
    isNothing(next) ? without(holder, attribute.name) : { ...holder, [attribute.name]: next as Json };
  if (parsed.filter !== null) {
    if (!attribute.multiValued || attribute.type !== "complex")
      throw badRequest("invalidPath", `${attribute.name} is no list to choose from`);
    const sub = parsed.sub === null ? null : named(attribute.subAttributes, parsed.sub);
    if (parsed.sub !== null && sub === null) throw badRequest("invalidPath", `there is no attribute ${attribute.name}.${parsed.sub}`);
    return put(changeElements(elementsOf(present), { ...wanted, sub, filter: parsed.filter }));
  }
  if (wanted.sub !== null) return put(changeSub(present, { ...wanted, sub: wanted.sub }));
  if (attribute.multiValued) return put(changeList(elementsOf(present), wanted));
  if (op === "remove") return put(undefined);
  if (attribute.type !== "complex" || value === null) return put(value);
  const given = asObject(attribute, value);
  return put({ ...(isObject(present) ? present : {}), ...given });
}

/** `name.familyName`, and `emails.type` for all elements of a list. */
function changeSub(present: Json | undefined, { attribute, sub, op, value }: Change & { readonly sub: Attribute }): Json | undefined {
  const edit = (object: JsonObject) => (op === "remove" || value === null ? without(object, sub.name) : { ...object, [sub.name]: value });
  if (attribute.multiValued) return elementsOf(present).map((element) => (isObject(element) ? edit(element) : element));
  return edit(isObject(present) ? present : {});
}

function changeList(present: readonly Json[], { attribute, op, value, given }: Change): readonly Json[] {
  const wanted = (Array.isArray(value) ? (value as readonly Json[]) : isNothing(value) ? [] : [value]).map((one) =>
    asElement(attribute, one),
  );
  if (op === "replace") return wanted;
  if (op === "add") return addElements(attribute, present, wanted);
  // Entra removes members by value and not by a filter; without any value the whole list goes.
  const gone = new Set(wanted.map((one) => identityOf(attribute, one)));
  return given ? present.filter((one) => !gone.has(identityOf(attribute, one))) : [];
}

/**
 * A value that is there already is not added again; one that says more of it completes it. What is added is looked up: a thousand
 * members more cost as much in a large group as their number and the group's length, not the product of both.
 */
function addElements(attribute: Attribute, present: readonly Json[], added: readonly Json[]): readonly Json[] {
  const list = [...present];
  const places = new Map<string, number[]>();
  const note = (one: Json, at: number) => {
    const identity = identityOf(attribute, one);
    const known = places.get(identity);
    if (known === undefined) places.set(identity, [at]);
    else known.push(at);
  };
  list.forEach(note);
  for (const one of added) {
    const at = places.get(identityOf(attribute, one))?.find((place) => isSamePurpose(list[place], one));
    if (isObject(one) && one.primary === true) list.splice(0, list.length, ...list.map(withoutPrimary));
    const there = at === undefined ? undefined : list[at];
    if (at === undefined) note(one, list.push(one) - 1);
    else if (isObject(there) && isObject(one) && Object.entries(one).some(([name, value]) => there[name] !== value))
      list[at] = { ...there, ...one };
  }
  return list;
}

/** What makes two elements of a list the same: their `value`, without case where that does not count; all of them where there is none. */
function identityOf(attribute: Attribute, one: Json): string {
  const exact = named(attribute.subAttributes, "value")?.caseExact ?? attribute.caseExact;
  const fold = (value: Json | undefined) => (typeof value === "string" && !exact ? foldName(value) : value);
  if (!isObject(one)) return `plain ${JSON.stringify(fold(one))}`;
  return one.value === undefined ? `whole ${JSON.stringify(sorted(one))}` : `value ${JSON.stringify(fold(one.value))}`;
}

/** An address for work is another one than the same for home; where one of them names no purpose, they are the same. */
function isSamePurpose(one: Json | undefined, other: Json): boolean {
  if (!isObject(one) || !isObject(other) || (one.value === undefined && other.value === undefined)) return true;
  const kind = (element: JsonObject) => (typeof element.type === "string" ? foldName(element.type) : "");
  return kind(one) === "" || kind(other) === "" || kind(one) === kind(other);
}

function changeElements(present: readonly Json[], wanted: Change & { readonly filter: Filter }): readonly Json[] {
  const { attribute, op, value, sub, filter } = wanted;
  const matches = compileElementFilter(filter, attribute);
  const isMatch = (element: Json) => isObject(element) && matches(element);
  if (op === "remove") {
    if (sub === null) return present.filter((element) => !isMatch(element));
    return present.map((element) => (isMatch(element) && isObject(element) ? without(element, sub.name) : element));
  }
  const given = sub === null ? asObject(attribute, Array.isArray(value) ? (value[0] as Json) : value) : { [sub.name]: value };
  const primary = given.primary === true || given.primary === "True";
  if (present.some(isMatch))
    return present.map((element) =>
      isMatch(element) && isObject(element) ? { ...element, ...given } : primary ? withoutPrimary(element) : element,
    );
  // Entra adds the first work address with `emails[type eq "work"].value`: the filter says what the new element is.
  if (op === "add") return addElements(attribute, present, [{ ...impliedBy(filter), ...given }]);
  throw badRequest("noTarget", `no value of ${attribute.name} fits the filter`);
}

/** What an element must be to fit the equalities of a filter. */
function impliedBy(filter: Filter): JsonObject {
  if (filter.kind === "and") return Object.assign({}, ...filter.parts.map(impliedBy));
  return filter.kind === "compare" && filter.comparator === "eq" ? { [filter.path]: filter.value } : {};
}

function asElement(attribute: Attribute, value: Json): Json {
  return attribute.type === "complex" ? asObject(attribute, value) : value;
}

/** A bare text stands for its `value`. Names of members get the schema's letters, so that merging finds them. */
function asObject(attribute: Attribute, value: Json): JsonObject {
  if (typeof value === "string" && named(attribute.subAttributes, "value") !== null) return { value };
  if (!isObject(value)) throw badRequest("invalidValue", `${attribute.name} is an object`);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [named(attribute.subAttributes, key)?.name ?? key, member]));
}

const elementsOf = (value: Json | undefined): readonly Json[] =>
  Array.isArray(value) ? (value as readonly Json[]) : isNothing(value) ? [] : [value as Json];

function isNothing(value: Json | undefined): boolean {
  return (
    value === undefined ||
    value === null ||
    (Array.isArray(value) && value.length === 0) ||
    (isObject(value) && Object.keys(value).length === 0)
  );
}

function withoutPrimary(element: Json): Json {
  return isObject(element) && element.primary !== undefined ? { ...element, primary: false } : element;
}

function without(object: JsonObject, name: string): JsonObject {
  const { [name]: _, ...rest } = object;
  return rest;
}

function sorted(object: JsonObject): readonly (readonly [string, Json])[] {
  return Object.entries(object).toSorted(([one], [other]) => (one < other ? -1 : 1));
}
