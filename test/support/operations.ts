import { randomBytes } from "node:crypto";
import { type AdminDeps, createAdmin } from "../../src/admin/admin.ts";
import { createAuditTail } from "../../src/admin/audit-tail.ts";
import { createFleetWatch } from "../../src/admin/fleet/fleet.ts";
import type { Operations } from "../../src/admin/operations.ts";
import type { AuditEvent } from "../../src/core/audit-events.ts";
import type { SessionStore } from "../../src/core/ports/session-store.ts";
import { makeSecret } from "../../src/core/secret.ts";
import type { Settings } from "../../src/core/settings.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { anApp, aProvider, someSettings } from "./policy-builders.ts";
import { noMetrics, recordingLog } from "./quiet.ts";
import { sessionSettings } from "./session-builders.ts";

/** The admin listener's answers, on these operations. */
export function anAdmin(operations: Operations, change: Partial<AdminDeps> = {}): ReturnType<typeof createAdmin> {
  return createAdmin({
    ...{ names: () => [], log: recordingLog(), state: operations.state, metricsText: async () => "", operations, clock: Date.now },
    ...change,
  });
}

export const consoleToken = "console-token-of-the-tests-0123456789";

/** What operators stand on, with a store in memory. */
export function someOperations(
  change: Partial<Operations> = {},
  settings: Partial<Settings> = {},
): Operations & { readonly audited: AuditEvent[]; readonly store: SessionStore; readonly tokenStore: SessionStore } {
  const audited: AuditEvent[] = [];
  const tail = createAuditTail(Date.now);
  const all = someSettings([anApp({ providers: ["entra"] })], {
    providers: [aProvider("entra")],
    console: { token: makeSecret(consoleToken), host: null },
    ...settings,
  });
  const state: Operations["state"] = () => ({
    listening: true,
    draining: false,
    store: { kind: "memory", reachable: true, invalidation: true, detail: "" },
    providers: { entra: { ok: true, detail: "no failure known" } },
  });
  const memory = createMemoryStore({
    settings: sessionSettings(),
    clock: Date.now,
    random: randomBytes,
    log: recordingLog(),
    metrics: noMetrics,
  });
  const store = memory.sessions;
  const fleet = createFleetWatch({
    ...{ fleet: memory.fleet, tail, state: change.state ?? state, clock: Date.now, log: recordingLog() },
    metricsText: async () => 'vestibule_logins_total{provider="entra",outcome="ok"} 3\n',
    self: { id: "one", name: "one (127.0.0.1:9090)", version: "0.0.0" },
  });
  return {
    sessions: store,
    tokens: memory.tokens,
    store,
    tokenStore: memory.tokens,
    settings: () => all,
    explain: (input) => ({ outcome: "control", asked: input.url, why: "a test" }),
    mayAct: () => true,
    state,
    fleet,
    configuration: () => null,
    assertionKeys: () => [],
    people: () => null,
    reload: async () => ({ outcome: "applied", detail: "1 apps" }),
    audit: tail.remembering((event) => void audited.push(event)),
    version: "0.0.0",
    ...change,
    audited,
  };
}
