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
