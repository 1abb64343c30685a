import type { DirectoryStore } from "../core/ports/directory-store.ts";
import type { AuditEvent, Log } from "../core/ports/log.ts";
import type { Settings } from "../core/settings.ts";
import { createDomainWatch, type LookUpTxt } from "../directory/domains.ts";
import { createKeptDocuments } from "../directory/notes.ts";
import { createMetrics } from "../observe/metrics.ts";
import { composeDirectory, type Directory, domainClaims, mailDomains, openDirectory } from "./directory.ts";
import { composeStore } from "./parts.ts";

/** The directory and the sessions without a gateway, for `vestibule directory`. Null without `directory` in the file. */
export async function openForDirectory(
  settings: Settings,
  { audit, warn }: { readonly audit: (event: AuditEvent) => void; readonly warn: (message: string) => void },
): Promise<{ readonly store: DirectoryStore; readonly directory: Directory; close(): Promise<void> } | null> {
  const quiet: Log = {
    debug: () => {},
    info: () => {},
    warn: (_, message) => warn(message),
    error: (_, message) => warn(message),
  };
  const { metrics } = createMetrics({ version: "directory" });
  const open = openDirectory(settings, { log: quiet, metrics });
  if (open === null) return null;
  const deps = { clock: Date.now, log: quiet, audit, metrics };
  const store = composeStore(settings.sessions, deps);
  const claims = domainClaims(settings);
  const documents = createKeptDocuments(open.store, deps.clock);
  const watch = createDomainWatch({ ...deps, ...store, documents, claims: () => claims, lookUp: notLookedUp });
  await watch.look("none");
  const directory = composeDirectory(settings, { ...deps, ...store, open, domains: mailDomains(settings, watch) });
  if (directory === null) return null;
  return {
    store: open.store,
    directory,
    close: async () => {
      await store.close();
      await open.store.close();
    },
  };
}

/** A command believes what the gateways have seen. */
const notLookedUp: LookUpTxt = async () => [];
