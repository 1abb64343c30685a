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
    if (code === dot && (at + 1 === reading.length || reading.charCodeAt(at + 1) === slash)) return true;
  }
  return false;
}

const percent = 0x25;
const colon = 0x3a;
const dot = 0x2e;
const slash = 0x2f;

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
