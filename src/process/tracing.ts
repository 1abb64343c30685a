import type { Endpoint } from "../control/router.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { SpanFacts } from "../core/ports/tracing.ts";
import type { Site } from "../core/route.ts";
import type { RouteSettings, Settings } from "../core/settings.ts";
import type { GatewayDeps } from "../gateway/deps.ts";
import { createRequestHandler, createUpgradeHandler } from "../gateway/handle.ts";
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

/** The one check that a version makes. */
export function tracedParts({ tracing: wanted, sessions }: Pick<Settings, "tracing" | "sessions">, tracing: ProcessTracing): Traced {
  if (wanted === null) return untraced;
  const store: SpanFacts = sessions.store.kind === "redis" ? { "db.system.name": "redis" } : {};
  return {
    lasting: (lasting) => tracedLasting(lasting, tracing, store),
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
  const onRequest = createRequestHandler(gateway, tracing.current);
  const onUpgrade = createUpgradeHandler(gateway, tracing.current);
  return {
    onRequest: (req, res) => tracing.request(() => onRequest(req, res)),
    onUpgrade: (req, socket, head) => tracing.request(() => onUpgrade(req, socket, head)),
  };
}

function tracedLasting(lasting: Lasting, tracing: ProcessTracing, facts: SpanFacts): Lasting {
  const { sessions, facts: short, documents, ...rest } = lasting.store;
  const kind = Object.keys(facts).length === 0 ? "internal" : "client";
  const traced = <T extends object>(port: string, functions: T): T =>
    aroundPromises(functions, tracing, (name) => {
      const operation = `${port}.${name}`;
      return { kind, name: `store ${operation}`, facts: { ...facts, "db.operation.name": operation } };
    });
  return {
    ...lasting,
    store: { ...rest, sessions: traced("sessions", sessions), facts: traced("facts", short), documents: traced("documents", documents) },
    refresh: aroundPromises(lasting.refresh, tracing, () => ({ kind: "internal", name: "refresh", facts: {} })),
    accessLog: (record) => {
      record.trace?.answered(record);
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
const synchronous: ReadonlySet<string> = new Set(["peek", "touch", "watch", "isDue", "health", "close", "publicKeys"]);

/** One step of a login or logout, or a page of the gateway's own; by its address in the table, never by the one that was asked for. */
function tracedEndpoint(endpoint: Endpoint, tracing: ProcessTracing): Endpoint {
  const route = endpoint.isRoot === true ? "/" : `/_vestibule${endpoint.path}`;
  return {
    ...endpoint,
    run: (request) => {
      const facts: SpanFacts = request.provider === "" ? {} : { "vestibule.provider": request.provider };
      tracing.note(() => ({}), route);
      return tracing.span({ kind: "internal", name: `step ${route}`, facts }, () => endpoint.run(request));
    },
  };
}

function tracedGateway(gateway: GatewayDeps, tracing: ProcessTracing): GatewayDeps {
  const { admission } = gateway;
  const upstreamSpan = createUpstreamSpan(tracing);
  return {
    ...gateway,
    // A request may wait in line, and begins in the turn of another one then.
    admission: {
      leave: admission.leave,
      admit: (isUrgent, { serve, refuse }) => admission.admit(isUrgent, { serve: tracing.bind(serve), refuse: tracing.bind(refuse) }),
    },
    readIncoming: (req) => tracing.reading(() => gateway.readIncoming(req)),
    readQuestion: tracedQuestions(gateway.readQuestion, tracing),
    findSite: (hostname) => {
      const site = gateway.findSite(hostname);
      if (site !== null) tracing.note(() => factsOf(site));
      return site;
    },
    identify: (incoming, route, site) =>
      tracing.span(
        identifyPart,
        () => gateway.identify(incoming, route, site),
        ({ kind }) => ({ "vestibule.identity": kind }),
      ),
    judgeAs: (deps, call, identity, now) =>
      tracing.span(
        decidePart,
        () => gateway.judgeAs(deps, call, identity, now),
        ({ decision }) => ({ "vestibule.decision": decision.kind }),
      ),
    forward: (req, res, plan) => upstreamSpan(plan, (carrying) => gateway.forward(req, res, carrying)),
    forwardUpgrade: (req, socket, head, plan) => upstreamSpan(plan, (carrying) => gateway.forwardUpgrade(req, socket, head, carrying)),
  };
}

function tracedQuestions(readQuestion: GatewayDeps["readQuestion"], tracing: ProcessTracing): GatewayDeps["readQuestion"] {
  if (readQuestion === null) return null;
  return (req) => {
    const question = readQuestion(req);
    return question === null ? null : { ...question, read: () => tracing.reading(question.read) };
  };
}

function factsOf({ origin, hostname, app }: Site): SpanFacts {
  return { "url.scheme": origin.scheme, "server.address": hostname, ...(app === null ? {} : { "vestibule.app": app.settings.name }) };
}

const identifyPart = { kind: "internal", name: "identify", facts: {} } as const;
const decidePart = { kind: "internal", name: "decide", facts: {} } as const;

type UpstreamSpan = (plan: ForwardPlan, forward: (plan: ForwardPlan) => Promise<ForwardResult>) => Promise<ForwardResult>;

function createUpstreamSpan(tracing: ProcessTracing): UpstreamSpan {
  const servers = new WeakMap<RouteSettings, SpanFacts>();
  const factsOfRoute = (settings: RouteSettings): SpanFacts => {
    let facts = servers.get(settings);
    if (facts === undefined) {
      const [only, ...others] = settings.upstreams;
      facts = only === undefined || others.length > 0 ? {} : serverOf(only.url);
      servers.set(settings, facts);
    }
    return facts;
  };
  return (plan, forward) => {
    const carry = () => forward(carryOn(plan, tracing.contextFields()));
    if (!tracing.isRecording()) return carry();
    const { method } = plan.incoming;
    const facts = { "http.request.method": method, ...factsOfRoute(plan.route.settings) };
    return tracing.span({ kind: "client", name: `upstream ${method}`, facts }, carry, (result) => ({
      ...(result.status === null ? {} : { "http.response.status_code": result.status }),
      ...(result.error === null ? {} : { "error.type": result.error.code }),
    }));
  };
}

/** Where an upstream is. */
function serverOf(url: string): SpanFacts {
  const { protocol, hostname, port, pathname } = new URL(url);
  if (protocol === "unix:") return { "network.transport": "unix", "server.address": pathname };
  return { "server.address": hostname, "server.port": Number(port) || (protocol === "https:" ? 443 : 80) };
}

/**
 * The same plan with our trace context. The caller's is removed whether it was believed or not: what was believed is in ours, and what was
 * not must not look as if we had said it. An operator who removes `traceparent` for a route sends none.
 */
function carryOn(plan: ForwardPlan, fields: ReturnType<ProcessTracing["contextFields"]>): ForwardPlan {
  if (fields.length === 0) return plan;
  const { removes, set } = plan.identityHeaders;
  const { remove } = plan.route.settings.headers.request;
  const ours = remove.length === 0 ? fields : fields.filter(([name]) => !remove.some((one) => one.toLowerCase() === name));
  return { ...plan, identityHeaders: { removes: (name) => isContextField(name) || removes(name), set: [...set, ...ours] } };
}

const isContextField = (name: string): boolean => (name.length === 11 || name.length === 10) && /^trace(?:parent|state)$/i.test(name);
