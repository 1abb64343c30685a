import { GatewayError } from "../core/errors.ts";
import type { HeaderSettings } from "../core/settings.ts";

export type Encoding = HeaderSettings["encoding"];

/** Why this text cannot be a header value, whatever the encoding; null when it can. */
export function unfitness(text: string): string | null {
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
