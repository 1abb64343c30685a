import type { Decision } from "../core/decision.ts";
import type { DecidedExplanation } from "./explanation.ts";

/** The four answers that `tests:` can expect; a 401 is a login for whoever cannot be redirected. */
export function outcomeOf(decision: Decision): DecidedExplanation["outcome"] {
  return decision.kind === "challenge" ? "login" : decision.kind;
}

/** A decision in words. */
export function spellDecision(decision: Decision): Pick<DecidedExplanation, "decision" | "why" | "shadow"> {
  switch (decision.kind) {
    case "allow":
      return {
        decision: "allow",
        why: `allowed by ${decision.rule}`,
        shadow: decision.shadow === null ? null : `${decision.shadow.reason}: ${decision.shadow.why}`,
      };
    case "pass":
      return {
        decision: "pass",
        why: decision.identity === null ? "no identity is needed and none is sent" : "no login is needed",
        shadow: null,
      };
    case "login":
    case "challenge":
      return { decision: decision.kind === "login" ? "login" : "401", why: spellCause(decision.because, decision.acr), shadow: null };
    case "refuse": {
      const { reason, rule, why } = decision.refusal;
      return { decision: "refuse", why: `${reason}${rule === null ? "" : ` by ${rule}`}: ${why}`, shadow: null };
    }
  }
}

const causes = {
  "no-session": "nobody is signed in",
  "other-provider": "the app does not accept this provider",
  "step-up": "a stronger login is needed",
  "credential-rejected": "the credential is no good",
} as const;

function spellCause(because: keyof typeof causes, acr: readonly string[]): string {
  return acr.length === 0 ? causes[because] : `${causes[because]}: acr ${acr.join(" or ")}`;
}
