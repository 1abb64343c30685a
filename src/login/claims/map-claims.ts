import { GatewayError } from "../../core/errors.ts";
import type { Groups, Principal } from "../../core/principal.ts";
import type { AttributeSettings } from "../../core/settings.ts";
import { readEmailAddress } from "../../lib/names.ts";
import { type Claims, claimAt, isElsewhere, onlyText, textsOf } from "./claim-paths.ts";

/** How one provider's words become an identity. */
export interface ClaimMapping {
  readonly provider: string;
  readonly attributes: AttributeSettings;
  readonly groupNames: Readonly<Record<string, string>>;
  /** The claims that some rule asks about. */
  readonly claimNames: readonly string[];
  /** The provider that owns an e-mail domain, null when none does. */
  readonly ownerOfDomain: (domain: string) => string | null;
}
type Identity = Omit<Principal, "authenticatedAt" | "acr">;

const longestSubjectBytes = 255;
const longestTextBytes = 8 * 1024;

/**
 * The person that these verified claims describe. One mapping for logins, refreshes and bearer tokens, so that a rule means the same
 * whichever way somebody came. Throws `login.identity-incomplete` or `login.email-domain`.
 */
export function mapClaims(claims: Claims, mapping: ClaimMapping): Identity {
  const { attributes } = mapping;
  const email = mapEmail(claims, mapping);
  const identity: Identity = {
    provider: mapping.provider,
    subject: mapSubject(claims, attributes.subject),
    email,
    name: mapName(claims, attributes, email),
    groups: mapGroups(claims, attributes.groups, mapping.groupNames),
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

function mapSubject(claims: Claims, path: string): string {
  const subject = claimAt(claims, path);
  if (typeof subject !== "string" || subject.trim() === "") throw incomplete(`${path} holds no subject`);
  if (Buffer.byteLength(subject) > longestSubjectBytes) throw incomplete(`${path} is longer than ${longestSubjectBytes} bytes`);
  return subject;
}

/** The address, unless the provider calls it unverified: then anybody could have typed it in, and it is as if there were none. */
function mapEmail(claims: Claims, { provider, attributes, ownerOfDomain }: ClaimMapping): string | null {
  const text = onlyText(claimAt(claims, attributes.email));
  const address = text === null || !isVerified(claims.email_verified) ? null : readEmailAddress(text);
  if (address === null) return null;
  const owner = ownerOfDomain(address.domain);
  if (owner !== null && owner !== provider)
    throw new GatewayError("login.email-domain", `addresses of ${address.domain} sign in at ${owner}, not at ${provider}`);
  return address.address;
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

/** Not sent: present and empty. Elsewhere, or of a shape that is not text: absent, which rules read as unknown. */
function recordClaims(claims: Claims, names: readonly string[]): Identity["claims"] {
  const recorded: [string, readonly string[]][] = [];
  for (const name of names) {
    const value = claimAt(claims, name);
    const texts = value === undefined ? [] : textsOf(value);
    if (texts !== null && !isElsewhere(claims, name)) recorded.push([name, texts]);
  }
  return Object.fromEntries(recorded);
}

/**
 * All of this may travel in headers: a line break would begin a header of somebody's choosing. Refused, not repaired, because
 * a repaired value is a different one, perhaps somebody else's.
 */
function refuseControlCharacters(identity: Identity): void {
  const groups = identity.groups.kind === "known" ? identity.groups.names : [];
  const texts = [identity.subject, identity.email ?? "", identity.name ?? "", ...groups, ...Object.values(identity.extra).flat()];
  // Lone surrogates cannot be encoded: they would become the same replacement character for everybody.
  if (texts.some((text) => /\p{Cc}/u.test(text) || !text.isWellFormed()))
    throw incomplete("a value holds control characters or broken text");
  if (texts.some((text) => Buffer.byteLength(text) > longestTextBytes))
    throw incomplete(`a value is longer than ${longestTextBytes} bytes`);
}

const incomplete = (detail: string) => new GatewayError("login.identity-incomplete", detail);

const mostGroups = 2_000;
const mostBytes = 128 * 1024;

/**
 * Membership as the provider states it: a list of texts or one text is known, nothing at all is known to be none (LemonLDAP::NG sends no
 * claim then). Everything else, overage markers included, is unknown: it refuses where groups matter. Too many is unknown too, because
 * a shortened list would hide the group that a deny rule is about.
 */
function mapGroups(claims: Claims, path: string | null, groupNames: Readonly<Record<string, string>>): Groups {
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
