import type { Endpoint } from "../control/router.ts";
import type { Identity } from "../core/identity.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { SpanFacts, SpanPart } from "../core/ports/tracing.ts";
import type { RouteSettings, Settings } from "../core/settings.ts";
import type { GatewayDeps } from "../gateway/deps.ts";
import { createRequestHandler, createUpgradeHandler } from "../gateway/handle.ts";
import type { Judgement } from "../gateway/judge.ts";
import type { ProcessTracing } from "../observe/tracing.ts";
import type { ForwardPlan, ForwardResult } from "../upstream/plan.ts";
import type { Lasting } from "./version.ts";

/**
 * The parts of one configuration version with spans around them. They are put around where `tracing` is set, and nowhere else: without it
 * a request passes through the bare functions, and nothing is asked or allocated for traces that are not recorded.
 */
export interface Traced {
  /** Store, refreshes and access log. */
  lasting(lasting: Lasting): Lasting;
  endpoints(endpoints: readonly Endpoint[]): readonly Endpoint[];
  providers(providers: ReadonlyMap<string, LoginProvider>): ReadonlyMap<string, LoginProvider>;
  gateway(gateway: GatewayDeps): GatewayDeps;
}

const untraced: Traced = {
  lasting: (lasting) => lasting,
  endpoints: (endpoints) => endpoints,
  providers: (providers) => providers,
  gateway: (gateway) => gateway,
};

type TracedSettings = Pick<Settings, "tracing" | "sessions" | "directory">;

/** The one check that a version makes. */
export function tracedParts({ tracing: wanted, sessions, directory }: TracedSettings, tracing: ProcessTracing): Traced {
  if (wanted === null) return untraced;
  const stores = { sessions: sessions.store.kind, directory: directory?.store.kind ?? "memory" };
  return {
    lasting: (lasting) => tracedLasting(lasting, tracing, stores),
    endpoints: (endpoints) => endpoints.map((endpoint) => tracedEndpoint(endpoint, tracing)),
    providers: (providers) => new Map([...providers].map(([id, provider]) => [id, tracedProvider(provider, tracing)])),
    gateway: (gateway) => tracedGateway(gateway, tracing),
  };
}

/** What the listeners call. */
export interface Handlers {
  readonly onRequest: ReturnType<typeof createRequestHandler>;
  readonly onUpgrade: ReturnType<typeof createUpgradeHandler>;
}

/** The handlers of one version; each request begins its trace where traces are recorded. */
export function composeHandlers({ tracing: wanted }: Pick<Settings, "tracing">, tracing: ProcessTracing, gateway: GatewayDeps): Handlers {
  if (wanted === null) return { onRequest: createRequestHandler(gateway), onUpgrade: createUpgradeHandler(gateway) };
  return { onRequest: createRequestHandler(gateway, tracing.begin), onUpgrade: createUpgradeHandler(gateway, tracing.begin) };
}

function tracedLasting(
  lasting: Lasting,
  tracing: ProcessTracing,
  stores: { readonly sessions: string; readonly directory: string },
): Lasting {
  const { sessions, tokens, facts, documents, ...rest } = lasting.store;
  const traced = <T extends object>(port: string, functions: T, store = stores.sessions): T =>
    aroundPromises(functions, tracing, (name) => {
      const operation = `${port}.${name}`;
      const system: SpanFacts = store === "memory" ? {} : { "db.system.name": store };
      const kind = store === "redis" ? "client" : "internal";
      return { kind, name: `store ${operation}`, facts: { ...system, "db.operation.name": operation } };
    });
  const { directory } = lasting;
  return {
    ...lasting,
    store: {
      ...rest,
      ...{ sessions: traced("sessions", sessions), tokens: traced("tokens", tokens) },
      ...{ facts: traced("facts", facts), documents: traced("documents", documents) },
    },
    directory: directory === null ? null : { ...directory, store: traced("directory", directory.store, stores.directory) },
    refresh: aroundPromises(lasting.refresh, tracing, () => ({ kind: "internal", name: "refresh", facts: {} })),
    accessLog: (record) => {
      tracing.answered(record);
      lasting.accessLog(record);
    },
  };
}

/** What a provider does itself, whatever its method; its own requests to servers are spans below. */
function tracedProvider(provider: LoginProvider, tracing: ProcessTracing): LoginProvider {
  const facts = { "vestibule.provider": provider.id, "vestibule.method": provider.kind };
  return aroundPromises(provider, tracing, (name) => ({ kind: "internal", name: `provider ${provider.id} ${name}`, facts }));
}

/** A span around every function of `port` that gives a promise; those that answer at once are left alone. */
function aroundPromises<T extends object>(
  port: T,
  tracing: ProcessTracing,
  partOf: (name: string) => Parameters<ProcessTracing["span"]>[0],
): T {
  const around = Object.entries(port).map(([name, member]) => {
    if (typeof member !== "function" || synchronous.has(name)) return [name, member];
    const part = partOf(name);
    return [name, (...args: unknown[]) => tracing.span(part, () => Reflect.apply(member, undefined, args))];
  });
  return Object.fromEntries(around) as T;
}

