import { foldName } from "../../lib/names.ts";
import { isObject, type Json, type JsonObject } from "../documents.ts";
import type { Comparator, Filter, FilterValue } from "./filter.ts";
import { type Attribute, type AttributePath, findAttribute, named, type ResourceType } from "./schema.ts";
import { badRequest } from "./scim-error.ts";

/** Whether a resource, complete as it is shown, fits. Throws `invalidFilter` for a comparison that has no meaning. */
export type Matches = (resource: JsonObject) => boolean;

/** Compiles a filter over resources of a type. An attribute that no schema names has no value in any resource (RFC 7644 3.4.2.2). */
export function compileFilter(filter: Filter, type: ResourceType): Matches {
  return compile(filter, (path) => {
    const found = findAttribute(type, path);
    return found === null ? null : { attribute: found.sub ?? found.attribute, read: (resource) => valuesAt(resource, found) };
  });
}

/** Compiles a filter over the elements of one attribute: `type eq "work"` in `emails[…]`. */
export function compileElementFilter(filter: Filter, attribute: Attribute): Matches {
  return compile(filter, (path) => {
    const sub = named(attribute.subAttributes, path);
    return sub === null ? null : { attribute: sub, read: (element) => listOf(member(element, sub.name)) };
  });
}

interface Target {
  readonly attribute: Attribute;
  read(resource: JsonObject): readonly Json[];
}
type Find = (path: string) => Target | null;

function compile(filter: Filter, find: Find): Matches {
  switch (filter.kind) {
    case "and": {
      const parts = filter.parts.map((part) => compile(part, find));
      return (resource) => parts.every((matches) => matches(resource));
    }
    case "or": {
      const parts = filter.parts.map((part) => compile(part, find));
      return (resource) => parts.some((matches) => matches(resource));
    }
    case "not": {
      const inner = compile(filter.inner, find);
      return (resource) => !inner(resource);
    }
    case "present": {
      const target = find(filter.path);
      return (resource) => target?.read(resource).some(isPresent) ?? false;
    }
    case "element": {
      const target = find(filter.path);
      if (target !== null && target.attribute.type !== "complex")
        throw badRequest("invalidFilter", `${filter.path} has no parts to look at`);
      const inner = target === null ? () => false : compileElementFilter(filter.inner, target.attribute);
      return (resource) => target?.read(resource).some((element) => isObject(element) && inner(element)) ?? false;
    }
    case "compare":
      return compileComparison(filter, find(filter.path));
  }
}

function compileComparison({ path, comparator, value }: Filter & { kind: "compare" }, target: Target | null): Matches {
  const negative = comparator === "ne";
  // Nothing, null and an attribute that does not exist are the same (RFC 7643 2.5).
  if (target === null) return () => (value === null) !== negative;
  const { attribute, read } = deepen(target, path);
  if (value === null) {
    if (comparator !== "eq" && !negative) throw badRequest("invalidFilter", `${path} ${comparator} null has no meaning`);
    return (resource) => read(resource).some(isPresent) === negative;
  }
  const compare = comparison(attribute, path, comparator, value);
  return (resource) => {
    const values = read(resource).filter(isPresent);
    return values.length === 0 ? negative : values.some(compare);
  };
}

/** A complex attribute stands for its `value`: `emails co "@acme"`, `members eq "1"`. */
function deepen(target: Target, path: string): Target {
  if (target.attribute.type !== "complex") return target;
  const value = named(target.attribute.subAttributes, "value");
  if (value === null)
    throw badRequest("invalidFilter", `${path} has parts: name one of them, such as ${path}.${target.attribute.subAttributes[0]?.name}`);
  return {
    attribute: value,
    read: (resource) => target.read(resource).flatMap((one) => (isObject(one) ? listOf(member(one, "value")) : [one])),
  };
}

function comparison(attribute: Attribute, path: string, comparator: Comparator, wanted: FilterValue): (value: Json) => boolean {
  const order = ordering(attribute, path, wanted);
  const isText = attribute.type !== "boolean" && attribute.type !== "dateTime";
  const fold = (text: string) => (attribute.caseExact ? text : foldName(text));
  const part = (test: (text: string, wanted: string) => boolean) => {
    if (!isText || typeof wanted !== "string") throw badRequest("invalidFilter", `${path} ${comparator} needs a text`);
    return (value: Json) => typeof value === "string" && test(fold(value), fold(wanted));
  };
  switch (comparator) {
    case "eq":
      return (value) => order(value) === 0;
    case "ne":
      return (value) => order(value) !== 0;
    case "co":
      return part((text, other) => text.includes(other));
    case "sw":
      return part((text, other) => text.startsWith(other));
    case "ew":
      return part((text, other) => text.endsWith(other));
    default: {
      if (attribute.type === "boolean" || attribute.type === "binary")
        throw badRequest("invalidFilter", `${path} has no order (RFC 7644, table 3)`);
      const fits = {
        gt: (sign: number) => sign > 0,
        ge: (sign: number) => sign >= 0,
        lt: (sign: number) => sign < 0,
        le: (sign: number) => sign <= 0,
      };
      return (value) => {
        const sign = order(value);
        return sign !== null && fits[comparator](sign);
      };
    }
  }
}

/** The sign of (value - wanted); null when they cannot be compared. */
function ordering(attribute: Attribute, path: string, wanted: FilterValue): (value: Json) => number | null {
  if (attribute.type === "boolean") {
    const truth = readBoolean(wanted);
    if (truth === null) throw badRequest("invalidFilter", `${path} is true or false`);
    return (value) => (value === truth ? 0 : 1);
  }
  if (attribute.type === "dateTime") {
    const time = typeof wanted === "string" ? Date.parse(wanted) : Number.NaN;
    if (Number.isNaN(time)) throw badRequest("invalidFilter", `${path} is a time, such as 2026-05-04T09:30:00Z`);
    return (value) => (typeof value === "string" ? Math.sign(Date.parse(value) - time) : null);
  }
  if (typeof wanted !== "string") return () => null;
  const fold = (text: string) => (attribute.caseExact ? text : foldName(text));
  const folded = fold(wanted);
  return (value) => {
    if (typeof value !== "string") return null;
    const text = fold(value);
    return text === folded ? 0 : text < folded ? -1 : 1;
  };
}

/** `true` as providers write it: Entra sends "True" and "False" as text. Null for anything else. */
export function readBoolean(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  const lower = typeof value === "string" ? value.trim().toLowerCase() : "";
  return lower === "true" ? true : lower === "false" ? false : null;
}

/** All values at a path, those of lists one by one. */
export function valuesAt(resource: JsonObject, { urn, attribute, sub }: AttributePath): readonly Json[] {
  const holder = urn === null ? resource : member(resource, urn);
  const values = isObject(holder) ? listOf(member(holder, attribute.name)) : [];
  return sub === null ? values : values.flatMap((value) => (isObject(value) ? listOf(member(value, sub.name)) : []));
}

/** Own members only: `constructor` is no attribute. */
function member(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function listOf(value: Json | undefined): readonly Json[] {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value as Json];
}

function isPresent(value: Json): boolean {
  if (value === null || value === "") return false;
  if (Array.isArray(value)) return value.some(isPresent);
  return isObject(value) ? Object.values(value).some(isPresent) : true;
}
