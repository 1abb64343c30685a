import type { Incoming } from "../../core/incoming.ts";
import { formatOrigin, type Origin } from "../../core/origin.ts";
import { headerOf } from "../control-request.ts";

/** What to do with a request to log out: do it, ask the visitor first, or refuse a form that was posted from elsewhere. */
export type LogoutIntent = "now" | "ask" | "refuse";

/**
 * Nobody is logged out by another site's link, image or form. A link on the app's own pages, and an address typed by hand,
 * mean it; so says Fetch Metadata, which scripts cannot forge, or Referer and Origin where a browser sends no Fetch Metadata.
 */
export function logoutIntent(incoming: Incoming, own: Origin): LogoutIntent {
  return incoming.method === "POST" ? intentOfPost(incoming, own) : intentOfLink(incoming, own);
}

function intentOfPost({ fetchSite, origin }: Incoming, own: Origin): LogoutIntent {
  const siteIsOwn = fetchSite === null || fetchSite === "same-origin" || fetchSite === "none";
  return siteIsOwn && (origin === null || origin === formatOrigin(own)) ? "now" : "refuse";
}

function intentOfLink(incoming: Incoming, own: Origin): LogoutIntent {
  // What a browser fetches ahead of a click, and an image in somebody's comment, is no wish of the visitor's.
  if (headerOf(incoming, "sec-purpose") !== null || headerOf(incoming, "purpose") !== null) return "ask";
  const destination = headerOf(incoming, "sec-fetch-dest");
  if (destination !== null && destination !== "document" && destination !== "empty") return "ask";
  if (incoming.fetchSite !== null) return incoming.fetchSite === "same-origin" || incoming.fetchSite === "none" ? "now" : "ask";
  const origin = formatOrigin(own);
  if (incoming.origin !== null) return incoming.origin === origin ? "now" : "ask";
  return headerOf(incoming, "referer")?.startsWith(`${origin}/`) ? "now" : "ask";
}
