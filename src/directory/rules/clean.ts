const longestName = 200;
const longestPicture = 2_048;

/**
 * A display name fit to be shown beside others: one line, single spaces, no control or direction signs (which would let a name
 * rewrite what stands around it), at most 200 characters. Null when nothing is left.
 */
export function cleanDisplayName(text: string): string | null {
  const plain = text
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ")
    .replace(/[\p{Cs}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]/gu, "")
    .replace(/\s+/gu, " ")
    .trim();
  const short = [...plain].slice(0, longestName).join("").trim();
  return short === "" ? null : short;
}

/**
 * A picture's address that may stand in a page or a header: https, a host, no user name or password in it, no fragment. Null for
 * anything else: `javascript:` and `data:` addresses are scripts, `http:` ones tell the network who looks at whom.
 */
export function cleanPictureUrl(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed.length > longestPicture || /[\p{Cc}\s\\]/u.test(trimmed)) return null;
  const url = URL.parse(trimmed);
  if (url === null || url.protocol !== "https:" || url.hostname === "" || url.username !== "" || url.password !== "") return null;
  url.hash = "";
  return url.href.length > longestPicture ? null : url.href;
}
