import { randomBytes } from "node:crypto";
import type { AuditEvent } from "../../src/core/audit-events.ts";
import type { DirectorySettings } from "../../src/core/directory-settings.ts";
import type { DirectoryStore } from "../../src/core/ports/directory-store.ts";
import type { Facts } from "../../src/core/ports/facts.ts";
import type { SessionStore } from "../../src/core/ports/session-store.ts";
import type { Principal, Session } from "../../src/core/session.ts";
import type { DirectoryDeps } from "../../src/directory/logins.ts";
import { createMemoryDirectory } from "../../src/directory/memory/store.ts";
import { createPeopleChanges, createScimLog } from "../../src/directory/notes.ts";
import { composeDirectory, type Directory } from "../../src/process/directory.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { aProvider, someSettings } from "./policy-builders.ts";
import { noMetrics, recordingLog } from "./quiet.ts";

/** A directory with sessions, in memory, and three providers: entra (acme.example), okta and adfs. */
export interface DirectoryRig extends Directory {
  readonly store: DirectoryStore;
  readonly sessions: SessionStore;
  readonly tokens: SessionStore;
  readonly facts: Facts;
  readonly audited: AuditEvent[];
  readonly log: ReturnType<typeof recordingLog>;
  readonly settings: DirectorySettings;
  /** What the directory's parts are made from. */
  readonly deps: DirectoryDeps;
  /** Mail domains that are not proved. */
  readonly unproven: Set<string>;
  now: number;
  /** A login, and its session. */
  signIn(principal: Partial<Principal> & Pick<Principal, "provider" | "subject">): Promise<Session>;
  admit(principal: Partial<Principal> & Pick<Principal, "provider" | "subject">): Promise<Principal>;
}

export const noCaller = { request: null, client: null };

export function aPrincipal(change: Partial<Principal> & Pick<Principal, "provider" | "subject">): Principal {
  return {
    email: null,
    name: null,
    groups: { kind: "known", names: [] },
    extra: {},
    claims: {},
    authenticatedAt: 0,
    acr: null,
    ...change,
  };
}

export function someDirectorySettings(change: Partial<DirectorySettings> = {}): DirectorySettings {
  return {
    store: { kind: "memory" },
    provisioning: "jit",
    link: "email",
    defaultGroups: [],
    attributes: {},
    roles: {},
    teams: { from: ["department", "groups"], create: false, names: {} },
    ...change,
  };
}

export interface DirectoryRigOptions {
  readonly store?: DirectoryStore;
}

export function createDirectoryRig(change: Partial<DirectorySettings> = {}, options: DirectoryRigOptions = {}): DirectoryRig {
  const store = options.store ?? createMemoryDirectory();
  const settings = someDirectorySettings(change);
  const all = someSettings([], {
    directory: settings,
    providers: [{ ...aProvider("entra", ["acme.example"]), groupNames: { "5f4c": "sre" } }, aProvider("okta"), aProvider("adfs")],
  });
  const audited: AuditEvent[] = [];
  const log = recordingLog();
  let now = 1_800_000_000_000;
  const clock = () => now;
  const kept = createMemoryStore({ settings: all.sessions, clock, random: (bytes) => randomBytes(bytes), log, metrics: noMetrics });
  const { sessions, tokens, facts } = kept;
  const owners = new Map([["acme.example", "entra"]]);
  const unproven = new Set<string>();
  const directory = composeDirectory(all, {
    open: { store, scimRequests: createScimLog({ store, clock, log }), changes: createPeopleChanges(store, clock) },
    sessions,
    tokens,
    facts,
    audit: (event) => void audited.push(event),
    log,
    clock,
    domains: {
      ownerOf: (domain) => owners.get(domain) ?? null,
      isUnproven: (domain) => unproven.has(domain),
      changes: {
        get count() {
          return unproven.size;
        },
      },
    },
  });
  if (directory === null) throw new Error("there is no directory");
  const admit: DirectoryRig["admit"] = (principal) => directory.logins.admit(aPrincipal(principal), noCaller);
  return {
    ...directory,
    store,
    sessions,
    tokens,
    facts,
    audited,
    log,
    settings,
    unproven,
    deps: {
      store,
      settings,
      ownerOfDomain: (domain) => (unproven.has(domain) ? "" : (owners.get(domain) ?? null)),
      isLocal: () => false,
      groupsByScim: () => false,
      groupNames: () => ({}),
      peopleOf: (id) => id,
      clock,
      log,
      audit: (event) => void audited.push(event),
    },
    admit,
    get now() {
      return now;
    },
    set now(at: number) {
      now = at;
    },
    signIn: async (principal) => {
      const admitted = await admit(principal);
      const session = { principal: admitted, providerSession: null, logoutHandle: null, tokens: null, refreshAt: null, endsAtLatest: null };
      return directory.effects.settle(await sessions.create(session));
    },
  };
}
