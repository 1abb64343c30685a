import type { Tokens } from "../core/session.ts";
import type { OidcContext } from "./oidc-context.ts";

/** What a token endpoint answered, as far as it is used. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: string;
  readonly id_token?: string;
  readonly refresh_token?: string;
  readonly expires_in?: number;
}

const longestPauseMs = 60 * 60 * 1000;
const unknownLifetimeMs = 5 * 60 * 1000;

/** The tokens to keep: new ones over old ones. Providers that do not rotate (LemonLDAP::NG) send no refresh token again: the old one stays. */
export function keptTokens({ clock }: OidcContext, answer: TokenAnswer, idToken: string | null, previous: Tokens | null = null): Tokens {
  return {
    idToken: idToken ?? previous?.idToken ?? null,
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token ?? previous?.refreshToken ?? null,
    accessTokenExpiresAt: answer.expires_in === undefined ? null : clock() + answer.expires_in * 1000,
  };
}

/**
 * When to ask again: shortly before the access token ends, and at least every hour, so that a group taken away is gone by then even
 * where access tokens live for days. Null without a refresh token, or when refreshing is switched off.
 */
export function nextRefresh({ oidc, clock }: OidcContext, answer: TokenAnswer, tokens: Tokens): number | null {
  if (!oidc.refresh || tokens.refreshToken === null) return null;
  const lifetimeMs = answer.expires_in === undefined ? unknownLifetimeMs : answer.expires_in * 1000;
  const marginMs = Math.min(30_000, lifetimeMs / 5);
  return clock() + Math.min(Math.max(lifetimeMs - marginMs, 1_000), longestPauseMs);
}
