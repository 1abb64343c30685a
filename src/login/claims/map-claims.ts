import { GatewayError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Principal } from "../../core/session.ts";
import type { AttributeSettings } from "../../core/settings.ts";
import { apparentDomain, readEmailAddress } from "../../lib/names.ts";
import { type Claims, claimAt, isElsewhere, jsonList, mapGroups, onlyText, textsOf } from "./claim-values.ts";

/** How one provider's words become an identity. */
export interface ClaimMapping {
  readonly provider: string;
  readonly attributes: AttributeSettings;
  readonly groupNames: Readonly<Record<string, string>>;
  /** See `GroupMapping`; absent = null. */
  readonly groupsSeparator?: string | null;
  readonly groupsPrefix?: string | null;
  /** The claims that some rule asks about. */
  readonly claimNames: readonly string[];
  /** The provider that owns an e-mail domain, null when none does. */
  readonly ownerOfDomain: (domain: string) => string | null;
  /** It must be proved and is not (`domainProof: dns`); absent = there is nothing to prove. */
  readonly isUnproven?: (domain: string) => boolean;
}
/** A person as far as claims describe one. */
export type Identity = Omit<Principal, "authenticatedAt" | "acr">;

const longestSubjectBytes = 255;
const longestTextBytes = 8 * 1024;

/**
 * The person that these verified claims describe. One mapping for logins, refreshes and bearer tokens, so that a rule means the same
 * in every way to log in. Throws `login.identity-incomplete` or `login.email-domain`.
 */
export function mapClaims(claims: Claims, mapping: ClaimMapping): Identity {
  const { attributes } = mapping;
  const email = mapEmail(claims, mapping);
  const identity: Identity = {
    provider: mapping.provider,
    subject: mapSubject(claims, mapping),
    email,
    name: mapName(claims, attributes, email),
    groups: groupsOf(claims, mapping),
    extra: mapExtra(claims, attributes.extra),
    claims: recordClaims(claims, mapping.claimNames),
  };
  refuseControlCharacters(identity);
  return identity;
}

/** True when some configured attribute cannot be filled from these claims alone: worth asking the userinfo endpoint. */
export function lacksSomething(claims: Claims, { attributes, claimNames }: ClaimMapping): boolean {
  const paths = [
    attributes.subject,
    attributes.email,
    attributes.groups ?? attributes.subject,
    ...Object.values(attributes.extra),
    ...claimNames,
  ];
  return (
    paths.some((path) => claimAt(claims, path) === undefined) ||
    mapName(claims, attributes, onlyText(claimAt(claims, attributes.email))) === null
  );
}

/**
 * What these claims alone say of a person who is known already, while the other source (userinfo) does not answer: what is stated counts
 * at once, also against the person. Groups and rule claims that `before` stated and these do not are unknown, which never allows; the
 * rest stays as it was. Throws as `mapClaims` does.
 */
