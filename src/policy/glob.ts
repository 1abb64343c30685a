import { GatewayError } from "../core/errors.ts";
import type { PathSpec } from "../core/rules.ts";
import { canonicalPattern } from "../lib/path.ts";

/** What a pattern is made of: character codes, and three kinds of gap. */
type Token = number;
const withinSegment = -1; // `*`: any run without a slash, also none
const acrossSegments = -2; // `**` beside other text: any run
const wholeSegments = -3; // `/**/`: any number of whole segments, also none
const slash = 0x2f;

/**
 * A matcher for one path glob: `*` stays within a segment, `**` crosses segments, `/docs/**` includes `/docs` itself.
 *
 * Runs in time proportional to pattern × path whatever either holds: a set of pattern positions walks over the
 * path once. As a backtracking regular expression `/*a*a*a*a*b` would let one long path stop the process.
 */
export function compileGlob(glob: string): (path: string) => boolean {
  const pattern = canonicalPattern(glob);
  if (pattern === null) throw new GatewayError("config.invalid", `no path can ever match the glob ${glob}`);
  const open = /(?:\/\*{2,})+$/.exec(pattern);
  const body = open === null ? pattern : pattern.slice(0, open.index);
  const subtree = open !== null;
  const wild = body.indexOf("*");
  if (wild === -1) return subtree ? (path) => path.startsWith(body) && isBorder(path, body.length) : (path) => path === body;
  // `/a/**/b` must be tried from the slash before the gap on; a gap never begins inside the literal part.
  const prefix = body.slice(0, wild);
  const walk = createWalk(tokenise(body.slice(wild), prefix), subtree);
  return (path) => path.startsWith(prefix) && walk(path, prefix.length);
}

function isBorder(path: string, at: number): boolean {
  return at === path.length || path.charCodeAt(at) === slash;
}

function tokenise(text: string, before: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    if (text[at] !== "*") {
      tokens.push(text.charCodeAt(at));
      at += 1;
      continue;
    }
    let end = at;
    while (text[end] === "*") end += 1;
    const startsSegment = (at === 0 ? before : text.slice(0, at)).endsWith("/");
    const fillsSegment = startsSegment && text[end] === "/";
    if (end - at === 1) tokens.push(withinSegment);
    else if (!fillsSegment) tokens.push(acrossSegments);
    else if (tokens.at(-1) !== wholeSegments) tokens.push(wholeSegments);
    at = end - at > 1 && fillsSegment ? end + 1 : end;
  }
  return tokens;
}

/** Walks all positions of the pattern at once. The two sets are kept between calls: matching is synchronous. */
function createWalk(tokens: readonly Token[], subtree: boolean): (path: string, from: number) => boolean {
  const last = tokens.length;
  let current = new Uint8Array(last + 1);
  let next = new Uint8Array(last + 1);
  // Once a gap that crosses segments is open it stays open, and nothing before it can match more than it does.
  let floor = 0;

  const enter = (set: Uint8Array, position: number, afterSlash: boolean) => {
    for (let at = position; ; at += 1) {
      set[at] = 1;
      const token = tokens[at];
      if ((token === acrossSegments || token === wholeSegments) && at > floor) floor = at;
      const mayBeEmpty = token === withinSegment || token === acrossSegments || (token === wholeSegments && afterSlash);
      if (!mayBeEmpty) return;
    }
  };

  /** Moves every position over one character; false when none is left. */
  const step = (code: number): boolean => {
    next.fill(0);
    let alive = false;
    for (let at = floor; at < last; at += 1) {
      if (current[at] === 0) continue;
      const token = tokens[at];
      if (token === code) enter(next, at + 1, code === slash);
      else if (token === acrossSegments || token === wholeSegments || (token === withinSegment && code !== slash))
        enter(next, at, code === slash);
      else continue;
      alive = true;
    }
    [current, next] = [next, current];
    return alive;
  };

  return (path, from) => {
    floor = 0;
    current.fill(0);
    enter(current, 0, path.charCodeAt(from - 1) === slash);
    for (let at = from; at < path.length; at += 1) {
      const code = path.charCodeAt(at);
      if (subtree && current[last] === 1 && code === slash) return true;
      if (!step(code)) return false;
    }
    return current[last] === 1;
  };
}

/** Answers whether one of the entries covers this method and reading. HEAD is not GET: `"GET /x"` opens nothing for HEAD. */
export function compilePathSpecs(specs: readonly PathSpec[]): (method: string, reading: string) => boolean {
  if (specs.length === 0) return () => false;
  const entries = specs.map((spec) => ({ method: spec.method?.toUpperCase() ?? null, matches: compileGlob(spec.glob) }));
  return (method, reading) => {
    for (const entry of entries) if ((entry.method === null || entry.method === method) && entry.matches(reading)) return true;
    return false;
  };
}

/**
 * The name under which Windows, IIS and other servers that fold find what `reading` names: `/Admin`, `/admin.`, `/admin%20`,
 * `/admin::$DATA`, full-width letters and zero-width signs all become `/admin`. Null when folding brings forth a dot segment: such a path
 * is refused. Readings and patterns fold alike, and folding twice changes nothing.
 *
 * Covered: case, compatibility forms (Unicode NFKC), signs without a width, dots and blanks at a segment's end, NTFS stream names.
 * Not covered, for nothing in the path tells: short names (`ADMIN~1`), links and aliases of the server's own.
 */
export function foldPath(reading: string): string | null {
  if (!mayFold(reading)) return reading;
  const text = decodeText(reading)
    .normalize("NFKC")
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, "")
    // By way of upper case: servers compare in either, and the dotless i is an I there.
    .toUpperCase()
    .toLowerCase()
    // Once more: lower case brings forth combining signs (U+0130).
    .normalize("NFKC");
  // A full-width slash is one now, as it is for a server that folds.
  const segments = text.split(/[/\\]/).map((segment) => segment.replace(/:[:$].*$/s, ""));
  if (segments.some((segment) => segment === "." || segment === "..")) return null;
  return segments.map((segment) => encodeText(segment.replace(/[.\s]+$/u, ""))).join("/");
}

/** `false` for a path that folding leaves as it is, which is the usual case: one pass, nothing allocated. */
export function mayFold(reading: string): boolean {
  for (let at = 0; at < reading.length; at += 1) {
    const code = reading.charCodeAt(at);
    if (code >= 0x41 && code <= 0x5a) return true;
    if (code === percent || code === colon) return true;
    if (code === dot && (at + 1 === reading.length || reading.charCodeAt(at + 1) === slashCode)) return true;
  }
  return false;
}

const percent = 0x25;
const colon = 0x3a;
const dot = 0x2e;
const slashCode = 0x2f;

/** The text that whole runs of escapes spell; those that structure the path (`%2F`, `%5C`, `%3F`, `%23`, `%25`) and broken ones stay. */
function decodeText(path: string): string {
  return path.replace(/(?:%[0-9A-F]{2})+/g, (run) => {
    const kept = run.split(/(%(?:2F|5C|3F|23|25|3B))/);
    return kept.map((part, at) => (at % 2 === 1 ? part : decodeRun(part))).join("");
  });
}

function decodeRun(run: string): string {
  try {
    return decodeURIComponent(run);
  } catch {
    return run;
  }
}

/** As readings spell it: visible ASCII as it is, all else escaped in upper case. Escapes that were kept are written the same way again. */
function encodeText(text: string): string {
  return text
    .replace(/%([0-9a-f]{2})/g, (code) => code.toUpperCase())
    .replace(/[^!-~]+/gu, (run) => encodeURIComponent(run.toWellFormed()));
}
