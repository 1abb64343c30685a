/** How upstreams may read one path, or why it is refused. */
export type PathReading =
  | { readonly ok: true /** The plain reading first. Never empty, no duplicates. */; readonly readings: readonly string[] }
  | { readonly ok: false; readonly why: string };

/**
 * Every reading of a request path that rules must judge.
 *
 * The plain reading decodes each percent-escape of a visible ASCII character that no server gives a structural meaning, and
 * writes the other escapes in upper case, so `/%61dmin` reads `/admin`. Where servers disagree (`%2f`, `%5c`, `;`, `//`, a second
 * round of decoding) the other readings follow. A path on which traversal could be hidden in any reading has none: it is refused.
 * `rawBytes` lets escapes stand that are no UTF-8 (`%E9`), but never those that lenient decoders take for another character.
 */
export function readPath(path: string, { rawBytes = false }: { readonly rawBytes?: boolean } = {}): PathReading {
  if (isPlain(path)) return { ok: true, readings: [path] };
  const plain = canonicalise(path, rawBytes);
  if (plain.text === null) return { ok: false, why: plain.why };
  const readings = alternatives(plain.text);
  if (readings === null) return { ok: false, why: "too many readings" };
  for (const reading of readings) if (hasDotSegment(reading)) return { ok: false, why: "a dot segment" };
  return { ok: true, readings };
}

/** `true` when `reading` is `prefix` or lies under it: `/admin` covers `/admin/x`, never `/administrator`. */
export function isUnderPrefix(reading: string, prefix: string): boolean {
  if (prefix === "/") return true;
  return reading.startsWith(prefix) && (reading.length === prefix.length || reading.charCodeAt(prefix.length) === SLASH);
}

/**
 * The path without `prefix`, byte for byte otherwise: whole raw segments are cut, compared by their plain reading. Null when
 * the path is not under the prefix.
 */
export function stripPath(path: string, prefix: string): string | null {
  if (prefix === "/") return path;
  let end = 0;
  for (let count = prefix.split("/").length - 1; count > 0; count -= 1) {
    const next = path.indexOf("/", end + 1);
    end = next === -1 ? path.length : next;
  }
  if (canonicalise(path.slice(0, end)).text !== prefix) return null;
  return end === path.length ? "/" : path.slice(end);
}

/**
 * A path or glob from the configuration in the form that readings have (`/café` becomes `/caf%C3%A9`), or null when no request
 * could ever have it: dot segments, a query, a backslash, a broken escape.
 */
export function canonicalPattern(pattern: string): string | null {
  if (!pattern.startsWith("/") || /[?#]|%2a/i.test(pattern) || !pattern.isWellFormed()) return null;
  const ascii = pattern.replace(/[^!-~]+/gu, (run) => encodeURIComponent(run));
  const { text } = canonicalise(ascii);
  return text === null || hasDotSegment(text) ? null : text;
}

const SLASH = 0x2f;
const PERCENT = 0x25;

/** Per ASCII code: 1 = stands for itself everywhere, 2 = needs the long way, 0 = never in a path. */
const classes = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code <= 0x20 || code === 0x7f || code === 0x5c || code === 0x23 || code === 0x3f) return 0;
  return code === PERCENT || code === 0x3b ? 2 : 1;
});

/** The usual case, in one pass without allocation: nothing escaped, no parameters, no empty or dot segments. */
function isPlain(path: string): boolean {
  let previous = 0;
  for (let at = 0; at < path.length; at += 1) {
    const code = path.charCodeAt(at);
    if (code >= 128 || classes[code] !== 1) return false;
    if (previous === SLASH && (code === SLASH || code === 0x2e)) return false;
    previous = code;
  }
  return true;
}

/** What is read aloud for one path is bounded: each reading of a long one is compared with every rule. */
const maxReadingChars = 32 * 1024;

type Canonical = { readonly text: string } | { readonly text: null; readonly why: string };

function canonicalise(path: string, rawBytes = false): Canonical {
  let text = "";
  for (let at = 0; at < path.length; ) {
    const code = path.charCodeAt(at);
    if (code === PERCENT) {
      const escaped = readEscape(path, at) ?? (rawBytes ? readRawByte(path, at) : null);
      if (escaped === null) return { text: null, why: "a percent-escape that is not valid UTF-8" };
      if (escaped.controls) return { text: null, why: "an encoded control character" };
      text += escaped.text;
      at += escaped.length;
    } else {
      if (code >= 128 || classes[code] === 0) return { text: null, why: "a character that must be percent-encoded" };
      text += path[at];
      at += 1;
    }
  }
  return { text };
}

