import type { AuditEvent } from "../audit-events.ts";
import type { RefusalReason } from "../decision.ts";
import type { Principal } from "../session.ts";
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
  readonly via: "session" | "bearer" | "token" | null;
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
  /** Null or absent where `tracing` is not set. */
  readonly trace?: RequestTrace | null;
}
export type AccessLog = (record: AccessRecord) => void;

/** Takes an event down. Never throws and is never waited for. */
export type Audit = (event: AuditEvent) => void;
