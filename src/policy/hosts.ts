import { formatOrigin, type Origin } from "../core/origin.ts";
import type { App } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";
import type { Site } from "../core/site.ts";

/** Wildcard hosts that are remembered at once: an attacker may name as many as they like. */
const rememberedSites = 1_000;

/**
 * Compiles host names to sites: an exact name first, then the wildcard of its parent domain. `*.acme.example`
 * matches one label, neither `acme.example` nor `a.b.acme.example`.
 *
 * The auth origin's own host belongs to an app only where that app names it exactly: a wildcard must not
 * put an application's pages on the origin where people sign in.
 */
export function compileHosts(settings: Settings, apps: readonly App[]): (hostname: string) => Site | null {
  const exact = new Map<string, Site>();
  const wildcards = new Map<string, App>();
  const auth = settings.auth.origin;
  for (const app of apps) {
    for (const host of app.settings.hosts) {
      if (host.startsWith("*.")) wildcards.set(host.slice(2), app);
      else exact.set(host, siteOf(app, host, auth));
    }
  }
  const shared = exact.get(auth.hostname);
  exact.set(auth.hostname, { hostname: auth.hostname, origin: auth, app: shared?.app ?? null, isAuth: true });

  const remembered = new Map<string, Site>();
  return (hostname) => {
    const site = exact.get(hostname) ?? remembered.get(hostname);
    if (site !== undefined) return site;
    const dot = hostname.indexOf(".");
    const app = dot > 0 ? wildcards.get(hostname.slice(dot + 1)) : undefined;
    if (app === undefined) return null;
    if (remembered.size >= rememberedSites) remembered.clear();
    const made = siteOf(app, hostname, auth);
    remembered.set(hostname, made);
    return made;
  };
}

function siteOf(app: App, hostname: string, auth: Origin): Site {
  return { hostname, origin: originOf(app, hostname, auth), app, isAuth: false };
}

/**
 * The origin that visitors of this host see. `app.origin` gives scheme and port to every host of the app; its own
 * name counts where it is none of them, behind a proxy that rewrites Host.
 */
function originOf(app: App, hostname: string, auth: Origin): Origin {
  const configured = app.settings.origin;
  if (configured === null) return { scheme: auth.scheme, hostname, port: auth.port };
  return coversHost(app, configured.hostname) ? { ...configured, hostname } : configured;
}

function coversHost(app: App, hostname: string): boolean {
  const parent = hostname.slice(hostname.indexOf(".") + 1);
  return app.settings.hosts.some((host) => host === hostname || host === `*.${parent}`);
}

/**
 * `true` when a page of this origin may open a WebSocket to the site: the site's own origin, or another host that
 * the same app names exactly. Hosts under one wildcard may belong to different people.
 */
export function isOwnOrigin(site: Site & { readonly app: App }, origin: string): boolean {
  if (origin === formatOrigin(site.origin)) return true;
  return site.app.settings.hosts.some((hostname) => !hostname.startsWith("*.") && origin === formatOrigin({ ...site.origin, hostname }));
}
