import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { GatewayError } from "../core/errors.ts";
import type { Address } from "../core/settings.ts";
import { listenFailure } from "../lib/connection-cures.ts";
import { pause } from "../lib/timing.ts";
import { type AdminDeps, createAdmin } from "./admin.ts";
import { createProbeWatch } from "./probe-watch.ts";

/** Health, readiness and metrics on a listener of their own. */
export interface AdminListener {
  /** Rejects when the address cannot be had. */
  listen(address: Address): Promise<void>;
  /** Readiness fails from now on: resolves when those who ask have heard it, with the time that took; after `graceMs` at most. */
  linger(graceMs: number): Promise<number>;
  close(): Promise<void>;
}

const lookEveryMs = 20;

export function composeAdmin(deps: AdminDeps): AdminListener {
  const probes = createProbeWatch(Date.now);
  const admin = createAdmin({
    ...deps,
    state: () => {
      probes.asked();
      return deps.state();
    },
  });
  const answer = (request: Request, env: { readonly incoming: { readonly socket: { readonly remoteAddress?: string | undefined } } }) =>
    admin(standardRequest(request), env.incoming.socket.remoteAddress ?? "");
  const server = createServer(
    getRequestListener((request, env) => answer(request, env as Parameters<typeof answer>[1]), { overrideGlobalObjects: false }),
  );
  server.on("clientError", (_, socket) => socket.destroy());
  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once("error", (cause) =>
          reject(new GatewayError("listener.failed", listenFailure({ host, port }, "admin.address", cause), { cause })),
        );
        server.listen(port, host, resolve);
      }),
    linger: async (graceMs) => {
      const began = Date.now();
      const heard = probes.beginRefusing();
      while (!heard() && Date.now() - began < graceMs) await pause(lookEveryMs);
      return Date.now() - began;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * The listener's own kind of request is no source for `new Request(request)`, which hono's middleware makes where a body comes without a
 * length. Such a one becomes a standard request; one without a body stays as it is.
 */
function standardRequest(request: Request): Request {
  if (request.body === null) return request;
  const { url, method, headers, body, signal } = request;
  return new Request(url, { method, headers, body, signal, duplex: "half" });
}
