import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { asGatewayError } from "../../src/core/errors.ts";
import type { Metrics } from "../../src/core/ports/metrics.ts";
import type { RequestTrace } from "../../src/core/ports/tracing.ts";
import type { Route } from "../../src/core/route.ts";
import type { HeaderSettings, ProxySettings, RouteSettings } from "../../src/core/settings.ts";
import { writeAnswer, writeRawAnswer } from "../../src/http/answer.ts";
import { createReadIncoming } from "../../src/http/read-incoming.ts";
import { parseNetworks } from "../../src/lib/networks.ts";
import { createForward } from "../../src/upstream/forward-upgrade.ts";
import type { ForwardPlan, ForwardResult, HeaderEdit } from "../../src/upstream/plan.ts";
import { createUpstreams, type Upstreams } from "../../src/upstream/upstreams.ts";

export interface ForwarderOptions {
  readonly audience?: ForwardPlan["audience"];
  readonly upstreams: readonly string[] | readonly { readonly url: string; readonly weight: number }[];
  readonly path?: string;
  readonly stripPath?: boolean;
  readonly proxy?: Partial<Omit<ProxySettings, "tls">> & { readonly tls?: Partial<ProxySettings["tls"]> };
  readonly headers?: Partial<Pick<HeaderSettings, "request" | "response">>;
  readonly trusted?: readonly string[];
  readonly origin?: { readonly scheme: "http" | "https"; readonly hostname: string; readonly port: number };
  readonly cookieName?: string;
  readonly identityHeaders?: (request: IncomingMessage) => HeaderEdit;
  readonly identity?: ForwardPlan["identity"];
  /** What `tracing` makes of each request; absent = it is not set. */
  readonly trace?: RequestTrace;
  readonly setCookie?: readonly string[];
  readonly onOpen?: (close: (why: string) => void) => void;
}

/** The forwarding alone, behind a plain node server: every request is admitted. */
export interface Forwarder {
  readonly port: number;
  readonly upstreams: Upstreams;
  /** In the order in which they ended. */
  readonly results: readonly ForwardResult[];
  readonly route: Route;
  /** What went wrong that nobody handled. */
  readonly uncaught: readonly unknown[];
  close(): Promise<void>;
}

const nothing: HeaderEdit = { removes: () => false, set: [] };
const ignore = () => {};
export const silentLog = { debug: ignore, info: ignore, warn: ignore, error: ignore };
export const silentMetrics: Metrics = {
  logins: ignore,
  tickets: () => undefined,
  logouts: ignore,
  refreshes: ignore,
  upstreamErrors: ignore,
  storeCommand: ignore,
  sessionCache: ignore,
  providerFetches: ignore,
};

/** A route as the rule compiler would make it, without rules. */
export function aForwardRoute(options: ForwarderOptions): Route {
  const settings: RouteSettings = {
    path: options.path ?? "/",
    upstreams: options.upstreams.map((upstream) => (typeof upstream === "string" ? { url: upstream, weight: 1 } : upstream)),
    stripPath: options.stripPath ?? false,
    access: [],
    public: [],
    optional: [],
    bearer: [],
    basicChallenge: false,
    headers: {
      set: [],
      encoding: "utf8",
      assertion: null,
      request: options.headers?.request ?? { remove: [], set: {} },
      response: options.headers?.response ?? { remove: [], set: {} },
    },
    preflight: null,
    enforce: true,
    proxy: {
      preserveHost: true,
      websocket: true,
      connectTimeoutMs: 1_000,
      headersTimeoutMs: 5_000,
      idleTimeoutMs: 5_000,
      keepAliveMs: 4_000,
      maxRequestBodyBytes: null,
      rewriteDestination: true,
      sharedCaches: false,
      ...options.proxy,
      tls: { ca: null, certificate: null, key: null, serverName: null, insecureSkipVerify: false, ...options.proxy?.tls },
    },
  };
  const app: Route["app"] = {
    id: "wiki.test",
    settings: {
      name: "Wiki",
      hosts: ["wiki.test"],
      origin: null,
      providers: [],
      session: { idleMs: 1, lifetimeMs: 1 },
      logoutPaths: [],
      keepForms: true,
      paths: { fold: true, rawBytes: false },
      head: { fields: 100, fieldBytes: 16 * 1024, targetBytes: 8 * 1024 },
      routes: [settings],
    },
    routes: [],
    isLogoutPath: () => false,
    namesMethods: false,
    branchesUnder: () => [],
    hasBranches: false,
    folded: null,
  };
  return { id: "wiki.test/", app, settings, isPublic: () => true, isOptional: () => false, judge: () => ({ kind: "allow", rule: "test" }) };
}

export async function startForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const route = aForwardRoute(options);
  const upstreams = createUpstreams({ log: silentLog, clock: Date.now });
  const forward = createForward({
    upstreams,
    cookieName: options.cookieName ?? "vestibule",
    viaName: "vestibule-test",
    metrics: silentMetrics,
    clock: Date.now,
  });
  let count = 0;
  const readIncoming = createReadIncoming({
    trusted: parseNetworks(options.trusted ?? []),
    clock: Date.now,
    newRequestId: () => `request-${++count}`,
  });
  const results: ForwardResult[] = [];
  const uncaught: unknown[] = [];
  const planFor = (request: IncomingMessage): ForwardPlan => {
    const incoming = readIncoming(request, options.trace ?? null);
    const origin = options.origin ?? { scheme: "https", hostname: incoming.hostname, port: 443 };
    return {
      incoming,
      site: { hostname: incoming.hostname, origin, app: route.app, isAuth: false },
      route,
      identity: options.identity ?? null,
      identityHeaders: options.identityHeaders?.(request) ?? nothing,
      destination: null,
      audience: options.audience ?? "everyone",
      setCookie: options.setCookie ?? [],
      ...(options.onOpen === undefined ? {} : { onOpen: options.onOpen }),
    };
  };
  const answerFor = (error: unknown) => {
    const { status, code } = asGatewayError(error);
    return { status, headers: [["X-Error", code]] as const, body: code, close: false };
  };
  const server = createServer({ keepAliveTimeout: 5_000 });
  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      const result = await forward.forward(request, response, planFor(request));
      results.push(result);
      if (result.status === null && !result.aborted) writeAnswer(response, answerFor(result.error));
    } catch (error) {
      uncaught.push(error);
      response.destroy();
    }
  };
  server.on("request", onRequest);
  server.on("checkContinue", onRequest);
  server.on("upgrade", async (request: IncomingMessage, socket, head) => {
    try {
      const ending = forward.forwardUpgrade(request, socket, head, planFor(request));
      if (socket.listenerCount("error") === 0)
        uncaught.push(new Error("a reset would end the process: no error listener before the first wait"));
      const result = await ending;
      results.push(result);
      if (result.status === null && !result.aborted) writeRawAnswer(socket, answerFor(result.error));
    } catch (error) {
      uncaught.push(error);
      socket.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    upstreams,
    results,
    route,
    uncaught,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await upstreams.close(0);
    },
  };
}