/** One escaped character (one to four escapes) at `at`; null unless it is the shortest UTF-8 form of a scalar value. */
function readEscape(path: string, at: number): { text: string; length: number; controls: boolean } | null {
  const first = escapedByte(path, at);
  if (first === -1) return null;
  if (first < 0x80)
    return { text: decodesToItself(first) ? String.fromCharCode(first) : spell(first), length: 3, controls: isControl(first) };
  const bytes = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (bytes === 0) return null;
  let text = spell(first);
  for (let index = 1; index < bytes; index += 1) {
    const byte = escapedByte(path, at + 3 * index);
    if (byte < 0x80 || byte > 0xbf || (index === 1 && !isSecondByte(first, byte))) return null;
    text += spell(byte);
  }
  return { text, length: 3 * bytes, controls: false };
}

/** One escaped byte that begins no UTF-8 sequence, as Latin-1 paths have it; null for what could be an overlong form or a surrogate. */
function readRawByte(path: string, at: number): { text: string; length: number; controls: boolean } | null {
  const byte = escapedByte(path, at);
  if (byte < 0x80) return null;
  const next = escapedByte(path, at + 3);
  const continues = next >= 0x80 && next <= 0xbf;
  if (continues && (byte === 0xc0 || byte === 0xc1 || byte === 0xe0 || byte === 0xed || byte >= 0xf0)) return null;
  return { text: spell(byte), length: 3, controls: false };
}

/** RFC 3629 section 4: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
function isSecondByte(first: number, second: number): boolean {
  if (first === 0xe0) return second >= 0xa0;
  if (first === 0xed) return second <= 0x9f;
  if (first === 0xf0) return second >= 0x90;
  if (first === 0xf4) return second <= 0x8f;
  return true;
}

function escapedByte(path: string, at: number): number {
  if (path.charCodeAt(at) !== PERCENT) return -1;
  const high = hexValue(path.charCodeAt(at + 1));
  const low = hexValue(path.charCodeAt(at + 2));
  return high === -1 || low === -1 ? -1 : high * 16 + low;
}

function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** `/`, `\`, `;`, `?`, `#` and `%` stay escaped: decoding them would change where the path's parts begin and end. A space too. */
function decodesToItself(code: number): boolean {
  return classes[code] === 1 && code !== SLASH;
}

function isControl(code: number): boolean {
  return code < 0x20 || code === 0x7f;
}

function spell(byte: number): string {
  return `%${byte < 16 ? "0" : ""}${byte.toString(16).toUpperCase()}`;
}

/**
 * The plain reading and every other that some server has. Parameters are cut by servlet containers before they decode and by
 * others after; `%5c` is a slash on Windows; some proxies merge slashes; some frameworks decode twice. At most 28 in all; null when
 * they are longer together than is reasonable: an anonymous `%2f;%252f…` of 8 KiB cost 16 ms.
 */
function alternatives(plain: string): readonly string[] | null {
  const readings = new Set([plain]);
  let chars = plain.length;
  for (const once of new Set([plain, decodeAgain(plain)])) {
    const slashed = once.replace(/%2F|%5C/g, "/");
    const cut = once.replace(/;[^/]*/g, "");
    const parameterised = [once, slashed, cut, cut.replace(/%2F|%5C/g, "/"), slashed.replace(/;[^/]*/g, "")];
    parameterised.push(once.replace(/(?:;|%3B)[^/]*/g, ""), slashed.replace(/(?:;|%3B)[^/]*/g, ""));
    for (const reading of [...new Set(parameterised)].flatMap((each) => [each, each.replace(/\/{2,}/g, "/")])) {
      if (readings.has(reading)) continue;
      readings.add(reading);
      chars += reading.length;
    }
    if (chars > maxReadingChars) return null;
  }
  return [...readings];
}

/** What a server that decodes twice makes of it. Lenient where the second round is not valid: such a server may be, too. */
function decodeAgain(plain: string): string {
  return plain.replace(/%25([0-9A-Fa-f]{2})/g, (_, digits: string) => {
    const byte = Number.parseInt(digits, 16);
    return decodesToItself(byte) ? String.fromCharCode(byte) : spell(byte);
  });
}

function hasDotSegment(reading: string): boolean {
  return /(?:^|\/)\.{1,2}(?:\/|$)/.test(reading);
}
