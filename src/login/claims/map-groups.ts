import type { Groups } from "../../core/principal.ts";
import { type Claims, claimAt, isElsewhere } from "./claim-paths.ts";
import { isDistinguishedName } from "./distinguished-name.ts";

const mostGroups = 2_000;
const mostBytes = 128 * 1024;

/** How one provider writes groups, and how rules write them. */
export interface GroupMapping {
  /** The claim or attribute; null = the provider says nothing of groups. */
  readonly path: string | null;
  /** The provider's ids to the names that rules use. */
  readonly names: Readonly<Record<string, string>>;
  /** Between the groups of one text; null = every text is one group. */
  readonly separator: string | null;
  /** Stands before each group, so that two providers' groups of one name are two; null = nothing. */
  readonly prefix: string | null;
}

/**
 * Membership as the provider states it: a list of texts or one text is known, nothing at all is known to be none (LemonLDAP::NG sends no
 * claim then). Everything else, overage markers included, is unknown: it refuses where groups matter. Too many is unknown too, because
 * a shortened list would hide the group that a deny rule is about.
 *
 * A text that is a list in disguise (Cognito's `[staff, contractors]`, a JSON array as text, `a,b`, `a;b`) must not count as one group:
 * a rule that denies `contractors` would miss it. JSON is certain and is read as the list that it is; everything else is unknown until
 * `groupsSeparator` says what it means.
 */
export function mapGroups(claims: Claims, { path, names, separator, prefix }: GroupMapping): Groups {
  if (path === null) return unknown("no groups attribute is configured for this provider");
  if (isElsewhere(claims, path)) return unknown(`the provider keeps ${path} elsewhere (too many groups for the token?)`);
  const value = claimAt(claims, path);
  // Null says neither which nor none, unless another source says more.
  if (value === undefined && Object.hasOwn(claims, path)) return unknown(`${path} is null`);
  if (value === undefined) return { kind: "known", names: [] };
  const list = typeof value === "string" ? textsIn(value, { names, separator }) : value;
  if (list === null)
    return unknown(`${path} is one text that looks like a list: set groupsSeparator, or name the whole text under groupNames`);
  const items: readonly unknown[] = Array.isArray(list) ? list : [list];
  if (items.length > mostGroups) return unknown(`${path} holds more than ${mostGroups} groups`);
  const found = new Set<string>();
  let bytes = 0;
  for (const item of items.flatMap((one) => opened(one, { names, separator }))) {
    if (typeof item !== "string") return unknown(`${path} is not a list of texts`);
    bytes += Buffer.byteLength(item);
    const name = Object.hasOwn(names, item) ? (names[item] ?? item) : item;
    if (name !== "") found.add(`${prefix ?? ""}${name}`);
  }
  if (bytes > mostBytes) return unknown(`${path} is larger than ${mostBytes} bytes`);
  return { kind: "known", names: [...found] };
}

/** The texts that a single text stands for; null when that is anybody's guess. */
function textsIn(text: string, { names, separator }: Pick<GroupMapping, "names" | "separator">): readonly unknown[] | null {
  if (Object.hasOwn(names, text)) return [text];
  const json = jsonList(text);
  if (json !== null) return json;
  if (separator !== null) return parts(text.replace(/^\s*\[(.*)\]\s*$/s, "$1"), separator);
  return looksLikeList(text) ? null : [text];
}

/** Inside a list a comma belongs to its group; a JSON array is still a list, and the separator counts everywhere. */
function opened(item: unknown, { names, separator }: Pick<GroupMapping, "names" | "separator">): readonly unknown[] {
  if (typeof item !== "string" || Object.hasOwn(names, item)) return [item];
  return jsonList(item) ?? (separator === null ? [item] : parts(item, separator));
}

const parts = (text: string, separator: string) =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");

/** A JSON array that was sent as text; null for every other text. */
export function jsonList(text: string): readonly unknown[] | null {
  if (!text.trimStart().startsWith("[")) return null;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** `CN=Staff,OU=Groups,DC=acme` has commas and is one name. */
function looksLikeList(text: string): boolean {
  if (/^\s*[[{]/.test(text)) return true;
  return /[,;|]/.test(text) && !isDistinguishedName(text);
}

const unknown = (why: string): Groups => ({ kind: "unknown", why });
