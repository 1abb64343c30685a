import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { AuditTail } from "../admin/audit-tail.ts";
import { createFleetWatch, type FleetWatch } from "../admin/fleet/fleet.ts";
import type { ConfigurationText, ExplainInput, Operations, ReloadOutcome } from "../admin/operations.ts";
import type { Question } from "../core/explanation.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Fleet } from "../core/ports/fleet.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Principal } from "../core/session.ts";
import type { Settings } from "../core/settings.ts";
import { createAssertions } from "../identity/assertion.ts";
import { composeExplain } from "./check.ts";
import type { Logs } from "./parts.ts";

/** The configuration file, as `serve` keeps it. */
export interface ConfigurationFile {
  /** Reads the file again and takes it into force, as a signal does. */
  reload(): Promise<ReloadOutcome>;
  /** What is in force. */
  text(): ConfigurationText;
}

export interface OperationsDeps {
  readonly sessions: SessionStore;
  readonly tokens: SessionStore;
  readonly fleet: Fleet;
  readonly settings: () => Settings;
  readonly state: Operations["state"];
  readonly metricsText: () => Promise<string>;
  readonly logs: Logs;
  readonly tail: AuditTail;
  readonly version: string;
  readonly people: Operations["people"];
  readonly file: () => ConfigurationFile | null;
}

/** What operators can ask and do here, by the configuration in force; `close` ends the looking at this instance's numbers. */
export function composeOperations(deps: OperationsDeps): Operations & Pick<FleetWatch, "close"> {
  const { sessions, tokens, settings, state, logs, version, people } = deps;
  const { host, port } = settings().admin;
  const self = { id: randomBytes(9).toString("base64url"), name: `${hostname()} (${host}:${port})`, version };
  const watch = createFleetWatch({ ...deps, self, clock: Date.now, log: logs.log });
  let compiled: { readonly settings: Settings; readonly explain: ReturnType<typeof composeExplain> } | null = null;
  const explain = (question: Question) => {
    const current = settings();
    if (compiled?.settings !== current) compiled = { settings: current, explain: composeExplain(current) };
    return compiled.explain(question);
  };
  return {
    ...{ sessions, tokens, settings, state, version, people, fleet: watch, close: watch.close },
    assertionKeys: () => createAssertions({ secrets: settings().sessions.secrets, clock: Date.now }).jwks().keys,
    audit: logs.audit,
    explain: (input) => explain(questionOf(input)),
    mayAct: (principal, address) => explain(actingQuestion(settings(), principal, address)).outcome === "allow",
    configuration: () => deps.file()?.text() ?? null,
    reload: async () => (await deps.file()?.reload()) ?? { outcome: "rejected", detail: "the gateway is not serving yet" },
  };
}

function questionOf({ url, method, address, at, websocket, asUser, email, name, groups, provider, acr, claims }: ExplainInput): Question {
  const named = [asUser, email, name, provider, acr].some((value) => value !== null) || groups.length > 0 || Object.keys(claims).length > 0;
  return { url, method, address, at, websocket, as: named ? { subject: asUser, email, name, groups, provider, acr, claims } : null };
}

/** Would the gateway let a form of the console's through that this person sends? Its own rules say so, and nothing else does. */
function actingQuestion({ console, auth }: Settings, principal: Principal, address: string): Question {
  const { provider, subject, email, name, groups, acr, claims } = principal;
  const origin = formatOrigin({ ...auth.origin, hostname: console.host ?? "" });
  const as = { provider, subject, email, name, acr, claims, groups: groups.kind === "known" ? groups.names : [] };
  return { url: `${origin}/console/sessions/end`, method: "POST", as, address, at: Date.now(), websocket: false };
}
