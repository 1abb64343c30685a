import { GatewayError } from "../../core/errors.ts";
import type { Known } from "../../core/identity.ts";
import type { Principal } from "../../core/session.ts";
import type { HeaderSettings } from "../../core/settings.ts";

/** What a placeholder yields for one caller. */
export type Value =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "list"; readonly members: readonly string[] }
  | { readonly kind: "missing" }
  | { readonly kind: "unknown"; readonly why: string }
  | { readonly kind: "unfit"; readonly why: string };

export type TemplatePart =
  | { readonly kind: "literal"; readonly text: string }
  | {
      readonly kind: "placeholder";
      readonly name: string;
      /** Members are names that applications grant rights by, so their list must decode exactly. */
      readonly exact: boolean;
      /** The value comes from the session's tokens and changes with them. */
      readonly fromTokens: boolean;
      read(identity: Known): Value;
    };

/** Parses `Bearer {accessToken}` and the like; throws `config.invalid` for a placeholder that nothing fills. */
export function parseTemplate(template: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  for (const [index, piece] of template.split(/\{([^{}]*)\}/).entries()) {
    if (index % 2 === 1) parts.push(placeholder(piece));
    else if (piece !== "") parts.push(literal(piece));
  }
  return parts;
}

function literal(text: string): TemplatePart {
  const problem = unfitness(text);
  if (problem !== null) throw new GatewayError("config.invalid", `the header template ${JSON.stringify(text)} ${problem}`);
  return { kind: "literal", text };
}

const scalars: Readonly<Record<string, (identity: Known) => Value>> = {
  subject: ({ principal }) => exactText(principal.subject),
  email: ({ principal }) => exactText(principal.email),
  name: ({ principal }) => text(principal.name?.trim() ?? null),
  provider: ({ principal }) => exactText(principal.provider),
  acr: ({ principal }) => exactText(principal.acr),
  person: ({ principal }) => exactText(principal.person?.id ?? null),
  manager: ({ principal }) => text(principal.person?.manager ?? null),
};
const tokens: Readonly<Record<string, (identity: Known) => Value>> = {
  accessToken: ({ session }) => exactText(session?.tokens?.accessToken ?? null),
  idToken: ({ session }) => exactText(session?.tokens?.idToken ?? null),
};

function placeholder(name: string): TemplatePart {
  const base = { kind: "placeholder", name, exact: false, fromTokens: false } as const;
  if (name === "groups") return { ...base, exact: true, read: groups };
  if (name === "roles") return { ...base, exact: true, read: ({ principal }) => ofDirectory(principal, principal.person?.roles) };
  if (name === "teams") return { ...base, exact: true, read: ({ principal }) => ofDirectory(principal, principal.person?.teams) };
  if (name.startsWith("extra.")) return { ...base, read: extra(name.slice("extra.".length)) };
  const scalar = Object.hasOwn(scalars, name) ? scalars[name] : undefined;
  if (scalar !== undefined) return { ...base, read: scalar };
  const token = Object.hasOwn(tokens, name) ? tokens[name] : undefined;
  if (token !== undefined) return { ...base, fromTokens: true, read: token };
  throw new GatewayError("config.invalid", `nothing fills {${name}} in a header template`);
}

function groups({ principal }: Known): Value {
  if (principal.groups.kind === "unknown") return { kind: "unknown", why: `groups are not known (${principal.groups.why})` };
  return list(principal.groups.names);
}

/** Groups that are not known may give more of them: half a list is a wrong one. The directory gives nothing to whom it does not know. */
function ofDirectory({ groups: { kind } }: Principal, names: readonly string[] | undefined): Value {
  if (names !== undefined && kind === "unknown") return { kind: "unknown", why: "groups, which give roles and teams, are not known" };
  return list(names ?? []);
}

function extra(name: string): (identity: Known) => Value {
  return ({ principal }) => (Object.hasOwn(principal.extra, name) ? list(principal.extra[name] ?? []) : { kind: "missing" });
}

function list(members: readonly string[]): Value {
  for (const member of members) {
    const problem = unfitness(member);
    if (problem !== null) return { kind: "unfit", why: `a member ${problem}` };
  }
  return { kind: "list", members: members.filter((member) => member !== "") };
}

function text(value: string | null): Value {
  if (value === null || value === "") return { kind: "missing" };
  const problem = unfitness(value);
  return problem === null ? { kind: "text", text: value } : { kind: "unfit", why: problem };
}

/** Header values lose white space at their ends on the way: `alice ` would arrive as `alice`, who is another person. */
function exactText(value: string | null): Value {
  if (value !== null && value !== value.trim()) return { kind: "unfit", why: "begins or ends with white space" };
  return text(value);
}

export type Encoding = HeaderSettings["encoding"];

/** Why this text cannot be a header value, whatever the encoding; null when it can. */
function unfitness(text: string): string | null {
  // CR and LF would begin another header, NUL ends the value for C programs; the others have no business in a name.
  if (hasControl(text)) return "has a control character";
  // Two different broken strings would both become U+FFFD, and so one person.
  if (!text.isWellFormed()) return "is not well-formed Unicode";
  return null;
}

/** C0, DEL and C1, where U+0085 is a line break. */
function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true;
  }
  return false;
}

/** The value as it travels: ASCII, or for `utf8` one char per byte, which is how node and undici write header values. */
export function encodeValue(text: string, encoding: Encoding): string {
  switch (encoding) {
    case "utf8":
      return isVisibleAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
    case "percent":
      return text.replace(/[^\x20-\x7e]+|%/gu, percentEncode);
    case "rfc8187":
      return needsExtendedValue(text) ? `UTF-8''${text.replace(/[^A-Za-z0-9!#$&+.^_`|~-]+/gu, percentEncode)}` : text;
  }
}

function isVisibleAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/**
 * RFC 8187 3.2.1 names no way to tell a plain value from an extended one but its form, so a plain one of that form (two
 * apostrophes) is encoded too: who calls himself `UTF-8''admin` must not arrive as `admin`.
 */
function needsExtendedValue(text: string): boolean {
  return !isVisibleAscii(text) || text.indexOf("'") !== text.lastIndexOf("'");
}

function percentEncode(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) encoded += `%${byte < 16 ? "0" : ""}${byte.toString(16).toUpperCase()}`;
  return encoded;
}

/**
 * Joins a list so that no member can look like two: the separator inside a member is percent-encoded, and so is white space at
 * its ends, which applications trim. In an `exact` list every `%` is encoded too, and decoding gives each member back; otherwise
 * only where it would look like an encoded separator, so that addresses of pictures stay as they are.
 */
export function createJoin(separator: string, exact: boolean): (members: readonly string[]) => string {
  if (separator === "") throw new GatewayError("config.invalid", "a list needs a separator between its members");
  const signs = [...new Set(separator.trim() === "" ? separator : separator.replace(/\s/gu, ""))];
  const unsafe = signs.map((sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`).join("");
  const percent = exact ? "%" : `%(?=${signs.map((sign) => percentEncode(sign).slice(1)).join("|")})`;
  const pattern = new RegExp(`[${unsafe}]|${percent}`, "giu");
  const protect = (member: string) => {
    const start = member.length - member.trimStart().length;
    const core = member.trim();
    const end = start + core.length;
    return percentEncode(member.slice(0, start)) + core.replace(pattern, percentEncode) + percentEncode(member.slice(end));
  };
  return (members) => members.map(protect).join(separator);
}
