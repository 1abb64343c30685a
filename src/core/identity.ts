import type { Principal, Session } from "./session.ts";

/** Known by a bearer token: there is no session to log out or to refresh. */
export interface TokenCaller {
  readonly kind: "known";
  readonly principal: Principal;
  readonly session: null;
  readonly via: "bearer";
  /** From then on the token is refused. */
  readonly expiresAt: number;
}

/** Known by a personal token: its record stands where a session would. There is nothing to log out, and no browser behind it. */
export interface PersonalTokenCaller {
  readonly kind: "known";
  readonly principal: Principal;
  readonly session: Session;
  readonly via: "token";
}

/** What is known of one request's caller. */
export type Identity =
  | { readonly kind: "anonymous" }
  | { readonly kind: "known"; readonly principal: Principal; readonly session: Session | null; readonly via: "session" }
  | TokenCaller
  | PersonalTokenCaller
  /** A credential was presented and is no good: never treated as if none had been. */
  | { readonly kind: "rejected"; readonly scheme: "bearer"; readonly why: string };

/** A caller that a provider, a key or a token vouched for. */
export type Known = Identity & { readonly kind: "known" };

/** Whom a session, or the record of a personal token, makes known. */
export function knownBy(session: Session): Known {
  const { principal } = session;
  return session.token === undefined
    ? { kind: "known", principal, session, via: "session" }
    : { kind: "known", principal, session, via: "token" };
}
