import type { Groups } from "../core/principal.ts";
import { type Claims, claimAt, isElsewhere } from "./claim-paths.ts";

const mostGroups = 2_000;
const mostBytes = 128 * 1024;

/**
 * Membership as the provider states it: a list of texts or one text is known, nothing at all is known to be none (LemonLDAP::NG sends no
 * claim then). Everything else, overage markers included, is unknown: it refuses where groups matter. Too many is unknown too, because
 * a shortened list would hide the group that a deny rule is about.
 */
export function mapGroups(claims: Claims, path: string | null, groupNames: Readonly<Record<string, string>>): Groups {
  if (path === null) return unknown("no groups attribute is configured for this provider");
  if (isElsewhere(claims, path)) return unknown(`the provider keeps ${path} elsewhere (too many groups for the token?)`);
  const value = claimAt(claims, path);
  if (value === undefined) return { kind: "known", names: [] };
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > mostGroups) return unknown(`${path} holds more than ${mostGroups} groups`);
  const names = new Set<string>();
  let bytes = 0;
  for (const item of list) {
    if (typeof item !== "string") return unknown(`${path} is not a list of texts`);
    bytes += Buffer.byteLength(item);
    const name = Object.hasOwn(groupNames, item) ? (groupNames[item] ?? item) : item;
    if (name !== "") names.add(name);
  }
  if (bytes > mostBytes) return unknown(`${path} is larger than ${mostBytes} bytes`);
  return { kind: "known", names: [...names] };
}

const unknown = (why: string): Groups => ({ kind: "unknown", why });
