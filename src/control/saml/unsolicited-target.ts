import { GatewayError } from "../../core/errors.ts";
import type { Site } from "../../core/site.ts";
import type { ControlParts } from "../parts.ts";
import { type ReturnTarget, readReturnPath, readReturnUrl } from "../return-to.ts";

/**
 * Where a login that nobody asked for leads: the page that RelayState names, when it is one of an app that accepts this provider; a
 * mere path is one of the provider's first app; anything else is that app's root. RelayState is unsigned, so it chooses among our
 * own pages and never an address.
 */
export function unsolicitedTarget(parts: ControlParts, provider: string, relayState: string | null): ReturnTarget {
  const named = readReturnUrl(relayState, parts);
  if (named !== null && accepts(named.site, provider)) return named;
  const site = firstSiteFor(parts, provider);
  return { site, path: named === null ? readReturnPath(relayState, site) : "/" };
}

const accepts = ({ app }: Site, provider: string) => app?.settings.providers.includes(provider) === true;

function firstSiteFor({ settings, table }: ControlParts, provider: string): Site {
  const hosts = settings.apps
    .filter((app) => app.providers.includes(provider))
    .flatMap((app) => app.hosts)
    .filter((host) => !host.startsWith("*"));
  const [host] = hosts;
  const site = host === undefined ? null : table.findSite(host);
  if (site === null) throw new GatewayError("login.return-refused", `no app with a host name of its own accepts ${provider}`);
  return site;
}
