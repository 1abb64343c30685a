import type { Clock } from "../core/clock.ts";
import type { DirectorySettings } from "../core/directory-settings.ts";
import { GatewayError } from "../core/errors.ts";
import type { DirectoryLogins, DirectoryPeople } from "../core/ports/directory.ts";
import type { DirectoryStore } from "../core/ports/directory-store.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Settings } from "../core/settings.ts";
import { createEffects, type Effects } from "../directory/effects.ts";
import { createDirectoryLogins } from "../directory/logins.ts";
import { createMemoryDirectory } from "../directory/memory/store.ts";
import { createDirectoryPeople } from "../directory/people.ts";
import { createRedisDirectory } from "../directory/redis/store.ts";
import { openSqliteDirectory } from "../directory/sqlite/store.ts";
import { openScriptRunner } from "../sessions/redis/script-runner.ts";

/** The directory's store, as the configuration that the process began with names it; null = there is none. */
export function openDirectory(settings: Settings, deps: { readonly log: Log; readonly metrics: Metrics }): DirectoryStore | null {
  const store = settings.directory?.store;
  if (store === undefined) return null;
  switch (store.kind) {
    case "memory":
      return createMemoryDirectory();
    case "sqlite":
      return openSqliteDirectory(store.file);
    case "redis":
      return openInRedis(settings, deps);
  }
}

function openInRedis({ sessions }: Settings, deps: { readonly log: Log; readonly metrics: Metrics }): DirectoryStore {
  if (sessions.store.kind !== "redis") throw new GatewayError("config.invalid", "directory.store is redis and sessions.store is not");
  const runner = openScriptRunner(sessions.store, deps);
  return createRedisDirectory({ ...runner, keyPrefix: sessions.store.keyPrefix });
}

/** The directory under one configuration version's rules. */
export interface Directory {
  readonly logins: DirectoryLogins;
  readonly people: DirectoryPeople;
  readonly effects: Effects;
}

export interface DirectoryParts {
  readonly store: DirectoryStore | null;
  readonly sessions: SessionStore;
  readonly facts: Facts;
  readonly audit: Audit;
  readonly log: Log;
  readonly clock: Clock;
  readonly ownerOfDomain: (domain: string) => string | null;
}

/** Null without `directory` in the file, or without a store because it was not there when the process began. */
export function composeDirectory(settings: Settings, parts: DirectoryParts): Directory | null {
  if (settings.directory === null || parts.store === null) return null;
  return directoryOver(settings, settings.directory, { ...parts, store: parts.store });
}

function directoryOver(
  settings: Settings,
  rules: DirectorySettings,
  parts: DirectoryParts & { readonly store: DirectoryStore },
): Directory {
  const names = new Map(settings.providers.map(({ id, groupNames }) => [id, groupNames]));
  const local = new Set(settings.providers.filter(({ protocol }) => isLocal(protocol.kind)).map(({ id }) => id));
  const deps = { ...parts, settings: rules, isLocal: (id: string) => local.has(id), groupNames: (id: string) => names.get(id) ?? {} };
  const logins = createDirectoryLogins(deps);
  const effects = createEffects({ ...parts, logins });
  return { logins, effects, people: createDirectoryPeople({ ...deps, effects }) };
}

const isLocal = (kind: string) => kind === "local";

/** Which provider owns a mail domain, by the file alone. */
export function domainOwners(settings: Settings): (domain: string) => string | null {
  const owners = new Map(settings.providers.flatMap(({ id, emailDomains }) => emailDomains.map((domain) => [domain, id] as const)));
  return (domain) => owners.get(domain) ?? null;
}
