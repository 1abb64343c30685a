import type { Secret } from "../../core/secret.ts";
import type { HeaderEdits } from "../../core/settings.ts";
import { foldHeaderName, isFramingName, isHopByHop } from "../../lib/header-names.ts";

/** The operator's plain edits of one direction, compiled once per route. */
export interface CompiledEdits {
  /** Folded names that may not pass: those to remove, and those that are written anew. Null when there are none. */
  readonly drops: ReadonlySet<string> | null;
  readonly set: readonly (readonly [name: string, value: string])[];
}

/** Framing belongs to the gateway: an edit that names it is without effect (`check` refuses it before). */
export function compileEdits(edits: HeaderEdits<string | Secret>): CompiledEdits {
  const set = Object.entries(edits.set)
    .filter(([name]) => !isFramingName(name))
    .map(([name, value]) => [name, asBytes(typeof value === "string" ? value : value.reveal())] as const);
  const names = [...edits.remove, ...set.map(([name]) => name)].map(foldHeaderName).filter((name) => !isFramingName(name));
  return { drops: names.length === 0 ? null : new Set(names), set };
}

/** One char per byte, as Node and undici want header values; text beyond ASCII travels as UTF-8. */
function asBytes(value: string): string {
  return Buffer.from(value, "utf8").toString("latin1");
}

/**
 * Fields that a sender may not have dropped by naming them in Connection: who is calling, for which host, and how the body is
 * framed are not the sender's to hide (the "hop-by-hop abuse" that strips identity or forwarding headers behind a proxy).
 */
const unnameable: ReadonlySet<string> = new Set(["host", "content-length", "cookie", "set-cookie", "authorization"]);

/**
 * Takes out of `headers` (name and value alternating) what the sender's Connection fields name. To be called before anything of ours
 * is in it.
 */
export function removeNamed(headers: string[], connection: readonly string[]): void {
  const named = namedBy(connection);
  if (named !== null) removeWhere(headers, 0, (name) => named.has(name.toLowerCase()));
}

/** Takes the fields out, in place, that `unwanted` says so of. */
export function removeWhere(headers: string[], from: number, unwanted: (name: string) => boolean): void {
  let kept = from;
  for (let at = from; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? "";
    if (unwanted(name)) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[at + 1] ?? "";
    kept += 2;
  }
  headers.length = kept;
}

/** Null when they name nothing, which is the usual case. */
function namedBy(connection: readonly string[]): ReadonlySet<string> | null {
  let named: Set<string> | null = null;
  for (const value of connection) {
    if (value === "keep-alive" || value === "close") continue;
    for (const part of value.split(",")) {
      const name = part.trim().toLowerCase();
      if (name === "" || isHopByHop(name) || name === "close" || unnameable.has(name)) continue;
      named ??= new Set();
      named.add(name);
    }
  }
  return named;
}
