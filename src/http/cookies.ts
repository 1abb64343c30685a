/** `name` is one of the gateway's own cookies: the base name or the base name with `-…` behind it, prefixed or not, in any case. */
export function isOwnCookieName(name: string, baseName: string): boolean {
  const bare = name.toLowerCase().replace(/^__(?:host|secure)-/, "");
  const base = baseName.toLowerCase();
  return bare === base || bare.startsWith(`${base}-`);
}

/**
 * `true` for an upstream's Set-Cookie value that would write one of our cookies. A cookie without a name (`=vestibule=x`) comes back
 * from the browser as `vestibule=x`, so a leading `=` counts for nothing.
 */
export function setsOwnCookie(setCookie: string, baseName: string): boolean {
  const end = setCookie.indexOf(";");
  const pair = (end === -1 ? setCookie : setCookie.slice(0, end)).replace(/^[\s=]+/, "");
  const equals = pair.indexOf("=");
  return isOwnCookieName((equals === -1 ? pair : pair.slice(0, equals)).trim(), baseName);
}

/** A Cookie header without the gateway's own cookies, every other byte as it was; null when nothing is left. */
export function stripOwnCookies(cookieHeader: string | null, baseName: string): string | null {
  if (cookieHeader === null || !cookieHeader.toLowerCase().includes(baseName.toLowerCase())) return cookieHeader;
  const pairs = cookieHeader.split(";");
  const kept = pairs.filter((pair) => !isOwnCookieName(nameOf(pair), baseName));
  if (kept.length === pairs.length) return cookieHeader;
  const left = kept.join(";").trimStart();
  return left === "" ? null : left;
}

/** The gateway's own cookies in a Cookie header, in order, repeats included. */
export function ownCookies(cookieHeader: string | null, baseName: string): readonly { readonly name: string; readonly value: string }[] {
  if (cookieHeader === null) return [];
  return cookieHeader
    .split(";")
    .filter((pair) => isOwnCookieName(nameOf(pair), baseName))
    .map((pair) => ({ name: nameOf(pair), value: pair.slice(pair.indexOf("=") + 1).trim() }));
}

function nameOf(pair: string): string {
  const equals = pair.indexOf("=");
  return (equals === -1 ? pair : pair.slice(0, equals)).trim();
}

/**
 * The value of the only cookie called `name` in a Cookie header, null when there is none.
 *
 * Two cookies of our name mean null: a sibling domain can plant a second one, and whichever were believed could be the
 * attacker's (cookie tossing, RFC 6265 8.6). Only the name is searched for; a long header is never split apart.
 */
export function onlyCookie(header: string, name: string): string | null {
  let found: string | null = null;
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + name.length)) {
    if (!beginsPair(header, at)) continue;
    const equals = skipBlanks(header, at + name.length);
    if (header[equals] !== "=") continue;
    if (found !== null) return null;
    const end = header.indexOf(";", equals);
    found = header.slice(equals + 1, end === -1 ? header.length : end).trim();
  }
  return found;
}

function beginsPair(header: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isBlank(header.charCodeAt(before))) before -= 1;
  return before < 0 || header[before] === ";";
}

function skipBlanks(header: string, from: number): number {
  let at = from;
  while (isBlank(header.charCodeAt(at))) at += 1;
  return at;
}

const isBlank = (code: number) => code === 0x20 || code === 0x09;
