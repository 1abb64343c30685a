import type { Dispatcher, Pool } from "undici";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/ports/log.ts";
import type { Route } from "../core/route.ts";
import type { RouteSettings, Settings } from "../core/settings.ts";
import { type Connect, connectionKey, createConnector } from "./connector.ts";
import { createPools, type Pools } from "./pools.ts";

/** One address that a route forwards to. */
export interface Upstream {
  readonly url: URL;
  /** What Host says with `preserveHost: false`. */
  readonly authority: string;
  /** Path of the configured URL, put before every forwarded path; empty for the usual `http://host:port`. */
  readonly basePath: string;
  /** Sends one request. Errors reach the handler, never the caller. */
  dispatch(options: Omit<Dispatcher.DispatchOptions, "origin">, handler: Dispatcher.DispatchHandler): void;
  /** Opens a connection that becomes a tunnel and is nobody else's. Half-closes are left to its user. */
  connect(callback: Parameters<Connect>[1]): void;
  /** No connection could be made: others are preferred for a short while. */
  unreachable(): void;
}

export interface Upstreams {
  /** The next upstream of this route by weight, leaving out those in `tried`; null when none is left. */
  pick(route: Route, tried: ReadonlySet<Upstream> | null): Upstream | null;
  /** See `Pools.brokeAfterUse`. */
  brokeAfterUse(error: Error): boolean;
  /** A new configuration is in force: connections that it would not open are closed once they are done; all others stay. */
  apply(settings: Settings): void;
  /** Waits for exchanges in flight, at most `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** How long an upstream that refused a connection is passed over, when there are others. */
const passOverMs = 3_000;

/** The upstreams of all routes, with their connections and health. Lives as long as the process; configurations come and go. */
export function createUpstreams({ log, clock }: { log: Log; clock: Clock }): Upstreams {
  const pools = createPools({ log });
  const groups = new WeakMap<RouteSettings, readonly Member[]>();

  return {
    pick(route, tried) {
      let group = groups.get(route.settings);
      if (group === undefined) {
        group = route.settings.upstreams.map(({ url, weight }) => createMember({ url: new URL(url), weight, route, pools, log, clock }));
        groups.set(route.settings, group);
      }
      const [only] = group;
      if (group.length === 1 && only !== undefined) return tried?.has(only.upstream) ? null : only.upstream;
      return pickByWeight(group, tried, clock());
    },
    brokeAfterUse: pools.brokeAfterUse,
    apply(settings) {
      const keys = new Set<string>();
      for (const app of settings.apps)
        for (const route of app.routes) for (const { url } of route.upstreams) keys.add(connectionKey(new URL(url).origin, route.proxy));
      pools.retainOnly(keys);
    },
    close: (graceMs = 0) => pools.close(graceMs),
  };
}

interface Member {
  readonly upstream: Upstream;
  readonly weight: number;
  credit: number;
  downUntil: number;
}

function createMember(made: { url: URL; weight: number; route: Route; pools: Pools; log: Log; clock: Clock }): Member {
  const { url, weight, pools, log, clock } = made;
  const { proxy } = made.route.settings;
  let pool: Pool | null = null;
  let connectTunnel: Connect | null = null;
  const member: Member = {
    weight,
    credit: 0,
    downUntil: 0,
    upstream: {
      url,
      authority: url.host,
      basePath: url.pathname.replace(/\/$/, ""),
      dispatch(options, handler) {
        // Opened anew when it was closed: a request that began under an old configuration still finds its way.
        if (pool === null || pool.closed || pool.destroyed) pool = pools.open(url, proxy);
        pool.dispatch(options, handler);
      },
      connect(callback) {
        connectTunnel ??= createConnector(url, proxy, { allowHalfOpen: true });
        connectTunnel({ hostname: url.hostname.replace(/^\[|\]$/g, ""), host: url.host, protocol: url.protocol, port: url.port }, callback);
      },
      unreachable() {
        if (member.downUntil <= clock()) log.warn({ upstream: url.origin }, "upstream cannot be reached");
        member.downUntil = clock() + passOverMs;
      },
    },
  };
  return member;
}

/**
 * Smooth weighted round robin: each gains its weight, the richest is taken and pays the sum of all. Those that refused connections a
 * moment ago are left out while there is anybody else.
 */
function pickByWeight(group: readonly Member[], tried: ReadonlySet<Upstream> | null, now: number): Upstream | null {
  const untried = tried === null ? group : group.filter(({ upstream }) => !tried.has(upstream));
  const up = untried.filter(({ downUntil }) => downUntil <= now);
  let sum = 0;
  let richest: Member | null = null;
  for (const member of up.length > 0 ? up : untried) {
    member.credit += member.weight;
    sum += member.weight;
    if (richest === null || member.credit > richest.credit) richest = member;
  }
  if (richest === null) return null;
  richest.credit -= sum;
  return richest.upstream;
}
