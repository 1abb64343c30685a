import type { AuditEvent } from "../core/audit-events.ts";
import type { DirectoryStore } from "../core/ports/directory-store.ts";
import type { Log } from "../core/ports/log.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { Store } from "../core/ports/store.ts";
import type { Settings } from "../core/settings.ts";
import { createDomainWatch, type LookUpTxt } from "../directory/domains.ts";
import { createKeptDocuments } from "../directory/notes.ts";
import { createMetrics } from "../observe/metrics.ts";
import { composeDirectory, type Directory, domainClaims, mailDomains, openDirectory } from "./directory.ts";
import { composeStore } from "./parts.ts";

/** People where no gateway is around them: in the primary above workers, and in a command. */
export interface PeopleOffice {
  readonly store: DirectoryStore;
  /** By the rules in force; null where a reload has taken the directory out of the file. */
  directory(): Directory | null;
  /** Resolves when what gateways know of mail domains is known here. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface PeopleOfficeDeps extends Pick<Store, "sessions" | "tokens" | "facts"> {
  /** The configuration that the process began with: it names the store. */
  readonly started: Settings;
  /** The configuration in force. */
  readonly settings: () => Settings;
  readonly audit: (event: AuditEvent) => void;
  readonly log: Log;
  readonly metrics: Metrics;
}

const knownAgainMs = 15_000;

/** Null without `directory` in the file. */
export function openPeopleOffice(deps: PeopleOfficeDeps): PeopleOffice | null {
  const open = openDirectory(deps.started, deps);
  if (open === null) return null;
  const clock = Date.now;
  const watch = createDomainWatch({
    ...{ clock, log: deps.log, facts: deps.facts },
    documents: createKeptDocuments(open.store, clock),
    claims: () => domainClaims(deps.settings()),
    lookUp: notLookedUp,
  });
  const ready = watch.look("none");
  const timer = setInterval(() => void watch.look("none"), knownAgainMs);
  timer.unref();
  let composed: { readonly settings: Settings; readonly directory: Directory | null } | null = null;
  return {
    store: open.store,
    directory: () => {
      const settings = deps.settings();
      if (composed?.settings !== settings)
        composed = { settings, directory: composeDirectory(settings, { ...deps, clock, open, domains: mailDomains(settings, watch) }) };
      return composed.directory;
    },
    ready,
    close: async () => {
      clearInterval(timer);
      await open.store.close();
    },
  };
}

/** Gateways look; here it is believed what they have seen. */
const notLookedUp: LookUpTxt = async () => [];

/** The directory and the sessions without a gateway, for `vestibule directory`. Null without `directory` in the file. */
export async function openForDirectory(
  settings: Settings,
  { audit, warn }: { readonly audit: (event: AuditEvent) => void; readonly warn: (message: string) => void },
): Promise<{ readonly store: DirectoryStore; readonly directory: Directory; close(): Promise<void> } | null> {
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: (_, message) => warn(message),
    error: (_, message) => warn(message),
  };
  const { metrics } = createMetrics({ version: "directory" });
  if (settings.directory === null) return null;
  const store = composeStore(settings.sessions, { clock: Date.now, log, metrics });
  const office = openPeopleOffice({ ...store, started: settings, settings: () => settings, audit, log, metrics });
  await office?.ready;
  const directory = office?.directory() ?? null;
  const close = async () => {
    await store.close();
    await office?.close();
  };
  if (office !== null && directory !== null) return { store: office.store, directory, close };
  await close();
  return null;
}
