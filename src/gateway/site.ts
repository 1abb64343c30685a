import type { IncomingMessage } from "node:http";
import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import { isUnderPrefix } from "../core/path.ts";
import type { Site } from "../core/site.ts";
import type { AppSite } from "../policy/decide.ts";

export function hasApp(site: Site): site is AppSite {
  return site.app !== null;
}

/**
 * The site that a request names. Routing goes by host name; a port, where one is named, must be one that this site is reached at, or
 * the request was meant for somebody else (RFC 9110 7.4). Throws `request.host-unknown`.
 */
export function siteOf(findSite: (hostname: string) => Site | null, incoming: Incoming, req: IncomingMessage): Site {
  const site = findSite(incoming.hostname);
  if (site === null) throw new GatewayError("request.host-unknown", `no site ${incoming.hostname}`);
  const { port } = incoming;
  if (port === null || port === site.origin.port || port === req.socket.localPort) return site;
  if (port === (site.origin.scheme === "https" ? 443 : 80)) return site;
  throw new GatewayError("request.host-unknown", `${incoming.hostname} is not at port ${port}`);
}

/** The control plane's, in any reading: an upstream must never see what could be taken for a request to the gateway itself. */
export function isControlPath(incoming: Incoming): boolean {
  for (const reading of incoming.readings) if (isUnderPrefix(reading, "/_vestibule")) return true;
  return false;
}
