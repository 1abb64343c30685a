import type { AuditTail } from "../admin/audit-tail.ts";
import type { ExplainInput, Operations, ReloadOutcome } from "../admin/operations.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Settings } from "../core/settings.ts";
import type { Question } from "../gateway/explain/explanation.ts";
import { createAssertions } from "../identity/assertion.ts";
import { composeExplain } from "./check.ts";
import type { Logs } from "./parts.ts";

/** Reads the file again and takes it into force, as a signal does. */
export type ReloadFile = () => Promise<ReloadOutcome>;

/** What operators can ask and do here, by the configuration in force. */
export function composeOperations(deps: {
  readonly sessions: SessionStore;
  readonly tokens: SessionStore;
  readonly settings: () => Settings;
  readonly state: Operations["state"];
  readonly metricsText: Operations["metricsText"];
  readonly logs: Logs;
  readonly tail: AuditTail;
  readonly version: string;
  readonly people: Operations["people"];
  readonly reload: () => ReloadFile | null;
}): Operations {
  const { sessions, tokens, settings, state, metricsText, logs, tail, version, people } = deps;
  let compiled: { readonly settings: Settings; readonly explain: ReturnType<typeof composeExplain> } | null = null;
  return {
    ...{ sessions, tokens, settings, state, metricsText, version, people },
    assertionKeys: () => createAssertions({ secrets: settings().sessions.secrets, clock: Date.now }).jwks().keys,
    audit: logs.audit,
    tail: tail.find,
    explain: (input) => {
      const current = settings();
      if (compiled?.settings !== current) compiled = { settings: current, explain: composeExplain(current) };
      return compiled.explain(questionOf(input));
    },
    reload: async () => (await deps.reload()?.()) ?? { outcome: "rejected", detail: "the gateway is not serving yet" },
  };
}

function questionOf({ url, method, address, at, websocket, asUser, email, name, groups, provider, acr, claims }: ExplainInput): Question {
  const named = [asUser, email, name, provider, acr].some((value) => value !== null) || groups.length > 0 || Object.keys(claims).length > 0;
  return { url, method, address, at, websocket, as: named ? { subject: asUser, email, name, groups, provider, acr, claims } : null };
}
