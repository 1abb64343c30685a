import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { type AdminDeps, createAdmin } from "./control/admin.ts";
import { createProbeWatch } from "./control/probe-watch.ts";
import type { Address } from "./core/settings.ts";

/** Health, readiness and metrics on a listener of their own. */
export interface AdminListener {
  /** Rejects when the address cannot be had. */
  listen(address: Address): Promise<void>;
  /** How long to go on accepting after readiness began to fail, so that whoever asks has heard it. */
  lingerMs(): number;
  close(): Promise<void>;
}

export function composeAdmin(deps: AdminDeps): AdminListener {
  const probes = createProbeWatch(Date.now);
  const admin = createAdmin({
    ...deps,
    state: () => {
      probes.asked();
      return deps.state();
    },
  });
  const server = createServer(getRequestListener(admin, { overrideGlobalObjects: false }));
  server.on("clientError", (_, socket) => socket.destroy());
  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once("error", (error) =>
          reject(new Error(`the admin listener cannot have ${host}:${port}: ${error.message}`, { cause: error })),
        );
        server.listen(port, host, resolve);
      }),
    lingerMs: probes.lingerMs,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
