import type { Incoming } from "../core/incoming.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Session } from "../core/session.ts";
import type { AppSettings, Settings } from "../core/settings.ts";
import { appCall, hasApp } from "../gateway/call.ts";
import { judgeAs, type Rules } from "../gateway/judge.ts";
import { createReadIncoming, requestHead } from "../http/read-incoming.ts";
import { parseNetworks } from "../lib/networks.ts";
import type { PortalApp, PortalDeps } from "../portal/portal-endpoint.ts";

/** Which apps a visitor may open now: each app's own judgement of `GET /`, for each of this browser's sessions. */
export function composeAppsFor(settings: Settings, rules: Rules, clock: () => number): PortalDeps["appsFor"] {
  const readIncoming = createReadIncoming({ trusted: parseNetworks([]), clock, newRequestId: () => "portal", takesRawBytes: () => false });
  const published = settings.apps.flatMap((app) => {
    const host = app.hosts.find((name) => !name.startsWith("*"));
    return host === undefined || app.portal?.hidden === true ? [] : [{ app, host }];
  });
  return (sessions, incoming) =>
    published.flatMap(({ app, host }) => {
      const site = rules.findSite(host);
      if (site === null || !hasApp(site)) return [];
      const asked = askFor(readIncoming, host, incoming, site.origin.scheme === "https");
      const now = clock();
      const mayOpen = (session: Session) => {
        if (!app.providers.includes(session.principal.provider) || isBeyond(session, app, now)) return false;
        const identity = { kind: "known", principal: session.principal, session, via: "session" } as const;
        return judgeAs(rules, appCall(rules.findRoute, asked, site), identity, now).kind === "forward";
      };
      return sessions.some(mayOpen) ? [shown(site.app.id, app, `${formatOrigin(site.origin)}/`)] : [];
    });
}

/** What this visitor's own browser would send to open the app. */
function askFor(readIncoming: ReturnType<typeof createReadIncoming>, host: string, { client }: Incoming, encrypted: boolean): Incoming {
  const fields = [["Host", host] as const, ["Accept", "text/html"] as const];
  return readIncoming(requestHead({ method: "GET", target: "/", fields, address: client, encrypted }));
}

function isBeyond({ createdAt, lastSeenAt }: Session, { session }: AppSettings, now: number): boolean {
  return now >= createdAt + session.lifetimeMs || now >= lastSeenAt + session.idleMs;
}

function shown(id: string, { name, portal }: AppSettings, url: string): PortalApp {
  const icon = portal?.icon ?? null;
  return {
    ...{ id, name, url },
    description: portal?.description ?? null,
    icon: icon === null ? null : `data:${icon.type};base64,${Buffer.from(icon.bytes).toString("base64")}`,
    category: portal?.category ?? null,
  };
}
