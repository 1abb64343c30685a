import { type AuditEvent, tokenEvent } from "../core/audit-events.ts";
import type { Explanation } from "../core/explanation.ts";
import type { Audit } from "../core/ports/log.ts";
import type { EndQuery, SessionStore } from "../core/ports/session-store.ts";
import type { Principal, SessionSummary } from "../core/session.ts";
import type { Settings } from "../core/settings.ts";
import type { GatewayState } from "./admin.ts";
import type { PeopleDesk } from "./api/people.ts";
import type { FleetWatch } from "./fleet/fleet.ts";

/** Who acts: the token's bearer, or the person whom the console's own sign-on vouched for. */
export interface Operator {
  readonly name: string;
  readonly address: string;
  /** False for those whom only `console.readers` lets in: they look. */
  readonly mayAct: boolean;
}

/** What became of the file that was read again. */
export interface ReloadOutcome {
  readonly outcome: "applied" | "rejected";
  readonly detail: string;
}

/** A request that was not made, in the words of the command's options. */
export interface ExplainInput {
  readonly url: string;
  readonly method: string;
  readonly asUser: string | null;
  readonly email: string | null;
  readonly name: string | null;
  readonly groups: readonly string[];
  readonly provider: string | null;
  readonly acr: string | null;
  readonly claims: Readonly<Record<string, readonly string[]>>;
  readonly address: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly websocket: boolean;
}

/** The configuration in force as its file says it: every key with the line or the default that it comes from. Secrets are masked. */
export interface ConfigurationText {
  readonly file: string;
  readonly lines: readonly { readonly text: string; readonly from: string }[];
}

/** All that operators can ask and do, whatever they do it with: the API, the console and the command line stand on it. */
export interface Operations {
  readonly sessions: Pick<SessionStore, "list" | "read" | "end" | "countMatching" | "endMatching" | "openCount">;
  /** People's own tokens. */
  readonly tokens: Pick<SessionStore, "list" | "read" | "end" | "countMatching" | "endMatching">;
  /** The configuration in force. */
  readonly settings: () => Settings;
  readonly explain: (input: ExplainInput) => Explanation;
  /** Whether the console's rules let this person do more than look. */
  readonly mayAct: (principal: Principal, address: string) => boolean;
  readonly state: () => GatewayState | Promise<GatewayState>;
  /** All instances on this store: their numbers, their state, their audit events. */
  readonly fleet: Pick<FleetWatch, "view" | "find" | "nextLook">;
  /** Null before the file was read by `serve`. */
  readonly configuration: () => ConfigurationText | null;
  readonly reload: () => Promise<ReloadOutcome>;
  /** The public keys under which the gateway says who its visitors are (JWK). */
  readonly assertionKeys: () => readonly object[];
  /** People; null without a directory. */
  readonly people: () => PeopleDesk | null;
  readonly audit: Audit;
  readonly version: string;
}

/** Ends one session; false when there was none. */
export async function endOne(operations: Operations, operator: Operator, handle: string): Promise<boolean> {
  const session = await operations.sessions.read(handle);
  if (session === null || !(await operations.sessions.end(handle, "revoked"))) return false;
  noteEnded(operations, operator, session);
  noteAct(operations, operator, "end-session", handle, 1);
  return true;
}

/**
 * Ends all that match, with an audit line for each and one for the whole; answers how many. Who names a person means the person's tokens as
 * well: a person who was ended must not be in by another door.
 */
export async function endMatching(operations: Operations, operator: Operator, query: EndQuery): Promise<number> {
  const ended = await operations.sessions.endMatching(query, "revoked", (session) => noteEnded(operations, operator, session));
  const named = query === "everyone" ? {} : query;
  operations.audit({
    event: "revocation",
    request: null,
    provider: named.provider ?? null,
    subject: named.subject ?? null,
    providerSession: null,
    sessions: ended,
    why: "revoked",
    by: operator.name,
    filter: query,
  });
  noteAct(operations, operator, "end-sessions", query, ended);
  if (meansPeople(query)) await endTokens(operations, operator, query);
  return ended;
}

function noteEnded({ audit }: Operations, operator: Operator, { handle, principal }: SessionSummary): void {
  const { provider, subject, email } = principal;
  audit({
    event: "logout",
    request: null,
    client: operator.address,
    principal: { provider, subject, email },
    session: handle,
    why: "revoked",
    by: operator.name,
  });
}

/** Whose, and nothing else: from where a session came, or what it opened, is no matter of a person. */
function meansPeople(query: EndQuery): boolean {
  if (query === "everyone") return false;
  const named = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  return (query.subject ?? query.email) !== undefined && named.every((name) => ["provider", "subject", "email"].includes(name));
}

/** Ends one personal token; false when there was none. */
export async function endToken(operations: Operations, operator: Operator, handle: string): Promise<boolean> {
  const token = await operations.tokens.read(handle);
  if (token === null || !(await operations.tokens.end(handle, "revoked"))) return false;
  noteEndedToken(operations, operator, token);
  noteAct(operations, operator, "end-token", handle, 1);
  return true;
}

/** Ends all personal tokens that match; answers how many. */
export async function endTokens(operations: Operations, operator: Operator, query: EndQuery): Promise<number> {
  const ended = await operations.tokens.endMatching(query, "revoked", (token) => noteEndedToken(operations, operator, token));
  noteAct(operations, operator, "end-tokens", query, ended);
  return ended;
}

function noteEndedToken({ audit }: Operations, { name, address }: Operator, token: SessionSummary): void {
  audit(tokenEvent({ ...token, key: token.handle }, "ended", { client: address, why: "revoked", by: name }));
}

/** Reads the file again because this operator asked for it. */
export async function reloadAs(operations: Operations, operator: Operator): Promise<ReloadOutcome> {
  const outcome = await operations.reload();
  noteAct(operations, operator, "reload", null, outcome.outcome === "applied" ? 1 : 0);
  return outcome;
}

type Act = (AuditEvent & { readonly event: "operator" })["act"];

function noteAct({ audit }: Operations, { name, address }: Operator, act: Act, what: object | string | null, count: number): void {
  audit({ event: "operator", by: name, client: address, act, what, count });
}
