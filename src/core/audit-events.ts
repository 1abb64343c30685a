import type { RefusalReason } from "./decision.ts";
import type { Incoming } from "./incoming.ts";
import type { Audit } from "./ports/log.ts";
import type { FirstOpening } from "./ports/session-store.ts";
import type { Principal, Session, SessionEnd } from "./session.ts";

/** The account, and its address for people who read. */
type Who = Pick<Principal, "provider" | "subject" | "email">;
/** What a security engineer wants to find again: who reached what, and who ended it. */
export type AuditEvent =
  | {
      readonly event: "login";
      readonly request: string;
      readonly client: string;
      readonly principal: Who;
      readonly session: string;
      readonly app: string | null;
      readonly acr: string | null;
    }
  | {
      readonly event: "login-failed";
      readonly request: string;
      readonly client: string;
      readonly provider: string | null;
      readonly code: string;
      readonly detail: string;
    }
  /** A Kerberos ticket, accepted or not. `result` is accepted, no-ticket or an error code. */
  | {
      readonly event: "ticket";
      readonly request: string;
      readonly client: string;
      readonly provider: string;
      readonly principal: string | null;
      readonly realm: string | null;
      readonly enctype: string | null;
      readonly result: string;
      readonly detail: string | null;
    }
  | {
      readonly event: "logout";
      readonly request: string | null;
      readonly client: string | null;
      readonly principal: Who;
      readonly session: string;
      readonly why: SessionEnd;
      /** The operator who did it. */
      readonly by?: string;
    }
  | {
      /** An app was opened in a session, or by a personal token, for the first time. */
      readonly event: "enter";
      readonly request: string;
      readonly client: string;
      readonly principal: Who;
      readonly session: string;
      readonly app: string;
      readonly via: "session" | "token";
    }
  | {
      /** A session ended by itself: it was not used (`idle`), or its time was over (`lifetime`). */
      readonly event: "expiry";
      /** Null when it could not be read any more: a secret was rotated away meanwhile. */
      readonly principal: Who | null;
      readonly session: string;
      readonly why: "idle" | "lifetime";
    }
  | {
      /** A rule wanted a stronger login, and it was given. */
      readonly event: "step-up";
      readonly request: string;
      readonly client: string;
      readonly principal: Who;
      readonly session: string;
      readonly app: string | null;
      readonly wanted: readonly string[];
      readonly acr: string | null;
    }
  | {
      readonly event: "personal-token";
      readonly action: "made" | "first-used" | "ended";
      readonly request: string | null;
      readonly client: string | null;
      readonly principal: Who;
      /** As in the API; opens nothing. */
      readonly handle: string;
      readonly name: string;
      readonly why?: SessionEnd;
      /** The operator who ended it. */
      readonly by?: string;
    }
  | {
      /** An operator acted, in the console, by the API or a command. */
      readonly event: "operator";
      readonly by: string;
      readonly client: string;
      readonly act: "end-session" | "end-sessions" | "end-token" | "end-tokens" | "reload";
      /** What it was asked for: a handle, or conditions. */
      readonly what: object | string | null;
      /** How many ended; for a reload 1 when it came into force. */
      readonly count: number;
    }
  | {
      readonly event: "refusal";
      readonly request: string;
      readonly client: string;
      readonly principal: Who | null;
      readonly host: string;
      readonly method: string;
      readonly path: string;
      /** A WebSocket handshake was refused, no request for a page. */
      readonly websocket: boolean;
      readonly reason: RefusalReason;
      readonly rule: string | null;
      readonly detail: string;
      readonly enforced: boolean;
    }
  | {
      /** A refresh brought other groups; a list that could not be read is empty. */
      readonly event: "groups-changed";
      readonly principal: Who;
      readonly session: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  | {
      readonly event: "revocation";
      readonly request: string | null;
      readonly provider: string | null;
      readonly subject: string | null;
      readonly providerSession: string | null;
      readonly sessions: number;
      readonly why: SessionEnd;
      /** The operator who did it, and what was asked for. */
      readonly by?: string;
      readonly filter?: object | "everyone";
    }
  | {
      /** The directory learned or decided something about a person. */
      readonly event: "directory";
      readonly action: DirectoryAction;
      readonly request: string | null;
      readonly client: string | null;
      readonly person: string | null;
      readonly provider: string | null;
      readonly subject: string | null;
      readonly detail: string;
      /** The operator who did it. */
      readonly by?: string;
    }
  | {
      readonly event: "reload";
      readonly outcome: "applied" | "rejected";
      readonly detail: string;
      /** Names of apps, routes, providers and keys: never their values. */
      readonly changes?: { readonly added: readonly string[]; readonly removed: readonly string[]; readonly changed: readonly string[] };
    };
export type DirectoryAction =
  | "person-made"
  | "account-linked"
  | "account-met"
  | "claim-refused"
  | "provisioned"
  | "taken-over"
  | "deactivated"
  | "reactivated"
  | "deleted"
  | "unlinked"
  | "merged"
  | "blocked"
  | "unblocked"
  | "attribute-set";

/** An event with its time, as it is shown again. */
export type AuditEntry = AuditEvent & { readonly at: number; readonly instance?: string };

/**
 * Every event there is, and what it says: what `docs/logs.md` explains and `test/observe/audit-events.test.ts` sees happen. A new event is a
 * member of the type, a row here, a row there and a test.
 */
export const auditEvents: Readonly<Record<AuditEvent["event"], string>> = {
  login: "a person signed in",
  "login-failed": "a login did not succeed: the one line about it, at `warn` where an operator has to put something right",
  "step-up": "a rule wanted a stronger login, and it was given",
  enter: "an app was opened in a session, or by a personal token, for the first time",
  refusal: "a known caller was refused",
  logout: "a session was ended, and why",
  expiry: "a session ended by itself: unused, or its time was over",
  revocation: "sessions were ended by a provider or an operator",
  "groups-changed": "a refresh brought other groups",
  "personal-token": "a personal token was made, used for the first time, or ended",
  ticket: "a Kerberos ticket was accepted or not",
  directory: "the directory learned or decided something about a person",
  operator: "an operator acted",
  reload: "a configuration came into force, or was rejected",
};

/** No more of a person than an audit line holds. */
export function whoIs({ provider, subject, email }: Who): Who {
  return { provider, subject, email };
}

/** What became of the personal token with this record. */
export function tokenEvent(
  { key, principal, token }: Pick<Session, "key" | "token"> & { readonly principal: Who },
  action: (AuditEvent & { readonly event: "personal-token" })["action"],
  more: Omit<Partial<AuditEvent & { readonly event: "personal-token" }>, "event" | "action" | "principal" | "handle" | "name"> = {},
): AuditEvent {
  const fixed = { event: "personal-token", action, principal: whoIs(principal), handle: key, name: token?.name ?? "" } as const;
  return { request: null, client: null, ...more, ...fixed };
}

/**
 * What notes in the audit log that a session, or a personal token, opens an app for the first time; undefined where the session is known
 * to have opened it, as for nearly all requests. The store says which of several openings was the first.
 */
export function onFirstOpening(
  audit: Audit | undefined,
  session: Session,
  { id: request, client }: Pick<Incoming, "id" | "client">,
  app: string | undefined,
): FirstOpening | undefined {
  if (audit === undefined || app === undefined || session.apps[app] !== undefined) return undefined;
  return (isFirstOfAll) => {
    const via = session.token === undefined ? "session" : "token";
    if (via === "token" && isFirstOfAll) audit(tokenEvent(session, "first-used", { request, client }));
    audit({ event: "enter", request, client, principal: whoIs(session.principal), session: session.key, app, via });
  };
}
