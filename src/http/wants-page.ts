import type { Fields } from "./fields.ts";

/**
 * `true` when a redirect to a login makes sense: a browser navigation by Fetch Metadata, or, from clients without it, a GET or HEAD that
 * asks for HTML. Scripts, form posts and sockets cannot follow a login and get 401 instead.
 */
export function wantsPage(method: string, fields: Fields): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  if (fields.fetchMode !== null) return fields.fetchMode === "navigate";
  if (fields.fetchDest !== null) return fields.fetchDest === "document" || fields.fetchDest === "iframe" || fields.fetchDest === "frame";
  return fields.accept !== null && /\btext\/html\b/i.test(fields.accept) && fields.requestedWith === null;
}
