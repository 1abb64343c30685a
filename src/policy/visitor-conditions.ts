import type { Principal } from "../core/session.ts";
import { compileNamePattern, type NamePattern } from "../lib/names.ts";
import { type Condition, hit, isTrue, type KnownAs, miss, unknown } from "./condition.ts";

/** Any signed-in visitor: conditions are asked of no other. */
export function anyone(): Condition {
  return { truth: () => hit, words: () => "anyone: is signed in" };
}

/**
 * The subject, or the e-mail address where the provider vouches for one. Without a known address, an
 * entry that could be one is unknown: hiding the address must not lead past a deny rule.
 */
export function users(wanted: readonly string[]): Condition {
  const patterns = wanted.map((name) => compileNamePattern(name));
  const mayBeAddress = wanted.some((name) => name.includes("@") || name.includes("*"));
  return {
    truth: ({ who }) => {
      for (const name of who.userNames) for (const pattern of patterns) if (pattern.matches(name)) return hit;
      return mayBeAddress && who.emailDomain === null ? unknown : miss;
    },
    words: ({ who: { principal } }) =>
      `users: is ${principal.subject} (${principal.email ?? "no verified e-mail"}), wanted ${some(wanted)}`,
  };
}

export function groups(wanted: readonly string[]): Condition {
  return membership(wanted, {
    own: ({ groups: own }) => own,
    words: ({ principal }) => `groups: ${ownGroups(principal)}, wanted ${some(wanted)}${groupsHint(principal, wanted)}`,
  });
}

/** A role of the directory. Unknown, and so never a way in, for a caller whom the directory does not know. */
export function roles(wanted: readonly string[]): Condition {
  return membership(wanted, {
    own: ({ roles: own }) => own,
    words: ({ principal, roles: own }) => `roles: ${ownOfDirectory(principal.person?.roles, own)}, wanted ${some(wanted)}`,
  });
}

/** A team of the directory; unknown like a role. */
export function teams(wanted: readonly string[]): Condition {
  return membership(wanted, {
    own: ({ teams: own }) => own,
    words: ({ principal, teams: own }) => `teams: ${ownOfDirectory(principal.person?.teams, own)}, wanted ${some(wanted)}`,
  });
}

function membership(
  wanted: readonly string[],
  { own, words }: { readonly own: (who: KnownAs) => ReadonlySet<string> | null; readonly words: (who: KnownAs) => string },
): Condition {
  const patterns = wanted.map((name) => compileNamePattern(name));
  const exact = patterns.flatMap((pattern) => pattern.exact ?? []);
  const open = patterns.filter((pattern) => pattern.exact === null);
  return {
    truth: ({ who }) => {
      const names = own(who);
      if (names === null) return unknown;
      for (const name of exact) if (names.has(name)) return hit;
      return isTrue(open.length > 0 && anyMatches(open, names));
    },
    words: ({ who }) => words(who),
  };
}

function ownOfDirectory(names: readonly string[] | undefined, own: ReadonlySet<string> | null): string {
  if (names === undefined) return "not known to the directory";
  return own === null ? "not known, as groups are not" : `has ${some(names)}`;
}

/**
 * The whole domain after the only `@`: neither `acme.example.evil.example` nor `sub.acme.example` is `acme.example`. `*.acme.example` is
 * every domain below it, on a dot, and not itself.
 */
export function emailDomains(wanted: readonly string[]): Condition {
  const domains = new Set(wanted.map((domain) => domain.toLowerCase()));
  const suffixes = [...domains].filter((domain) => domain.startsWith("*.")).map((domain) => domain.slice(1));
  return {
    truth: ({ who: { emailDomain: own } }) => {
      if (own === null) return unknown;
      return isTrue(domains.has(own) || suffixes.some((suffix) => own.endsWith(suffix) && own.length > suffix.length));
    },
    words: ({ who }) => `emailDomains: ${who.emailDomain ?? "no verified e-mail"}, wanted ${some(wanted)}`,
  };
}

export function providers(wanted: readonly string[]): Condition {
  const ids = new Set(wanted);
  return {
    truth: ({ who }) => isTrue(ids.has(who.principal.provider)),
    words: ({ who }) => `providers: signed in through ${who.principal.provider}, wanted ${some(wanted)}`,
  };
}

/**
 * One claim, or attribute of that name under `attributes.extra`, by its values; case counts. A claim
 * that was not recorded at login is unknown, one that the provider did not send is a miss.
 */
export function claim(name: string, wanted: readonly string[]): Condition {
  const patterns = wanted.map((value) => compileNamePattern(value, (text) => text));
  return {
    truth: ({ who }) => {
      const values = claimValues(who.principal, name);
      return values === null ? unknown : isTrue(anyMatches(patterns, values));
    },
    words: ({ who }) => {
      const values = claimValues(who.principal, name);
      return `claims.${name}: ${values === null ? "not recorded" : `has ${some(values)}`}, wanted ${some(wanted)}`;
    },
  };
}

/** How strongly the visitor proved who they are. A provider that does not say leaves it unknown. */
export function acr(wanted: readonly string[]): Condition {
  const accepted = new Set(wanted);
  return {
    truth: (facts) => (facts.acr === null ? unknown : isTrue(accepted.has(facts.acr))),
    words: (facts) => `acr: ${facts.acr ?? "not said by the provider"}, wanted ${some(wanted)}`,
  };
}

/** Own keys only: a rule about a claim named `constructor` must not find Object's. */
function claimValues({ extra, claims }: Principal, name: string): readonly string[] | null {
  if (Object.hasOwn(extra, name)) return extra[name] ?? null;
  return Object.hasOwn(claims, name) ? (claims[name] ?? null) : null;
}

function anyMatches(patterns: readonly NamePattern[], values: Iterable<string>): boolean {
  for (const value of values) for (const pattern of patterns) if (pattern.matches(value)) return true;
  return false;
}

function ownGroups({ groups: own }: Principal): string {
  return own.kind === "unknown" ? `not known (${own.why})` : `has ${some(own.names)}`;
}

/** What usually keeps the two apart: ids where names are meant, or a provider that sends no groups. */
function groupsHint({ groups: own, provider }: Principal, wanted: readonly string[]): string {
  if (own.kind === "unknown") return "";
  if (own.names.length === 0) return ` (does ${provider} send groups, and does attributes.groups name that claim?)`;
  const isId = (name: string) => /^(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|S-1-5-21(?:-\d+)+)$/i.test(name);
  if (own.names.some(isId) && !wanted.some(isId)) return ` (${provider} sends ids: give them names in its groupNames)`;
  return own.names.some((name) => name.startsWith("/")) && !wanted.some((name) => name.startsWith("/"))
    ? ` (${provider} sends whole paths: write them so, or switch that off there)`
    : "";
}

/** Some of a list that may have ten thousand members. */
export function some(list: readonly string[]): string {
  if (list.length === 0) return "none";
  const shown = list.slice(0, 8).join(", ");
  return list.length > 8 ? `${shown} and ${list.length - 8} more` : shown;
}
