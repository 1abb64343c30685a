import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createAdmin } from "./control/admin.ts";
import type { Log } from "./core/ports/log.ts";
import type { LoginProvider } from "./core/ports/login-provider.ts";
import type { StoreHealth } from "./core/ports/session-store.ts";
import type { Address } from "./core/settings.ts";

/** Health, readiness and metrics on a listener of their own. */
export interface AdminListener {
  /** Rejects when the address cannot be had. */
  listen(address: Address): Promise<void>;
  close(): Promise<void>;
}

export function composeAdmin(deps: {
  readonly log: Log;
  readonly draining: () => boolean;
  readonly store: () => StoreHealth;
  readonly providers: () => ReadonlyMap<string, LoginProvider>;
  readonly metricsText: () => Promise<string>;
}): AdminListener {
  const admin = createAdmin({
    ...deps,
    providers: () => Object.fromEntries([...deps.providers()].map(([id, provider]) => [id, provider.health()])),
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
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
