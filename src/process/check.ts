import type { Log } from "../core/ports/log.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { Store } from "../core/ports/store.ts";
import type { Settings } from "../core/settings.ts";
import { createMetrics } from "../observe/metrics.ts";
import { composeStore } from "./parts.ts";
import { createMakeProvider } from "./version.ts";

/** The parts of a gateway that reach out, without the gateway: for `vestibule check --online`. Nothing is logged; results are told. */
export function openForCheck(settings: Settings): {
  readonly providers: readonly LoginProvider[];
  readonly store: Store;
  close(): Promise<void>;
} {
  const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const { metrics } = createMetrics({ version: "check" });
  const deps = { clock: Date.now, log: quiet, audit: () => {}, metrics };
  const store = composeStore(settings.sessions, deps);
  const provider = (id: string) => providers.find((one) => one.id === id);
  const providers: readonly LoginProvider[] = settings.providers.map(createMakeProvider(settings, { ...deps, provider, store }));
  return {
    providers,
    store,
    close: async () => {
      for (const provider of providers) provider.close();
      await store.close();
    },
  };
}
