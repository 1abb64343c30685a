import type { Groups } from "../../core/session.ts";

const mostGroups = 2_000;
const mostBytes = 128 * 1024;

/** How one provider writes groups, and how rules write them. */
interface GroupMapping {
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

/** The texts that a single text stands for; null when that is ambiguous. */
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

/** What a provider says about a person: claims, userinfo, attributes. Written by others; only own members are looked at. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * The value at a path, undefined when there is none; null is none (providers write it for what they have no value for). The whole path is tried as a key first, because `cognito:groups` or
 * `https://acme.example/roles` hold dots of their own; then every border, longest key first, so that `realm_access.roles` nests.
 */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path) && claims[path] !== null) return claims[path];
  for (let dot = path.lastIndexOf("."); dot > 0; dot = path.lastIndexOf(".", dot - 1)) {
    const key = path.slice(0, dot);
    const inner = Object.hasOwn(claims, key) ? claims[key] : undefined;
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) continue;
    const found = claimAt(inner as Claims, path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A value as texts: a text, number or boolean is one; a list of those is several. Null when it is anything else. */
export function textsOf(value: unknown): readonly string[] | null {
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((item) => typeof item === "string" || typeof item === "boolean" || Number.isFinite(item))) return null;
  return list.map(String);
}

/** The only text of a value; null for none, several, or something else. */
export function onlyText(value: unknown): string | null {
  const only = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return typeof only === "string" ? only : null;
}

/**
 * The claim is said to be elsewhere: distributed or aggregated (Core 5.6.2), as Entra ID does when a person is in too many groups.
 * Nothing is fetched from there; what it would say is unknown.
 */
export function isElsewhere(claims: Claims, path: string): boolean {
  const names = claims._claim_names;
  if (typeof names === "object" && names !== null && (Object.hasOwn(names, path) || Object.hasOwn(names, path.split(".")[0] ?? path)))
    return true;
  // Entra ID's marker in implicit-style tokens.
  return path === "groups" && claims.hasgroups !== undefined && claims.hasgroups !== false && claims.hasgroups !== "false";
}

const attributeType = /^\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*/;
const escaped = /\\(?:([0-9A-Fa-f]{2})|([ "#+,;<=>\\]))/y;

/**
 * The common name of a group that is given as a distinguished name (RFC 4514): `Staff` for `CN=Staff,OU=Groups,DC=acme`. Null for every
 * text that is not wholly a distinguished name, whose first part is not exactly one CN, or whose value is not text: it stays as it is.
 */
export function commonName(text: string): string | null {
  const parts = splitDistinguishedName(text);
  if (parts === null) return null;
  const [first] = parts;
  return first !== undefined && first.type.toLowerCase() === "cn" && first.value !== "" ? first.value : null;
}

interface Part {
  readonly type: string;
  readonly value: string;
}

/** Every relative name of one attribute each; null when there is anything else. One pass. */
function splitDistinguishedName(text: string): readonly Part[] | null {
  const parts: Part[] = [];
  let rest = text;
  for (;;) {
    const [opening, type] = attributeType.exec(rest.slice(0, 100)) ?? [];
    if (opening === undefined || type === undefined) return null;
    const read = readValue(rest, opening.length);
    if (read === null) return null;
    parts.push({ type, value: read.value });
    if (read.end === rest.length) return parts;
    rest = rest.slice(read.end + 1);
    if (parts.length > 50) return null;
  }
}

/** Up to the next comma that is not escaped. Signs that RFC 4514 wants escaped make the text something else than a distinguished name. */
function readValue(text: string, start: number): { readonly value: string; readonly end: number } | null {
  if (text[start] === "#") return null;
  const bytes: Buffer[] = [];
  let at = start;
  let lastEscaped = 0;
  while (at < text.length && text[at] !== ",") {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === "\\") {
      escaped.lastIndex = at;
      const [whole, hex, sign] = escaped.exec(text) ?? [];
      if (whole === undefined) return null;
      bytes.push(hex === undefined ? Buffer.from(sign ?? "") : Buffer.from(hex, "hex"));
      at += whole.length;
      lastEscaped = bytes.length;
      continue;
    }
    if (/["+;<>\0]/.test(character)) return null;
    bytes.push(Buffer.from(character));
    at += character.length;
  }
  // Blanks around a value are layout unless they are escaped.
  while (bytes.length > lastEscaped && bytes.at(-1)?.toString() === " ") bytes.pop();
  try {
    return { value: new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(bytes)), end: at };
  } catch {
    return null;
  }
}

/** A text that is wholly a distinguished name of two parts or more: its commas separate nothing but those. */
function isDistinguishedName(text: string): boolean {
  return (splitDistinguishedName(text)?.length ?? 0) > 1;
}
