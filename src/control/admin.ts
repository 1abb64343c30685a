import { Hono } from "hono";
import type { Log } from "../core/ports/log.ts";
import type { StoreHealth } from "../core/ports/session-store.ts";

export interface AdminDeps {
  readonly log: Log;
  /** Ready listeners are open, and shutdown has not begun. */
  readonly draining: () => boolean;
  readonly store: () => StoreHealth;
  /** What is known of each provider; asking must not reach out. */
  readonly providers: () => Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>;
  readonly metricsText: () => Promise<string>;
}

const plain = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** Health, readiness and metrics: for the admin listener only, never on a public one. */
export function createAdmin(deps: AdminDeps): (request: Request) => Promise<Response> {
  const app = new Hono();
  app.get("/healthz", () => new Response("alive\n", { headers: plain }));
  app.get("/readyz", () => readiness(deps));
  app.get("/metrics", async () => {
    const headers = { ...plain, "Content-Type": "text/plain; version=0.0.4; charset=utf-8" };
    return new Response(await deps.metricsText(), { headers });
  });
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    app.all(path, () => new Response("method not allowed\n", { status: 405, headers: { ...plain, Allow: "GET, HEAD" } }));
  }
  app.notFound(() => new Response("not found\n", { status: 404, headers: plain }));
  app.onError((error) => {
    deps.log.error({ error }, "an admin request failed");
    return new Response("internal error\n", { status: 500, headers: plain });
  });
  return async (request) => app.fetch(request);
}

/**
 * Ready = signed-in requests can be served. A provider that is down gates nothing: those who are signed in do not need it, and
 * the others are told on the login page.
 */
function readiness(deps: AdminDeps): Response {
  const draining = deps.draining();
  const store = deps.store();
  const ready = !draining && store.reachable;
  const body = JSON.stringify({ ready, draining, store, providers: deps.providers() });
  return new Response(`${body}\n`, { status: ready ? 200 : 503, headers: { ...plain, "Content-Type": "application/json; charset=utf-8" } });
}
