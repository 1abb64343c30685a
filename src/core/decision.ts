import type { Known } from "./identity.ts";
import type { Principal } from "./session.ts";

/** What the gateway does with one request. Nothing here can mean "allowed" by being absent. */
export type Decision =
  /** Forward with this identity. `shadow` holds what enforcement would have refused (`enforce: false`). */
  | { readonly kind: "allow"; readonly identity: Known; readonly rule: string; readonly shadow: Refusal | null }
  /** A public or optional route: forwarded, with the identity only where the route is optional and one is known. */
  | { readonly kind: "pass"; readonly identity: Known | null }
  /** Send the browser to a login; with `acr` when a stronger one is needed. */
  | { readonly kind: "login"; readonly because: "no-session" | "other-provider" | "step-up"; readonly acr: readonly string[] }
  /** 401 for a caller that cannot be redirected; same causes. */
  | {
      readonly kind: "challenge";
      readonly because: "no-session" | "other-provider" | "step-up" | "credential-rejected";
      readonly acr: readonly string[];
      /** The credentials that would be taken here, besides a session. */
      readonly schemes: readonly AuthenticationScheme[];
    }
  | { readonly kind: "refuse"; readonly refusal: Refusal; readonly principal: Principal | null };

/** A way to prove who calls in the request itself (RFC 9110 11.6). */
export type AuthenticationScheme = "bearer" | "basic";

export interface Refusal {
  readonly reason: RefusalReason;
  /** The rule that decided, null when none matched. */
  readonly rule: string | null;
  /** For operators and the refusal page's "reason in words". */
  readonly why: string;
}

/** How one rule answered. "unknown" means the fact was not recorded; it never allows and always denies. */
export interface RuleTrace {
  readonly origin: string;
  readonly effect: "allow" | "deny";
  readonly result: "hit" | "miss" | "unknown" | "not-reached";
  /** In words, for `explain` and the audit line: `groups: has staff, wanted admins`. */
  readonly why: string;
}

/** What an access list says of one known identity. */
export type Verdict =
  | { readonly kind: "allow"; readonly rule: string }
  | { readonly kind: "refuse"; readonly reason: RefusalReason; readonly rule: string | null; readonly why: string }
  /** Some allow rule would hit after a login of this strength (any of these acr values). */
  | { readonly kind: "step-up"; readonly acr: readonly string[]; readonly rule: string };

export type RefusalReason =
  | "denied-by-rule"
  | "no-rule-matched"
  | "membership-unknown"
  | "credential-rejected"
  | "websocket-not-allowed"
  | "origin-not-allowed"
  | "identity-unfit-for-header";
