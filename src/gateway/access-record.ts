import type { IncomingMessage } from "node:http";
import type { Decision } from "../core/decision.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { AccessRecord } from "../core/ports/log.ts";
import type { Route } from "../core/route.ts";

/** How one request was answered, whoever answered. */
interface Outcome {
  readonly status: number;
  readonly bytesSent: number;
  readonly upstreamMs: number | null;
  /** When it was handed on to the upstream; absent when it never was. */
  readonly forwardedAt?: number;
  readonly aborted: boolean;
  /** Error code, where one decided. */
  readonly error: string | null;
}

/** Who left before any answer, as nginx writes it. */
export const clientLeftStatus = 499;

/** The access line of one request. */
export function accessRecord(
  incoming: Incoming,
  route: Route | null,
  identity: Identity | null,
  decision: Decision | "control" | null,
  outcome: Outcome,
  now: number,
): AccessRecord {
  const known = identity?.kind === "known" ? identity : null;
  return {
    id: incoming.id,
    client: incoming.client,
    method: incoming.method,
    host: incoming.hostname,
    path: incoming.path,
    route: route?.id ?? null,
    principal: known === null ? null : known.principal,
    via: known === null ? null : known.via,
    decision: decision === null ? "error" : decision === "control" ? "control" : decision.kind,
    reason: outcome.error ?? reasonOf(decision),
    shadow: decision !== null && decision !== "control" && decision.kind === "allow" ? (decision.shadow?.reason ?? null) : null,
    status: outcome.status,
    bytesSent: outcome.bytesSent,
    durationMs: Math.max(0, now - incoming.receivedAt),
    upstreamMs: outcome.upstreamMs,
    gatewayMs: Math.max(0, (outcome.forwardedAt ?? now) - incoming.receivedAt),
    websocket: incoming.websocket,
    aborted: outcome.aborted,
  };
}

function reasonOf(decision: Decision | "control" | null): string | null {
  if (decision === null || decision === "control") return null;
  switch (decision.kind) {
    case "allow":
      return decision.rule;
    case "pass":
      return null;
    case "login":
    case "challenge":
      return decision.because;
    case "refuse":
      return decision.refusal.reason;
  }
}

const shownChars = 200;

/** The access line of a request that was never understood: what it claimed, shortened, and judged by nobody. */
export function refusedRecord(req: IncomingMessage, requestId: string, outcome: Outcome): AccessRecord {
  const target = req.url ?? "";
  const mark = target.indexOf("?");
  return {
    id: requestId,
    client: req.socket.remoteAddress ?? "",
    method: req.method ?? "",
    host: (req.headers.host ?? "").slice(0, shownChars),
    path: (mark === -1 ? target : target.slice(0, mark)).slice(0, shownChars),
    route: null,
    principal: null,
    via: null,
    decision: "error",
    reason: outcome.error,
    shadow: null,
    status: outcome.status,
    bytesSent: outcome.bytesSent,
    // It was refused as soon as its head was read.
    durationMs: 0,
    upstreamMs: null,
    websocket: false,
    aborted: outcome.aborted,
  };
}
