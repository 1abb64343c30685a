import type { Incoming } from "../core/incoming.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Log } from "../core/ports/log.ts";
import type { Site } from "../core/route.ts";

/** What operators are told of requests that did not arrive as the configuration expects; each thing once, so that no stranger fills the log. */
export interface Arrivals {
  /** Why no site answers here: what came, and what would have fitted. Logs a new host once. */
  unknownHost(incoming: Pick<Incoming, "hostname" | "port" | "id">): string;
  /** Forwarding fields of a peer that is not in `trustedProxies`. */
  ignoredForwarding(incoming: Pick<Incoming, "client" | "id">): void;
}

export interface ArrivalDeps {
  readonly log: Log;
  /** The published hosts, wildcards as they are written. */
  readonly hosts: readonly string[];
  /** The host that was probably meant. */
  readonly nearest: (hostname: string) => string | null;
}

const toldAtMost = 100;
const namedAtMost = 10;

export function createArrivals({ log, hosts, nearest }: ArrivalDeps): Arrivals {
  const told = new Set<string>();
  const once = (what: string): boolean => {
    if (told.has(what) || told.size >= toldAtMost) return false;
    told.add(what);
    return true;
  };
  return {
    unknownHost: ({ hostname, port, id }) => {
      const guess = nearest(hostname);
      const some = hosts.slice(0, namedAtMost).join(", ");
      const came = port === null ? hostname : `${hostname}:${port}`;
      const fitting = guess === null ? `published are ${some}${hosts.length > namedAtMost ? " and more" : ""}` : `did you mean ${guess}?`;
      const detail = `no app has the host that came, ${came}; ${fitting}`;
      if (once(`host ${hostname}`))
        log.warn({ request: id, host: hostname, port }, `${detail}; add it to an app's hosts, or correct DNS or the proxy in front`);
      return detail;
    },
    ignoredForwarding: ({ client, id }) => {
      if (!once(`peer ${client}`)) return;
      log.warn(
        { request: id, peer: client },
        `X-Forwarded-* from ${client} is ignored, because it is not among trustedProxies: if that is your proxy, write trustedProxies: [${client}]`,
      );
    },
  };
}

/**
 * Why a request for this port was meant for another site, null when it was not (RFC 9110 7.4). `listening` are the ports that the
 * connection may have arrived at. The gateway and `explain` both ask here.
 */
export function portProblem(site: Site, port: number | null, listening: readonly (number | undefined)[]): string | null {
  const { scheme, port: expected } = site.origin;
  if (port === null || port === expected || listening.includes(port) || port === (scheme === "https" ? 443 : 80)) return null;
  return (
    `${site.hostname} is published as ${formatOrigin(site.origin)}, and was asked for at port ${port}: ` +
    "write the port that visitors use in auth.origin (or the app's origin), or let the proxy in front pass Host on unchanged"
  );
}
