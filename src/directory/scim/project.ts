import { isObject, type Json, type JsonObject } from "../documents.ts";
import { type Attribute, commonAttributes, findAttribute, findExtension, type ResourceType } from "./schema.ts";

/** Which attributes are wanted in an answer: `attributes`, or all but `excludedAttributes` (RFC 7644 3.9). */
export interface Projection {
  /** Whether this attribute may be shown at all: what is costly to make is made only then. */
  wants(name: string): boolean;
  apply(resource: JsonObject): JsonObject;
}

/** Names are without case; those that no schema knows are ignored. What is always returned stays, whatever is asked. */
export function createProjection(type: ResourceType, attributes: readonly string[], excluded: readonly string[]): Projection {
  const only = attributes.length === 0 ? null : pathsOf(type, attributes);
  const never = pathsOf(type, excluded);
  const wants = (name: string) =>
    (only === null || only.some(({ name: own }) => own === name)) && !never.some(({ name: own, sub }) => own === name && sub === null);
  return {
    wants,
    apply: (resource) => {
      const kept: [string, Json][] = [];
      for (const [name, value] of Object.entries(resource)) {
        const extension = type.extensions.find(({ id }) => id === name);
        if (extension !== undefined && isObject(value)) {
          const inner = partsOf(value, extension.attributes, name, only, never);
          if (Object.keys(inner).length > 0) kept.push([name, inner]);
          continue;
        }
        const shown = shownValue(find([...type.schema.attributes, ...commonAttributes], name), value, null, only, never);
        if (shown !== undefined) kept.push([name, shown]);
      }
      return Object.fromEntries(kept);
    },
  };
}

interface Wanted {
  readonly urn: string | null;
  readonly name: string;
  readonly sub: string | null;
}

function pathsOf(type: ResourceType, names: readonly string[]): readonly Wanted[] {
  return names.flatMap((name): readonly Wanted[] => {
    const extension = findExtension(type, name);
    if (extension !== null) return extension.attributes.map((attribute) => ({ urn: extension.id, name: attribute.name, sub: null }));
    const found = findAttribute(type, name);
    return found === null ? [] : [{ urn: found.urn, name: found.attribute.name, sub: found.sub?.name ?? null }];
  });
}

function partsOf(
  value: JsonObject,
  attributes: readonly Attribute[],
  urn: string,
  only: readonly Wanted[] | null,
  never: readonly Wanted[],
): JsonObject {
  const kept = Object.entries(value).flatMap(([name, one]) => {
    const shown = shownValue(find(attributes, name), one, urn, only, never);
    return shown === undefined ? [] : [[name, shown] as const];
  });
  return Object.fromEntries(kept);
}

function shownValue(
  attribute: Attribute | undefined,
  value: Json,
  urn: string | null,
  only: readonly Wanted[] | null,
  never: readonly Wanted[],
): Json | undefined {
  if (attribute === undefined || attribute.returned === "never") return undefined;
  if (attribute.returned === "always") return value;
  const here = (wanted: Wanted) => wanted.urn === urn && wanted.name === attribute.name;
  const mine = only?.filter(here) ?? [];
  if (only !== null && mine.length === 0) return undefined;
  const dropped = never.filter(here);
  if (dropped.some(({ sub }) => sub === null)) return undefined;
  const subs = mine.some(({ sub }) => sub === null) ? [] : mine.map(({ sub }) => sub);
  if (subs.length === 0 && dropped.length === 0) return value;
  const cut = (one: Json): Json =>
    isObject(one)
      ? Object.fromEntries(
          Object.entries(one).filter(([name]) => (subs.length === 0 || subs.includes(name)) && !dropped.some(({ sub }) => sub === name)),
        )
      : one;
  return Array.isArray(value) ? (value as readonly Json[]).map(cut) : cut(value);
}

const find = (attributes: readonly Attribute[], name: string) => attributes.find((attribute) => attribute.name === name);
