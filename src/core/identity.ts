import type { Principal } from "./principal.ts";
import type { Session } from "./session.ts";

/** Known by a bearer token: there is no session to log out or to refresh. */
export interface TokenCaller {
  readonly kind: "known";
  readonly principal: Principal;
  readonly session: null;
  readonly via: "bearer";
  /** From then on the token is refused. */
  readonly expiresAt: number;
}

/** What is known of one request's caller. */
export type Identity =
  | { readonly kind: "anonymous" }
  | { readonly kind: "known"; readonly principal: Principal; readonly session: Session | null; readonly via: "session" }
  | TokenCaller
  /** A credential was presented and is no good: never treated as if none had been. */
  | { readonly kind: "rejected"; readonly scheme: "bearer"; readonly why: string };

/** A caller somebody vouched for. */
export type Known = Identity & { readonly kind: "known" };
