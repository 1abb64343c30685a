import type { RefusalReason } from "../decision.ts";
import type { Principal } from "../principal.ts";
import type { SessionEnd } from "../session.ts";
import type { RequestTrace } from "./tracing.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log. Fields never hold tokens, cookies or secrets; an `error` field is written with its cause chain. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** One line per request, written when its last byte is gone (for tunnels: when they close). */
export interface AccessRecord {
  readonly id: string;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  /** Path without the query: queries carry secrets. */
  readonly path: string;
  readonly route: string | null;
  readonly principal: Pick<Principal, "provider" | "subject" | "email"> | null;
  readonly via: "session" | "bearer" | null;
  /** The session's handle (`Session.key`), by which its login, its other requests and its end are found; null without a session. */
  readonly session: string | null;
  /** Shortened; null = none was sent. */
  readonly userAgent: string | null;
  readonly decision: "allow" | "pass" | "login" | "challenge" | "refuse" | "control" | "error";
  /** Refusal reason, login cause, error code or the rule that allowed. */
  readonly reason: string | null;
  /** The rule that allowed, also where the answer became an error after that; null = no rule did. */
  readonly rule: string | null;
  readonly shadow: RefusalReason | null;
  readonly status: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  /** Until the upstream's response head; null when there was none. */
  readonly upstreamMs: number | null;
  /** The gateway's own part: until the request was handed on, or, without an upstream, until its answer was sent. */
  readonly gatewayMs?: number;
  readonly websocket: boolean;
  /** The connection broke before the answer was complete. */
  readonly aborted: boolean;
  /** Null or absent where traces are not recorded. */
  readonly trace?: RequestTrace | null;
}
export type AccessLog = (record: AccessRecord) => void;

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
      readonly event: "refusal";
      readonly request: string;
      readonly client: string;
      readonly principal: Who | null;
      readonly host: string;
      readonly path: string;
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
export type Audit = (event: AuditEvent) => void;

/** An event with its time, as it is shown again. */
export type AuditEntry = AuditEvent & { readonly at: number };
