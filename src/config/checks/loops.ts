import { upstreamAddress } from "../../core/origin.ts";
import type { Address } from "../../core/settings.ts";
import { parseAddress } from "../../lib/networks.ts";
import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import { scopesOf } from "../settings/inheritance.ts";
import { coversHost } from "../values/hosts.ts";
import { isLoopback, isWildcard } from "./server.ts";

/**
 * Upstreams that are this gateway: one request would become hundreds. What only leads back here (a name of ours that some proxy answers)
 * cannot be seen in the file for certain, and is a warning; at run time it is 508 at the first return.
 */
export function checkLoops(draft: Draft, report: Report): void {
  const listeners = [...(draft.listen ?? []).map(({ address }) => address), ...(draft.admin === null ? [] : [draft.admin.address])];
  const hosts = draft.apps.flatMap((app) => (app === null ? [] : (app.hosts ?? (app.host === undefined ? [] : [app.host]))));
  const published = draft.auth === null ? hosts : [...hosts, draft.auth.origin.hostname];
  for (const [at, app] of draft.apps.entries()) {
    if (app === null) continue;
    for (const { says, path } of scopesOf(app, ["apps", at])) {
      for (const [index, { url }] of (says.upstream ?? []).entries()) {
        const here: KeyPath = (says.upstream ?? []).length > 1 ? [...path, "upstream", index, "url"] : [...path, "upstream"];
        checkUpstream(url, here, listeners, published, report);
      }
    }
  }
}

function checkUpstream(url: string, path: KeyPath, listeners: readonly Address[], published: readonly string[], report: Report): void {
  const { url: parsed, socketPath } = upstreamAddress(url);
  // No listener of ours is a socket file.
  if (socketPath !== null) return;
  const { hostname, port, protocol } = parsed;
  const address = { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
  if (listeners.some((listener) => isSame(listener, address))) {
    report.problem(path, "this upstream is the gateway itself: every request would come back; write the address of the application");
  } else if (published.some((pattern) => coversHost(pattern, hostname))) {
    report.warning(path, `${hostname} is published by this gateway: if the name leads back here, every request is answered with 508`);
  }
}

/** Port 0 is another port each time. A listener on every address is also on the loopback ones, and `localhost` may be any of these. */
function isSame(listener: Address, upstream: Address): boolean {
  if (listener.port === 0 || listener.port !== upstream.port) return false;
  if (listener.host === upstream.host) return true;
  if (!isLoopback(upstream.host)) return false;
  return isWildcard(listener.host) || (isLoopback(listener.host) && [listener, upstream].some(({ host }) => parseAddress(host) === null));
}
