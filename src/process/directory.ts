import type { Endpoint } from "../control/router.ts";
import type { Clock } from "../core/clock.ts";
import type { DirectorySettings } from "../core/directory-settings.ts";
import { GatewayError } from "../core/errors.ts";
import { formatOrigin } from "../core/origin.ts";
import type { DirectoryLogins, DirectoryPeople, PeopleChanges, ScimLog } from "../core/ports/directory.ts";
import type { DirectoryStore } from "../core/ports/directory-store.ts";
import type { DomainProofs } from "../core/ports/domain-proofs.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Settings } from "../core/settings.ts";
import { type DomainClaim, type DomainWatch, domainClaim } from "../directory/domains.ts";
import { createEffects, type Effects, type EffectsDeps } from "../directory/effects.ts";
import { createDirectoryLogins, type DirectoryDeps } from "../directory/logins.ts";
import { createMemoryDirectory } from "../directory/memory/store.ts";
import { createPeopleChanges, createScimLog } from "../directory/notes.ts";
import { createDirectoryPeople } from "../directory/people.ts";
import { createRedisDirectory } from "../directory/redis/store.ts";
import { createScimAccess } from "../directory/scim/access.ts";
import { openSqliteDirectory } from "../directory/sqlite/store.ts";
import { kerberosOf } from "../login/kerberos/settings.ts";
import { openScriptRunner } from "../sessions/redis/script-runner.ts";
import { scimEndpoint } from "./scim-endpoint.ts";

/** What of the directory outlives configuration versions. */
export interface OpenDirectory {
  readonly store: DirectoryStore;
  readonly scimRequests: ScimLog;
  readonly changes: PeopleChanges;
}

/** The directory, as the configuration that the process began with names it; null = there is none. */
export function openDirectory(settings: Settings, deps: { readonly log: Log; readonly metrics: Metrics }): OpenDirectory | null {
  const store = openStore(settings, deps);
  if (store === null) return null;
  const clock = Date.now;
  return { store, scimRequests: createScimLog({ store, clock, log: deps.log }), changes: createPeopleChanges(store, clock) };
}

/** The store by itself, for commands. */
export function openStore(settings: Settings, deps: { readonly log: Log; readonly metrics: Metrics }): DirectoryStore | null {
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
  readonly scimRequests: ScimLog;
  /** The providers by which an account of this one may be signed in, itself among them. */
  readonly providersOf: (provider: string) => readonly string[];
  readonly endpoints: readonly Endpoint[];
}

export interface DirectoryParts {
  readonly open: OpenDirectory | null;
  readonly sessions: SessionStore;
  readonly tokens: SessionStore;
  readonly facts: Facts;
  readonly audit: Audit;
  readonly log: Log;
  readonly clock: Clock;
  readonly domains: MailDomains;
}

/** Null without `directory` in the file, or without a store because it was not there when the process began. */
export function composeDirectory(settings: Settings, parts: DirectoryParts): Directory | null {
  if (settings.directory === null || parts.open === null) return null;
  return directoryOver(settings, settings.directory, { ...parts, open: parts.open });
}

function directoryOver(settings: Settings, rules: DirectorySettings, parts: DirectoryParts & { readonly open: OpenDirectory }): Directory {
  const { store, scimRequests, changes } = parts.open;
  const takesTokens = settings.apps.some(({ routes }) => routes.some(({ bearer }) => bearer.length > 0));
  const names = new Map(settings.providers.map(({ id, groupNames }) => [id, groupNames]));
  const byScim = new Set(
    settings.providers.filter(({ scim, attributes }) => scim !== null && attributes.groups === null).map(({ id }) => id),
  );
  const local = new Set(settings.providers.filter(({ protocol }) => isLocal(protocol.kind)).map(({ id }) => id));
  const { ownerOf, isUnproven } = parts.domains;
  const deps = {
    ...parts,
    store,
    // Without proof no provider vouches for the domain: its addresses link and take over for no provider.
    ownerOfDomain: (domain: string) => (isUnproven(domain) ? nobody : ownerOf(domain)),
    settings: rules,
    isLocal: (id: string) => local.has(id),
    groupsByScim: (id: string) => byScim.has(id),
    groupNames: (id: string) => names.get(id) ?? {},
    ...samePeople(settings),
  };
  const logins = createDirectoryLogins(deps);
  const effects = createEffects({ ...deps, logins, changes: takesTokens ? changes : null });
  const tokens = new Map(settings.providers.map(({ id, scim }) => [id, scim?.tokens ?? []]));
  const access = createScimAccess({ ...parts, tokens: (id) => tokens.get(id) ?? [] });
  const scim = scimEndpoint({ settings, access, requests: scimRequests, context: { ...deps, effects } });
  return {
    logins,
    effects,
    people: createDirectoryPeople({ ...deps, effects }),
    scimRequests,
    providersOf: deps.providersOf,
    endpoints: [scim],
  };
}

/** Which provider's people sign in where: a ticket's owner is one of the directory that `lookup` names. */
function samePeople({ providers }: Settings): Pick<DirectoryDeps, "peopleOf"> & Pick<EffectsDeps, "providersOf"> {
  const people = new Map(providers.map(({ id, protocol }) => [id, kerberosOf(protocol)?.lookup ?? id]));
  const peopleOf = (id: string) => people.get(id) ?? id;
  return { peopleOf, providersOf: (id) => [...new Set([id, ...[...people.keys()].filter((other) => peopleOf(other) === id)])] };
}

const isLocal = (kind: string) => kind === "local";
/** No provider has this id. */
const nobody = "";

/** Whose the mail domains are: by the file, and by DNS where it says so. */
export interface MailDomains extends DomainProofs {
  /** The provider to which the file gives the domain, proved or not: no other may vouch for its addresses. */
  ownerOf(domain: string): string | null;
}

/** The mail domains of one configuration version. */
export function mailDomains(settings: Settings, watch: Pick<DomainWatch, "isProven" | "changes">): MailDomains {
  const owners = new Map(settings.providers.flatMap(({ id, emailDomains }) => emailDomains.map((domain) => [domain, id] as const)));
  const claims = new Map(domainClaims(settings).map((claim) => [claim.domain, claim]));
  return {
    ownerOf: (domain) => owners.get(domain) ?? null,
    isUnproven: (domain) => {
      const claim = claims.get(domain);
      return claim !== undefined && !watch.isProven(claim);
    },
    changes: watch.changes,
  };
}

/** What must be entered in DNS for these settings. */
export function domainClaims({ providers, auth }: Settings): readonly DomainClaim[] {
  const origin = formatOrigin(auth.origin);
  return providers.flatMap(({ id, domainProof, emailDomains }) =>
    domainProof === "dns" ? emailDomains.map((domain) => domainClaim(origin, id, domain)) : [],
  );
}
