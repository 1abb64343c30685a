/**
 * The gateway's own tokens, as callers present them: service tokens (`vst_<name>_…`) and personal tokens (`vst_…`). They come as
 * `Bearer TOKEN`, or as the password of Basic for programs that know nothing else (git, WebDAV, registries).
 */

/** Longer than any of them; a longer field is not looked at. */
const longest = 512;
const start = "vst_";

/** The token of ours in an Authorization field; null when there is none, and the field belongs to the application. */
export function gatewayTokenIn(authorization: string | null): string | null {
  if (authorization === null || authorization.length > longest) return null;
  const [, scheme = "", credential = ""] = /^(bearer|basic)[ \t]+(\S+)$/i.exec(authorization) ?? [];
  const text = scheme.toLowerCase() === "basic" ? passwordOf(credential) : credential;
  return text.startsWith(start) ? text : null;
}

/** RFC 7617 2: what follows the first colon. The user name is free: the token alone says whose it is. */
function passwordOf(credential: string): string {
  const pair = Buffer.from(credential, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon === -1 ? "" : pair.slice(colon + 1);
}

const personalShape = /^vst_[A-Za-z0-9_-]{43}$/;

/** Whether a token has the form of a person's: 256 bits without a name before them, so that no service token ever has it. */
export function isPersonalToken(token: string): boolean {
  return personalShape.test(token);
}

/** A person's token made of `random`, which are 32 bytes in base64url. Secret scanners know it by its start. */
export function personalTokenOf(random: string): string {
  return `${start}${random}`;
}
