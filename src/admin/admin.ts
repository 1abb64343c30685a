import { Hono } from "hono";
import type { Clock } from "../core/clock.ts";
import type { DomainStatus } from "../core/ports/domain-proofs.ts";
import type { Log } from "../core/ports/log.ts";
import type { ProviderHealth } from "../core/ports/login-provider.ts";
import type { StoreHealth } from "../core/ports/store.ts";
import { canonicalHost } from "../http/host.ts";
import { parseAddress } from "../lib/networks.ts";
import { createApi } from "./api/api.ts";
import { createConsole } from "./console/console.ts";
import { isReady } from "./fleet/summaries.ts";
import type { Operations } from "./operations.ts";

export interface AdminDeps {
  /** Host names that it answers to, besides addresses and localhost. */
  readonly names: () => readonly string[];
  readonly log: Log;
  /** Called for every readiness answer; must not reach out to any but our own processes. */
  readonly state: () => GatewayState | Promise<GatewayState>;
  readonly metricsText: () => Promise<string>;
  /** What the API and the console stand on. */
  readonly operations: Operations;
  readonly clock: Clock;
}

/** What readiness is made of. */
export interface GatewayState {
  /** Every listener is open. */
  readonly listening: boolean;
  /** Shutdown has begun. */
  readonly draining: boolean;
  readonly store: StoreHealth;
  /** What is known of each provider. */
  /** Of the directory of people, where there is one: without it no new person signs in, and sessions go on. */
  readonly directory?: { readonly ok: boolean; readonly detail: string };
  /** Mail domains that must be proved by DNS, where there are any. */
  readonly domains?: readonly DomainStatus[];
  readonly providers: Readonly<Record<string, ProviderHealth>>;
  /** When upstreams could last not be reached, by name; those that always could are not here. */
  readonly unreachable?: Readonly<Record<string, number>>;
  /** Of the audit file, where there is one: lines that are lost do not make it unready. */
  readonly audit?: { readonly ok: boolean; readonly detail: string };
  /** How many processes serve, of how many that should; only where there are several. */
  readonly workers?: { readonly wanted: number; readonly ready: number };
}

const plain = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** The connection on which a request came. */
export interface AdminEnv {
  readonly Bindings: { readonly address: string };
}

/** Health, readiness, metrics and the API: for the admin listener only, never on a public one. */
export function createAdmin(deps: AdminDeps): (request: Request, address: string) => Promise<Response> {
  const app = new Hono<AdminEnv>();
  app.use(async ({ req }, next) => {
    if (answersTo(req.header("host") ?? new URL(req.url).host, deps.names())) return next();
    return new Response("this listener does not answer to that name: see admin.names\n", { status: 421, headers: plain });
  });
  app.route("/api/v1", createApi(deps));
  for (const path of ["/", "/console", "/console/"]) app.get(path, (context) => context.redirect("/console/now", 302));
  app.get("/healthz", () => new Response("alive\n", { headers: plain }));
  app.get("/readyz", () => readiness(deps));
  app.get("/metrics", async () => {
    const headers = { ...plain, "Content-Type": "text/plain; version=0.0.4; charset=utf-8" };
    return new Response(await deps.metricsText(), { headers });
  });
  for (const path of ["/", "/console", "/console/", "/healthz", "/readyz", "/metrics"]) {
    app.all(path, () => new Response("method not allowed\n", { status: 405, headers: { ...plain, Allow: "GET, HEAD" } }));
  }
  // After the three addresses that lead to it: its own 404 answers whatever is left.
  app.route("/console", createConsole(deps));
  app.notFound(() => new Response("not found\n", { status: 404, headers: plain }));
  app.onError((error) => {
    deps.log.error({ error }, "an admin request failed");
    return new Response("internal error\n", { status: 500, headers: plain });
  });
  return async (request, address) => app.fetch(request, { address });
}

/**
 * A web page can make a browser ask any address under a name of the page's own (DNS rebinding), and read the answer as its own. Such a
 * name is never one of ours; an address cannot be rebound.
 */
function answersTo(host: string, names: readonly string[]): boolean {
  const name = canonicalHost(host)?.hostname;
  if (name === undefined) return false;
  return parseAddress(name.replace(/^\[|\]$/g, "")) !== null || name === "localhost" || names.includes(name);
}

/**
 * Ready = signed-in requests can be served. A provider that is down gates nothing: those who are signed in do not need it, and
 * the others read it on the login page.
 */
async function readiness(deps: AdminDeps): Promise<Response> {
  const state = await deps.state();
  const { listening: _, unreachable: __, ...shown } = state;
  const ready = isReady(state);
  const body = JSON.stringify({ ready, ...shown });
  return new Response(`${body}\n`, { status: ready ? 200 : 503, headers: { ...plain, "Content-Type": "application/json; charset=utf-8" } });
}
