import { hash } from "node:crypto";
import { tokenEvent } from "../core/audit-events.ts";
import type { Clock, Random } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { DirectoryStep } from "../core/ports/directory.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { Audit } from "../core/ports/log.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import { type Session, type SessionSummary, withoutStrength } from "../core/session.ts";
import type { PersonalTokenSettings } from "../core/settings.ts";
import { personalTokenOf } from "../lib/gateway-token.ts";
import { sessionsOfAll } from "./own-sessions.ts";

export interface OwnTokenDeps {
  readonly sessions: Pick<SessionStore, "find">;
  readonly tokens: Pick<SessionStore, "list" | "create" | "renew" | "end">;
  /** Null = people cannot make any. */
  readonly personalTokens: PersonalTokenSettings | null;
  readonly facts: Pick<Facts, "lease">;
  readonly directory: DirectoryStep | null;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly random: Random;
}

/** A token that was just made, shown this once, or why none was. */
export type MadeToken = { readonly name: string; readonly token: string } | { readonly problem: "name" | "too-many" | "busy" };

/** The tokens of these people, the last used first. */
export function tokensOfAll({ tokens }: Pick<OwnTokenDeps, "tokens">, own: readonly Session[]): Promise<readonly SessionSummary[]> {
  return sessionsOfAll({ sessions: tokens }, own);
}

const longestName = 60;
const leaseMs = 10_000;

/**
 * Makes a token for the person of `session`, who has just been proved by this browser. Only its hash is kept: what is answered here is
 * shown once. It stands for the person as known now, without the strength of this login.
 */
export async function makeToken(deps: OwnTokenDeps, incoming: Incoming, session: Session, wantedName: string): Promise<MadeToken> {
  const name = wantedName.trim();
  if (!isName(name)) return { problem: "name" };
  const { provider, subject } = session.principal;
  // Of two that are made at the same time, one waits for the next click: together they could pass the number allowed.
  const lease = await deps.facts.lease(`personal-tokens:${provider}:${subject}`, leaseMs);
  if (lease === null) return { problem: "busy" };
  try {
    const most = deps.personalTokens?.perUser ?? 0;
    const { sessions: open } = await deps.tokens.list({ provider, subject }, { cursor: null, limit: most });
    if (open.length >= most) return { problem: "too-many" };
    const token = personalTokenOf(Buffer.from(deps.random(32)).toString("base64url"));
    const record = await beginToken(deps, incoming, session, { token, name });
    deps.audit(tokenEvent(record, "made", { request: incoming.id, client: incoming.client }));
    return { name, token };
  } finally {
    await lease.release().catch(() => undefined);
  }
}

/** Something to tell it by; neither markup nor a terminal's control characters. */
const isName = (name: string) => name !== "" && name.length <= longestName && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name);

async function beginToken(
  deps: OwnTokenDeps,
  incoming: Incoming,
  session: Session,
  { token, name }: { readonly token: string; readonly name: string },
): Promise<Session> {
  const record = await deps.tokens.create({
    principal: withoutStrength(session.principal),
    ...{ providerSession: null, logoutHandle: null, tokens: null },
    // Where a provider can say without a refresh token whether an account still stands, the token is looked after as well.
    refreshAt: session.tokens === null ? session.refreshAt : null,
    endsAtLatest: deps.clock() + (deps.personalTokens?.lifetimeMs ?? 0),
    ...{ address: incoming.client, userAgent: incoming.userAgent },
    personalToken: { id: hash("sha256", token, "base64url"), name },
  });
  try {
    // What ended or changed the person a moment ago did not find this token yet.
    const now = await deps.sessions.find(session.id, { fresh: true });
    if (now === null) throw new GatewayError("login.stale", "the session ended while a token was made");
    if (now.principal !== session.principal)
      await deps.tokens.renew(record, { principal: withoutStrength(now.principal), tokens: null, refreshAt: record.refreshAt });
    return deps.directory === null ? record : await deps.directory.effects.settle(record);
  } catch (error) {
    await deps.tokens.end(record.key, "revoked");
    throw error;
  }
}

/** Ends one of `own`'s tokens; false for one that is not theirs, or has ended. */
export async function endToken(deps: OwnTokenDeps, incoming: Incoming, own: readonly Session[], handle: string): Promise<boolean> {
  const token = (await tokensOfAll(deps, own)).find((one) => one.handle === handle);
  if (token === undefined || !(await deps.tokens.end(handle, "logout"))) return false;
  const { id: request, client } = incoming;
  deps.audit(tokenEvent({ ...token, key: handle }, "ended", { request, client, why: "logout" }));
  return true;
}
