import type { ConditionSpec } from "../../core/rules.ts";
import { type Network, parseNetwork } from "../../lib/networks.ts";

type Atom = Exclude<keyof ConditionSpec, "any" | "all" | "not" | "anyone" | "claims" | "hours">;
/** Kinds of which a request or a visitor has exactly one: two lists without a common member cannot both hold. */
const single: readonly Atom[] = ["methods", "providers", "emailDomains", "acr", "networks", "paths"];
const listed: readonly Atom[] = [...single, "users", "groups"];

/**
 * True when every visitor and request that fits `narrow` surely fits `wide`, too. Never true by mistake; false also where the question is
 * too hard. Facts that are unknown (a group overage) are left out: this is for warnings, not for decisions.
 */
export function implies(narrow: ConditionSpec, wide: ConditionSpec): boolean {
  const parts = conjuncts(narrow);
  // One of several: each of them must do.
  const branches = (wanted: ConditionSpec) => parts.some((part) => part.any?.every((one) => implies(one, wanted)) === true);
  for (const kind of listed) {
    const members = wide[kind];
    if (members === undefined) continue;
    const held = parts.some((part) => part[kind]?.every((one) => members.some((other) => covers(kind, other, one))) === true);
    if (!held && !branches({ [kind]: members })) return false;
  }
  for (const [name, values] of Object.entries(wide.claims ?? {})) {
    const held = parts.some((part) => part.claims?.[name]?.every((value) => values.includes(value)) === true);
    if (!held && !branches({ claims: { [name]: values } })) return false;
  }
  if (wide.hours !== undefined && !parts.some((part) => JSON.stringify(part.hours) === JSON.stringify(wide.hours))) return false;
  if (wide.any !== undefined && !wide.any.some((one) => implies(narrow, one)) && !branches({ any: wide.any })) return false;
  if (wide.all?.every((one) => implies(narrow, one)) === false) return false;
  return (
    wide.not === undefined ||
    parts.some((part) => part.not !== undefined && implies(wide.not ?? part, part.not)) ||
    clash(narrow, wide.not) !== null
  );
}

/** Why the two can never hold together, in words; null when they can, or when that is too hard to say. */
export function clash(one: ConditionSpec, other: ConditionSpec): string | null {
  for (const left of conjuncts(one)) {
    for (const right of conjuncts(other)) {
      const found = clashOfParts(left, right);
      if (found !== null) return found;
    }
  }
  return null;
}

/** Why nothing ever fits this condition, in words; null when something may. */
export function contradiction(condition: ConditionSpec): string | null {
  const parts = conjuncts(condition);
  for (const [at, part] of parts.entries()) {
    if (part.not !== undefined && implies({ ...condition, not: { anyone: true } }, part.not))
      return "it asks for what its own not: excludes";
    for (const later of parts.slice(at + 1)) {
      const found = clashOfParts(part, later);
      if (found !== null) return found;
    }
    const dead = part.any?.map((branch) => contradiction(branch) ?? clash({ ...condition, any: [branch] }, branch));
    if (dead?.every((why) => why !== null) === true) return dead[0] ?? null;
    const foreign = foreignUsers(part);
    if (foreign !== null) return foreign;
  }
  return null;
}

/** The condition and what stands under its `all`: all of these hold at once. */
function conjuncts(condition: ConditionSpec): readonly ConditionSpec[] {
  return [condition, ...(condition.all ?? []).flatMap(conjuncts)];
}

function clashOfParts(left: ConditionSpec, right: ConditionSpec): string | null {
  for (const kind of single) {
    const [these, those] = [left[kind], right[kind]];
    if (these === undefined || those === undefined) continue;
    if (these.some((one) => those.some((other) => mayMeet(kind, one, other)))) continue;
    return `${kind} ${these.join(", ")} and ${kind} ${those.join(", ")} never hold together`;
  }
  return null;
}

/** Addresses of other domains than the ones asked for. A subject may look like an address, but hardly by intent. */
function foreignUsers({ users, emailDomains }: ConditionSpec): string | null {
  if (users === undefined || emailDomains === undefined) return null;
  const domains = users.map((user) => /^[^*]+@([^*]+)$/.exec(user)?.[1]);
  const foreign = domains.every((domain) => domain !== undefined && !emailDomains.some((one) => covers("emailDomains", one, domain)));
  return foreign ? `no user among ${users.join(", ")} has an address of ${emailDomains.join(", ")}` : null;
}

function mayMeet(kind: Atom, one: string, other: string): boolean {
  return covers(kind, one, other) || covers(kind, other, one) || (kind === "paths" && `${one}${other}`.includes("*"));
}

/** True when `wide` takes in everything that `narrow` does. */
function covers(kind: Atom, wide: string, narrow: string): boolean {
  if (kind === "networks") return coversNetwork(parseNetwork(wide), parseNetwork(narrow));
  if (kind === "paths") return coversPath(wide, narrow);
  if (kind === "acr" || kind === "providers") return wide === narrow;
  const [pattern, name] = [wide.toLowerCase(), narrow.toLowerCase()];
  if (kind === "emailDomains") return pattern === name || (pattern.startsWith("*.") && name.endsWith(pattern.slice(1)));
  if (pattern === name || pattern === "*") return true;
  const inner = pattern.replace(/^\*/, "").replace(/\*$/, "");
  if (pattern.startsWith("*") && pattern.endsWith("*")) return name.includes(inner);
  if (pattern.startsWith("*")) return name.endsWith(inner) && !name.endsWith("*");
  return pattern.endsWith("*") && name.startsWith(inner) && name !== inner.slice(0, -1);
}

/** `/a/**` takes in `/a`, `/a/b` and every glob that begins so; other globs take in themselves alone. */
function coversPath(wide: string, narrow: string): boolean {
  if (wide === narrow || wide === "/**") return true;
  if (!wide.endsWith("/**")) return false;
  const root = wide.slice(0, -3);
  return !root.includes("*") && (narrow === root || narrow.startsWith(`${root}/`));
}

function coversNetwork(wide: Network | null, narrow: Network | null): boolean {
  if (wide === null || narrow === null || wide.address.family !== narrow.address.family || wide.prefixBits > narrow.prefixBits)
    return false;
  return wide.address.words.every((word, at) => {
    const bits = Math.min(32, Math.max(0, wide.prefixBits - at * 32));
    const mask = bits === 32 ? 0xffffffff : ~(0xffffffff >>> bits);
    return bits === 0 || ((word ^ (narrow.address.words[at] ?? 0)) & mask) === 0;
  });
}
