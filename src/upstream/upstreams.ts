import type { Dispatcher, Pool } from "undici";
import type { Clock } from "../core/clock.ts";
import { type ErrorCode, GatewayError } from "../core/errors.ts";
import { type UpstreamAddress, upstreamAddress } from "../core/origin.ts";
import type { Log } from "../core/ports/log.ts";
import type { Route } from "../core/route.ts";
import type { RouteSettings, Settings } from "../core/settings.ts";
import { connectionCure, silenceCure, upstreamKeys } from "../lib/connection-cures.ts";
import { stripPath } from "../lib/path.ts";
import { type Connect, type ConnectionTrace, connectionKey, createConnectionTrace, createConnector } from "./connector.ts";
import type { ForwardPlan } from "./plan.ts";
import { createPools, type OwnConnection, type Pools } from "./pools.ts";

/** Sends one request. Errors reach the handler, never the caller. */
export type Dispatch = (options: Omit<Dispatcher.DispatchOptions, "origin">, handler: Dispatcher.DispatchHandler) => void;

/** One address that a route forwards to. */
export interface Upstream {
  readonly url: URL;
  /** As messages name it: the origin, or `unix://` and the socket file. */
  readonly name: string;
  /** Equal for two upstreams that may share connections. */
  readonly connectionKey: string;
  /** What Host says with `preserveHost: false`. */
  readonly authority: string;
  /** Path of the configured URL, put before every forwarded path; empty for the usual `http://host:port`. */
  readonly basePath: string;
  /** On a connection that all share. */
  readonly dispatch: Dispatch;
  /** On a new connection, which is closed behind the answer. */
  readonly dispatchFresh: Dispatch;
  /** A connection that carries what one user sends and nothing else: the caller's to destroy. */
  openOwn(): OwnConnection;
  /** Opens a connection that becomes a tunnel and is not shared. Half-closes are left to its user. */
  connect(callback: Parameters<Connect>[1]): void;
  /** No connection could be made: others are preferred for a short while. */
  unreachable(): void;
}

