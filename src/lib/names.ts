/**
 * `text` in the form in which user, group and e-mail names are compared: NFC, lower case, every sigma alike.
 *
 * Folding never turns a foreign letter into an ASCII one: the Kelvin sign, the Greek question mark and the Greek varia, which NFC
 * would replace by `K`, `;` and a backtick, stay what they are, and `İ` becomes `i` with a combining dot, which is no `i`. So no person
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
  return foldName(email.slice(at + 1));
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

const localPart = /^[^\s"(),:;<>@[\\\]\p{Cc}\p{Cf}\p{Cs}]{1,64}$/u;
const asciiDomain = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const needsNoReading = /^[\p{L}\p{M}\p{N}.-]+$/u;

/** An address taken apart; `address` has the canonical domain. */
export interface EmailAddress {
  readonly address: string;
  readonly domain: string;
}

/**
 * Reads an e-mail address strictly: exactly one `@`, no quoting, no spaces. Null for anything else: an address that two programs could
 * read as two different people must not decide who a person is. Domains are compared as ASCII after lower-casing A to Z. An international
 * one is brought to its ASCII form only where that changes nothing but the writing: `corp.te\u017Ft`, full-width letters or the Kelvin sign,
 * which the IDNA mapping would turn into another, plain domain, are no address at all.
 */
export function readEmailAddress(text: string): EmailAddress | null {
  const [local, written, ...more] = text.split("@");
  if (local === undefined || written === undefined || more.length > 0 || !localPart.test(local)) return null;
  const domain = needsNoReading.test(written) ? asciiForm(written) : null;
  return domain === null ? null : { address: `${local}@${domain}`, domain };
}

/**
 * The domain for which an application might take what stands behind the last `@`: blanks, a dot at the end and look-alike letters aside.
 * Null without an `@` or a domain. Good for refusing only: see `readEmailAddress` for what an address is.
 */
export function apparentDomain(text: string): string | null {
  if (!text.includes("@")) return null;
  const written = text
    .slice(text.lastIndexOf("@") + 1)
    .trim()
    .replace(/\.$/, "");
  const domain = needsNoReading.test(written) ? (URL.parse(`http://${written}`)?.hostname ?? "") : "";
  return asciiDomain.test(domain) ? domain : null;
}

/** Null for what is no domain, or would become another one on the way. */
function asciiForm(written: string): string | null {
  const lower = Array.from(written, (letter) => (isAscii(letter) ? letter.toLowerCase() : lowerForeign(letter))).join("");
  if (asciiDomain.test(lower)) return lower;
  // Letters that IDNA replaces (UTS 46: compatibility forms) or leaves out would make two spellings of one name, and one of them a plain one.
  if (isAscii(lower) || lower.normalize("NFKC") !== lower || /\p{Default_Ignorable_Code_Point}/u.test(lower)) return null;
  const ascii = URL.parse(`http://${lower}`)?.hostname ?? "";
  const labels = ascii.split(".");
  const isFaithful = lower
    .split(".")
    .every((label, at) => (isAscii(label) ? labels[at] === label : labels[at]?.startsWith("xn--") === true));
  return isFaithful && asciiDomain.test(ascii) ? ascii : null;
}

/** Lower case, unless that would be an ASCII letter: the Kelvin sign is no `k`, and a dotted capital I no `i`. */
function lowerForeign(letter: string): string {
  const lower = letter.toLowerCase();
  return /[a-z]/.test(lower) ? letter : lower;
}

/** Names and addresses come from providers and clients: nothing in them may steer a terminal, or turn the direction of a line. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
}
