import { nearest } from "../config/problems/suggest.ts";
import type { Log } from "../core/ports/log.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { Store } from "../core/ports/store.ts";
import { noTracing } from "../core/ports/tracing.ts";
import type { Settings } from "../core/settings.ts";
import { createAssumedPerson } from "../directory/rules/membership.ts";
import { createExplain } from "../gateway/explain/explain.ts";
import type { ProviderDeps } from "../login/method.ts";
import { createMetrics } from "../observe/metrics.ts";
import { composeStore } from "./parts.ts";
import { createMakeProvider } from "./version.ts";

/** `explain` by these settings, for the command, the API, the console and the file's own tests. */
export function composeExplain(settings: Settings): ReturnType<typeof createExplain> {
  return createExplain(settings, { assumePerson: createAssumedPerson(settings.directory), nearest });
}

/** For parts that run without a gateway around them. */
export const quietLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * The parts of a gateway that reach out, without the gateway: for `vestibule check --online` and its like. Nothing is logged; results are
 * returned. `tellClaims` hears what a provider said of a person, before the mapping.
 */
export function openForCheck(
  settings: Settings,
  { tellClaims }: Pick<ProviderDeps, "tellClaims"> = {},
): {
  readonly providers: readonly LoginProvider[];
  readonly store: Store;
  /** What last kept the store from being reached. */
  storeFailure(): string | null;
  close(): Promise<void>;
} {
  let storeFailure: string | null = null;
  const quiet: Log = {
    ...quietLog,
    // The connection's own complaint says more than the command that could not be sent.
    warn: ({ connection, error }) => {
      if (connection !== undefined && error instanceof Error) storeFailure = error.message;
    },
  };
  const { metrics } = createMetrics({ version: "check" });
  const deps = { clock: Date.now, log: quiet, audit: () => {}, metrics };
  const store = composeStore(settings.sessions, deps);
  const provider = (id: string) => providers.find((one) => one.id === id);
  const providers: readonly LoginProvider[] = settings.providers.map(
    createMakeProvider(settings, { ...deps, provider, store, tracing: noTracing, ...(tellClaims === undefined ? {} : { tellClaims }) }),
  );
  return {
    providers,
    store,
    storeFailure: () => storeFailure,
    close: async () => {
      for (const provider of providers) provider.close();
      await store.close();
    },
  };
}
