import type { NewSession } from "../../src/core/ports/session-store.ts";
import { makeSecret } from "../../src/core/secret.ts";
import type { Principal, Tokens } from "../../src/core/session.ts";
import type { RedisSettings, SessionSettings } from "../../src/core/settings.ts";
import { aPrincipal } from "./policy-builders.ts";

export const someTokens: Tokens = {
  idToken: "id-token-text",
  accessToken: "access-token-text",
  refreshToken: "refresh-token-text",
  accessTokenExpiresAt: null,
};

/** What a login brings; `principal` may be given in part. */
export function aNewSession(change: Partial<Omit<NewSession, "principal">> & { readonly principal?: Partial<Principal> } = {}): NewSession {
  return {
    providerSession: null,
    logoutHandle: null,
    tokens: someTokens,
    refreshAt: null,
    endsAtLatest: null,
    ...change,
    principal: aPrincipal(change.principal),
  };
}

export function sessionSettings(change: Partial<SessionSettings> = {}): SessionSettings {
  return {
    store: { kind: "memory" },
    secrets: [makeSecret("the secret of these tests, long enough")],
    idleMs: 30 * 60_000,
    lifetimeMs: 12 * 60 * 60_000,
    perUser: 20,
    graceMs: 10_000,
    cookieName: "vestibule",
    ...change,
  };
}

export function redisAt(url: string, change: Partial<RedisSettings> = {}): SessionSettings["store"] {
  return {
    kind: "redis",
    target: { kind: "single", url: makeSecret(url) },
    username: null,
    password: null,
    tls: null,
    keyPrefix: "vestibule:",
    ...change,
  };
}