export interface Upstreams {
  /** The next upstream of this route by weight, leaving out those in `tried`; null when none is left. */
  pick(route: Route, tried: ReadonlySet<Upstream> | null): Upstream | null;
  /** All upstreams of this route. */
  all(route: Route): readonly Upstream[];
  readonly trace: Pick<ConnectionTrace, "brokeAfterUse" | "isResetting">;
  /** A new configuration is in force: connections that it would not open are closed once they are done; all others stay. */
  apply(settings: Settings): void;
  /** When each upstream could last not be reached, by name. */
  unreachable(): Readonly<Record<string, number>>;
  /** Waits for exchanges in flight, at most `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** How long an upstream that refused a connection is passed over, when there are others. */
const passOverMs = 3_000;

/** The upstreams of all routes, with their connections and health. Lives as long as the process; configurations come and go. */
export function createUpstreams({ log, clock }: { log: Log; clock: Clock }): Upstreams {
  const trace = createConnectionTrace();
  const pools = createPools({ log, trace });
  /** Names come from the configuration alone. */
  const missed = new Map<string, number>();
  const groups = new WeakMap<RouteSettings, readonly Member[]>();
  const groupOf = (route: Route) => {
    let group = groups.get(route.settings);
    if (group === undefined) {
      group = route.settings.upstreams.map(({ url, weight }) =>
        createMember({ address: upstreamAddress(url), weight, route, pools, log, clock, missed }),
      );
      groups.set(route.settings, group);
    }
    return group;
  };

  return {
    pick(route, tried) {
      const group = groupOf(route);
      const [only] = group;
      if (group.length === 1 && only !== undefined) return tried?.has(only.upstream) ? null : only.upstream;
      return pickByWeight(group, tried, clock());
    },
    all: (route) => groupOf(route).map(({ upstream }) => upstream),
    trace,
    apply(settings) {
      const keys = new Set<string>();
      for (const app of settings.apps)
        for (const route of app.routes) for (const { url } of route.upstreams) keys.add(connectionKey(upstreamAddress(url), route.proxy));
      pools.retainOnly(keys);
      missed.clear();
    },
    unreachable: () => Object.fromEntries(missed),
    close: (graceMs = 0) => pools.close(graceMs),
  };
}

interface Member {
  readonly upstream: Upstream;
  readonly weight: number;
  credit: number;
  downUntil: number;
}

function createMember(made: {
  address: UpstreamAddress;
  weight: number;
  route: Route;
  pools: Pools;
  log: Log;
  clock: Clock;
  missed: Map<string, number>;
}): Member {
  const { address, weight, pools, log, clock, missed } = made;
  const { url, name } = address;
  const { proxy } = made.route.settings;
  let pool: Pool | null = null;
  let connectTunnel: Connect | null = null;
  const member: Member = {
    weight,
    credit: 0,
    downUntil: 0,
    upstream: {
      url,
      name,
      connectionKey: connectionKey(address, proxy),
      authority: url.host,
      basePath: url.pathname.replace(/\/$/, ""),
      dispatch(options, handler) {
        // Opened again when it was closed: a request that began under an old configuration still finds its way.
        if (pool === null || pool.closed || pool.destroyed) pool = pools.open(address, proxy);
        pool.dispatch(proxy.keepAliveMs === 0 ? { ...options, reset: true } : options, handler);
      },
      dispatchFresh(options, handler) {
        const own = pools.openOwn(address, proxy);
        own.dispatch({ ...options, reset: true }, handler);
        own.close();
      },
      openOwn: () => pools.openOwn(address, proxy),
      connect(callback) {
        connectTunnel ??= createConnector(address, proxy, { allowHalfOpen: true });
        connectTunnel({ hostname: url.hostname.replace(/^\[|\]$/g, ""), host: url.host, protocol: url.protocol, port: url.port }, callback);
      },
      unreachable() {
        if (member.downUntil <= clock()) log.warn({ upstream: name }, "upstream cannot be reached");
        member.downUntil = clock() + passOverMs;
        missed.set(name, clock());
      },
    },
  };
  return member;
}

/**
 * Smooth weighted round robin: each gains its weight, the richest is taken and pays the sum of all. Those that refused connections a
 * moment ago are left out while there is another one.
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

/** The request target: path and query as received, byte for byte, but for a prefix that the route takes away. */
export function upstreamTarget({ incoming, route }: ForwardPlan, upstream: Upstream): string {
  const { stripPath: strip, path: prefix } = route.settings;
  const path = strip ? stripPath(incoming.path, prefix) : incoming.path;
  // The route was found by a reading of this very path; when its bytes say otherwise, what would be asked for is unknown.
  if (path === null) throw new GatewayError("request.path-ambiguous", `${incoming.path} does not begin with ${prefix}`);
  return upstream.basePath + path + incoming.query;
}

/** Host for the upstream: the visitor's canonical one, or the upstream's own. */
export function upstreamHost({ incoming, route }: ForwardPlan, upstream: Upstream): string {
  if (!route.settings.proxy.preserveHost) return upstream.authority;
  return incoming.port === null ? incoming.hostname : `${incoming.hostname}:${incoming.port}`;
}

/**
 * What a failed exchange with an upstream means for the visitor: 502, or 504 when it was too slow. The original stays as the cause,
 * for the log. Who has `answered`, and then breaks off, speaks what it was asked in.
 */
export function upstreamFailure(cause: Error, upstream: string, answered = false): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const code = codeOf(cause);
  const cure = connectionCure(code, upstreamKeys) ?? (upstream.startsWith("http:") && !answered ? silenceCure(code, cause.message) : null);
  const detail = `${upstream}: ${cause.message.trim()}${code === "" ? "" : ` (${code})`}${cure === null ? "" : `; ${cure}`}`;
  return new GatewayError(classify(code, cause.message), detail, { cause });
}

/** The connection ended without a word: what an idle connection looks like that the upstream had closed just before. */
export function isSilentClose(cause: Error): boolean {
  const code = codeOf(cause);
  return code === "ECONNRESET" || code === "EPIPE" || (code === "UND_ERR_SOCKET" && !/^bad /.test(cause.message));
}

export function codeOf(cause: Error): string {
  const code: unknown = "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : "";
}

function classify(code: string, message: string): ErrorCode {
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT" || code.endsWith("_TIMEOUT")) return "upstream.timeout";
  // undici says "bad response" and "bad upgrade" with the code of an ordinary disconnect.
  if (code === "UND_ERR_SOCKET") return /^bad /.test(message) ? "upstream.answer-malformed" : "upstream.unreachable";
  if (/^HPE_|^UND_ERR_(?:HEADERS_OVERFLOW|RES_|PRX)|^ERR_ASSERTION$/.test(code)) return "upstream.answer-malformed";
  if (/does not match the HTTP/.test(message)) return "upstream.answer-malformed";
  if (/^ERR_(?:TLS|SSL|OSSL)|^EPROTO$|CERT|^UNABLE_TO|^HOSTNAME_MISMATCH$|^INVALID_(?:CA|PURPOSE)/.test(code)) return "upstream.tls-failed";
  if (/^UND_ERR_(?:INVALID_ARG|NOT_SUPPORTED)$|^ERR_INVALID_/.test(code)) return "gateway.internal";
  return "upstream.unreachable";
}