export function mapStatedClaims(claims: Claims, before: Claims, known: Identity, mapping: ClaimMapping): Identity {
  const { attributes, claimNames } = mapping;
  const isStated = (path: string) => claimAt(claims, path) !== undefined || isElsewhere(claims, path);
  const isWithdrawn = (path: string) => !isStated(path) && claimAt(before, path) !== undefined;
  const chosen = <T>(names: readonly (readonly [name: string, path: string])[], now: Readonly<Record<string, T>>, old: typeof now) =>
    Object.fromEntries(
      names.flatMap(([name, path]) => {
        const value = isStated(path) ? now[name] : isWithdrawn(path) ? undefined : old[name];
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
  const isUnverified = !isVerified(claims.email_verified);
  const email = isStated(attributes.email) || isUnverified ? mapEmail(claims, mapping) : known.email;
  const withdrawn = { kind: "unknown", why: "the provider named groups at login and no longer does at refresh" } as const;
  const groups = attributes.groups ?? "";
  const extra = Object.entries(attributes.extra);
  const rules = claimNames.map((name) => [name, name] as const);
  const identity: Identity = {
    provider: mapping.provider,
    subject: isStated(attributes.subject) ? mapSubject(claims, mapping) : known.subject,
    email,
    // A kept address is no statement about the name.
    name: mapName(claims, attributes, isStated(attributes.email) ? email : null) ?? known.name,
    groups: isStated(groups) ? groupsOf(claims, mapping) : isWithdrawn(groups) ? withdrawn : known.groups,
    extra: chosen(extra, mapExtra(claims, attributes.extra), known.extra),
    claims: chosen(rules, recordClaims(claims, claimNames), known.claims),
  };
  refuseControlCharacters(identity);
  return identity;
}

/** The identity with what only the other source could have said made unknown: that source refused to say anything. */
export function withoutUnstated(identity: Identity, claims: Claims, mapping: ClaimMapping, why: string): Identity {
  const isStated = (path: string) => claimAt(claims, path) !== undefined;
  const { groups } = mapping.attributes;
  return {
    ...identity,
    groups: groups === null || isStated(groups) ? identity.groups : { kind: "unknown", why },
    claims: Object.fromEntries(Object.entries(identity.claims).filter(([name]) => isStated(name))),
  };
}

const groupsOf = (claims: Claims, { attributes, groupNames, groupsSeparator = null, groupsPrefix = null }: ClaimMapping) =>
  mapGroups(claims, { path: attributes.groups, names: groupNames, separator: groupsSeparator, prefix: groupsPrefix });

/** No two people may arrive under one value: an address of another provider's domain is as little a subject as it is an e-mail address. */
function mapSubject(claims: Claims, { provider, attributes: { subject: path }, ownerOfDomain }: ClaimMapping): string {
  const subject = claimAt(claims, path);
  if (typeof subject !== "string" || subject.trim() === "") throw incomplete(`${path} holds no subject`);
  if (Buffer.byteLength(subject) > longestSubjectBytes) throw incomplete(`${path} is longer than ${longestSubjectBytes} bytes`);
  refuseForeignDomain(apparentDomain(subject), provider, ownerOfDomain);
  return subject;
}

function refuseForeignDomain(domain: string | null, provider: string, ownerOfDomain: ClaimMapping["ownerOfDomain"]): void {
  const owner = domain === null ? null : ownerOfDomain(domain);
  if (owner !== null && owner !== provider)
    throw new GatewayError("login.email-domain", `addresses of ${domain} sign in at ${owner}, not at ${provider}`);
}

/**
 * The address, unless the provider calls it unverified: then anyone could have typed it in, and it is as if there were none. The same
 * goes for a domain that the provider must prove to own and has not.
 */
function mapEmail(claims: Claims, { provider, attributes, ownerOfDomain, isUnproven }: ClaimMapping): string | null {
  const text = onlyText(claimAt(claims, attributes.email));
  if (text === null || !isVerified(claims.email_verified)) return null;
  const address = readEmailAddress(text);
  refuseForeignDomain(address?.domain ?? apparentDomain(text), provider, ownerOfDomain);
  return address === null || isUnproven?.(address.domain) === true ? null : address.address;
}

/** Providers that never say (LemonLDAP::NG) are believed; whatever is said must be a yes. */
const isVerified = (stated: unknown) =>
  stated === undefined || stated === true || (typeof stated === "string" && stated.toLowerCase() === "true");

/** The first of the configured paths and templates that yields something. An address counts only as far as it counts as one. */
function mapName(claims: Claims, attributes: AttributeSettings, email: string | null): string | null {
  const valueAt = (path: string) => (path === attributes.email ? email : onlyText(claimAt(claims, path)));
  for (const wanted of attributes.name) {
    const text = wanted.includes("{") ? wanted.replace(/\{([^{}]*)\}/g, (_, path: string) => valueAt(path.trim()) ?? "") : valueAt(wanted);
    const name = text?.replace(/ {2,}/g, " ").trim() ?? "";
    if (name !== "" && hasPlaceholderValue(wanted, valueAt)) return name;
  }
  return null;
}

/** `{family_name}, {given_name}` with neither must not yield ",". */
function hasPlaceholderValue(wanted: string, valueAt: (path: string) => string | null): boolean {
  if (!wanted.includes("{")) return true;
  return [...wanted.matchAll(/\{([^{}]*)\}/g)].some(([, path]) => (valueAt((path ?? "").trim()) ?? "").trim() !== "");
}

function mapExtra(claims: Claims, wanted: Readonly<Record<string, string>>): Identity["extra"] {
  const found = Object.entries(wanted).map(([name, path]) => [name, textsOf(claimAt(claims, path))] as const);
  return Object.fromEntries(found.filter((entry): entry is [string, readonly string[]] => entry[1] !== null && entry[1].length > 0));
}

/** Not sent: present and empty. Elsewhere, or of a shape that is not text: absent, which rules read as unknown. JSON in a text is its list. */
function recordClaims(claims: Claims, names: readonly string[]): Identity["claims"] {
  const recorded: [string, readonly string[]][] = [];
  for (const name of names) {
    const value = claimAt(claims, name);
    const texts = value === undefined ? [] : textsOf(typeof value === "string" ? (jsonList(value) ?? value) : value);
    if (texts !== null && !isElsewhere(claims, name)) recorded.push([name, texts]);
  }
  return Object.fromEntries(recorded);
}

/**
 * All of this may travel in headers: a line break would begin a header of the attacker's choosing. Refused, not repaired, because
 * a repaired value is a different one, perhaps another person's.
 */
function refuseControlCharacters(identity: Identity): void {
  const groups = identity.groups.kind === "known" ? identity.groups.names : [];
  const named: readonly (readonly [string, string])[] = [
    ["subject", identity.subject],
    ["email", identity.email ?? ""],
    ["name", identity.name ?? ""],
    ...groups.map((group) => ["groups", group] as const),
    ...Object.entries(identity.extra).flatMap(([name, values]) => values.map((value) => [`extra.${name}`, value] as const)),
  ];
  for (const [attribute, text] of named) {
    // Lone surrogates cannot be encoded: they would become the same replacement character for everyone.
    if (/\p{Cc}/u.test(text) || !text.isWellFormed()) throw incomplete(`attributes.${attribute} holds control characters or broken text`);
    if (Buffer.byteLength(text) > longestTextBytes) throw incomplete(`attributes.${attribute} is longer than ${longestTextBytes} bytes`);
  }
}

const incomplete = (detail: string) => new GatewayError("login.identity-incomplete", detail);

/**
 * `mapClaims` at a login, with a line for operators where something of the configuration did not come, came in a shape that says nothing, or
 * leaves the groups unknown. Names only, never values: `received` is what came instead.
 */
export function mapLogin(claims: Claims, mapping: ClaimMapping, log: Pick<Log, "info" | "warn">, received?: string): Identity {
  const { provider, attributes } = mapping;
  const single = [attributes.subject, attributes.email];
  const wanted = [...new Set([...single, ...(attributes.groups === null ? [] : [attributes.groups]), ...Object.values(attributes.extra)])];
  const missing = wanted.filter((path) => claimAt(claims, path) === undefined && !isElsewhere(claims, path));
  const unusable = wanted.flatMap((path) => fault(claimAt(claims, path), path, single.includes(path)) ?? []);
  const remarks = { provider, missing, unusable, received: received ?? Object.keys(claims).slice(0, 60).join(", ").slice(0, 2_000) };
  if (unusable.length > 0) log.warn(remarks, "a claim of the configuration cannot be used");
  else if (missing.length > 0) log.info(remarks, "the provider lacks claims of the configuration");
  const identity = mapClaims(claims, mapping);
  if (identity.groups.kind === "unknown" && attributes.groups !== null)
    log.warn({ provider, claim: attributes.groups, reason: identity.groups.why }, "the groups of a login are unknown");
  return identity;
}

function fault(value: unknown, path: string, isSingle: boolean): string | null {
  if (value === undefined) return null;
  if (isSingle && Array.isArray(value) && value.length > 1) return `${path} holds ${value.length} values, one is meant`;
  if (isSingle && onlyText(value) === null) return `${path} is not a text`;
  if ([value].flat().some((one) => typeof one === "object" && one !== null)) return `${path} holds objects, texts are meant`;
  return null;
}
