import { foldHeaderName } from "../core/header-name.ts";
import type { HeaderEdits } from "../core/settings.ts";

/** The operator's plain edits of one direction, compiled once per route. */
export interface CompiledEdits {
  /** Folded names that may not pass: those to remove, and those that are written anew. Null when there are none. */
  readonly drops: ReadonlySet<string> | null;
  readonly set: readonly (readonly [name: string, value: string])[];
}

/** Framing belongs to the gateway: an edit that names it is without effect (`check` refuses it before). */
const framing: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export function compileEdits(edits: HeaderEdits): CompiledEdits {
  const set = Object.entries(edits.set)
    .filter(([name]) => !framing.has(foldHeaderName(name)))
    .map(([name, value]) => [name, asBytes(value)] as const);
  const names = [...edits.remove, ...set.map(([name]) => name)].map(foldHeaderName).filter((name) => !framing.has(name));
  return { drops: names.length === 0 ? null : new Set(names), set };
}

/** One char per byte, as Node and undici want header values; text beyond ASCII travels as UTF-8. */
function asBytes(value: string): string {
  return Buffer.from(value, "utf8").toString("latin1");
}
