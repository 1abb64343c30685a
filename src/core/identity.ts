import type { Principal } from "./principal.ts";
import type { Session } from "./session.ts";

/** What is known of one request's caller. */
export type Identity =
  | { readonly kind: "anonymous" }
  /** `session` is null for a bearer token: nothing to log out, nothing to refresh. */
  | { readonly kind: "known"; readonly principal: Principal; readonly session: Session | null; readonly via: "session" | "bearer" }
  /** A credential was presented and is no good: never treated as if none had been. */
  | { readonly kind: "rejected"; readonly scheme: "bearer"; readonly why: string };