/** Questions to memory, asked on the warm path or outside of requests. */
const synchronous: ReadonlySet<string> = new Set(["peek", "touch", "watch", "isDue", "health", "close", "publicKeys", "isFor"]);

/** One step of a login or logout, or a page of the gateway's own; by its address in the table, never by the one that was asked for. */
function tracedEndpoint(endpoint: Endpoint, tracing: ProcessTracing): Endpoint {
  const route = endpoint.isRoot === true ? "/" : `/_vestibule${endpoint.path}`;
  return {
    ...endpoint,
    run: (request) => {
      const facts: SpanFacts = request.provider === "" ? {} : { "vestibule.provider": request.provider };
      const record = request.visit.incoming.trace?.record ?? null;
      if (record === null) return endpoint.run(request);
      record.route = route;
      return tracing.span({ kind: "internal", name: `step ${route}`, facts }, () => endpoint.run(request));
    },
  };
}

function tracedGateway(gateway: GatewayDeps, tracing: ProcessTracing): GatewayDeps {
  const { loginRedirect } = gateway;
  const upstreamPart = createUpstreamParts();
  const around = (plan: ForwardPlan, forward: () => Promise<ForwardResult>): Promise<ForwardResult> => {
    const { trace, method } = plan.incoming;
    if (trace == null || trace.record === null) return forward();
    return tracing.carrying(trace, trace.record, upstreamPart(plan.route.settings, method), forward, upstreamOutcome);
  };
  return {
    ...gateway,
    readIncoming: (head, trace = null) => tracing.reading(trace, () => gateway.readIncoming(head, trace)),
    readQuestion: tracedQuestions(gateway.readQuestion, tracing),
    identify: (incoming, route, site) => {
      const record = incoming.trace?.record ?? null;
      if (record === null) return gateway.identify(incoming, route, site);
      return tracing.deepPart(record, identifyPart, () => gateway.identify(incoming, route, site), identityFacts);
    },
    judgeAs: (deps, call, identity, now) => {
      const record = call.incoming.trace?.record ?? null;
      if (record === null) return gateway.judgeAs(deps, call, identity, now);
      record.site = call.site;
      return tracing.part(record, decidePart, () => gateway.judgeAs(deps, call, identity, now), decisionFacts);
    },
    control: (request, visit) => {
      const { trace } = visit.incoming;
      if (trace == null || trace.record === null) return gateway.control(request, visit);
      trace.record.site = visit.site;
      return tracing.within(trace, () => gateway.control(request, visit));
    },
    loginRedirect: {
      ...loginRedirect,
      answerWithForm: (visit, ...rest) => tracing.within(visit.incoming.trace, () => loginRedirect.answerWithForm(visit, ...rest)),
    },
    forward: (req, res, plan) => around(plan, () => gateway.forward(req, res, plan)),
    forwardUpgrade: (req, socket, head, plan) => around(plan, () => gateway.forwardUpgrade(req, socket, head, plan)),
  };
}

function tracedQuestions(readQuestion: GatewayDeps["readQuestion"], tracing: ProcessTracing): GatewayDeps["readQuestion"] {
  if (readQuestion === null) return null;
  return (req) => {
    const question = readQuestion(req);
    return question === null ? null : { ...question, read: (trace) => tracing.reading(trace, () => question.read(trace)) };
  };
}

const identifyPart = { kind: "internal", name: "identify", facts: {} } as const;
const decidePart = { kind: "internal", name: "decide", facts: {} } as const;
const identityFacts = ({ kind }: Identity): SpanFacts => ({ "vestibule.identity": kind });
const decisionFacts = ({ decision }: Judgement): SpanFacts => ({ "vestibule.decision": decision.kind });
const upstreamOutcome = ({ status, error }: ForwardResult): SpanFacts => ({
  ...(status === null ? {} : { "http.response.status_code": status }),
  ...(error === null ? {} : { "error.type": error.code }),
});

/** One part for each route and method, made when it is first needed. */
function createUpstreamParts(): (settings: RouteSettings, method: string) => SpanPart {
  const known = new WeakMap<RouteSettings, Map<string, SpanPart>>();
  return (settings, method) => {
    let ofRoute = known.get(settings);
    if (ofRoute === undefined) {
      ofRoute = new Map();
      known.set(settings, ofRoute);
    }
    let part = ofRoute.get(method);
    if (part === undefined) {
      const [only, ...others] = settings.upstreams;
      const server = only === undefined || others.length > 0 ? {} : serverOf(only.url);
      part = { kind: "client", name: `upstream ${method}`, facts: { "http.request.method": method, ...server } };
      ofRoute.set(method, part);
    }
    return part;
  };
}

/** Where an upstream is. */
function serverOf(url: string): SpanFacts {
  const { protocol, hostname, port, pathname } = new URL(url);
  if (protocol === "unix:") return { "network.transport": "unix", "server.address": pathname };
  return { "server.address": hostname, "server.port": Number(port) || (protocol === "https:" ? 443 : 80) };
}
