/**
 * `text` in the form in which user, group and e-mail names are compared: NFC, lower case, every sigma alike.
 *
 * Folding never turns a foreign letter into an ASCII one: the Kelvin sign, the Greek question mark and the Greek varia, which NFC
 * would replace by `K`, `;` and a backtick, stay what they are, and `İ` becomes `i` with a combining dot, which is no `i`. So nobody
 * becomes `mike` by registering `mi\u212Ae`.
 */
export function foldName(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  return text
    .split(/([\u037E\u1FEF\u212A])/)
    .map((part, index) => (index % 2 === 1 ? part : part.normalize("NFC").toLowerCase().replaceAll("ς", "σ")))
    .join("");
}

/** A name as rules write it: exact, or open at one end or both (`app-*`, `*-admins`, `*`). */
export interface NamePattern {
  /** What is compared; null when the pattern is open at an end. */
  readonly exact: string | null;
  matches(folded: string): boolean;
}

/** A `*` anywhere but at an end stands for itself. */
export function compileNamePattern(pattern: string, fold: (text: string) => string = foldName): NamePattern {
  const openStart = pattern.startsWith("*");
  const openEnd = pattern.endsWith("*") && pattern.length > 1;
  const core = fold(pattern.slice(openStart ? 1 : 0, openEnd ? -1 : undefined));
  if (openStart && openEnd) return { exact: null, matches: (folded) => folded.includes(core) };
  if (openStart) return { exact: null, matches: (folded) => folded.endsWith(core) };
  if (openEnd) return { exact: null, matches: (folded) => folded.startsWith(core) };
  return { exact: core, matches: (folded) => folded === core };
}

/** The domain of an address with exactly one `@`, lower case; null for anything else. */
export function emailDomain(email: string): string | null {
  const at = email.indexOf("@");
  if (at <= 0 || at === email.length - 1 || email.includes("@", at + 1)) return null;
  return email.slice(at + 1).toLowerCase();
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}
