import type { z } from "zod";
import { type KeyPath, keyOf } from "./key-path.ts";
import { readShape } from "./shape.ts";
import { isRecord } from "./yaml-document.ts";

const maxRounds = 70;

/**
 * As much of a misshapen value as still has a meaning: keys that are wrong are left out, again and again, until the rest
 * fits; null when too little is left. Lists keep their length, so that every path still points into the file.
 * Only for finding further problems: a salvaged value is never put to use.
 */
export function salvage<T extends z.ZodType>(schema: T, plain: unknown): z.output<T> | null {
  let rest = plain;
  for (let round = 0; round < maxRounds; round += 1) {
    const shape = readShape(schema, rest, []);
    if (shape.ok) return shape.value;
    const doomed = new Set<string>();
    for (const finding of shape.findings) {
      const key = removable(rest, finding.path);
      if (key === null) return null;
      doomed.add(keyOf(key));
    }
    rest = without(rest, [], doomed);
  }
  return null;
}

/** The nearest entry of a mapping around `path` that is there to be removed. */
function removable(plain: unknown, path: KeyPath): KeyPath | null {
  let value = plain;
  let found: KeyPath | null = null;
  for (const [at, step] of path.entries()) {
    if (typeof step === "number") value = Array.isArray(value) ? value[step] : undefined;
    else if (isRecord(value) && Object.hasOwn(value, step)) {
      found = path.slice(0, at + 1);
      value = value[step];
    } else return found;
  }
  return found;
}

function without(value: unknown, path: KeyPath, doomed: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item, at) => without(item, [...path, at], doomed));
  if (!isRecord(value)) return value;
  const rest: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    const here = [...path, key];
    if (!doomed.has(keyOf(here))) rest[key] = without(item, here, doomed);
  }
  return rest;
}
