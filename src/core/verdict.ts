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
