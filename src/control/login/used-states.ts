import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { loginLimitMs } from "./wish.ts";

/**
 * Makes each `state` good for one exchange in this process, before the provider is asked: a code sent twice makes providers
 * revoke what they gave for it the first time. Across processes the store decides, after the answer was verified.
 */
export interface UsedStates {
  /** True the first time only. */
  use(state: string): boolean;
}

const maxRemembered = 20_000;

export function createUsedStates(clock: Clock): UsedStates {
  /** In order of use, so the first is always the oldest. */
  const until = new Map<string, number>();
  return {
    use: (state) => {
      const now = clock();
      for (const [known, end] of until) {
        if (end > now && until.size < maxRemembered) break;
        until.delete(known);
      }
      const name = createHash("sha256").update(state).digest("base64url");
      if (until.has(name)) return false;
      until.set(name, now + loginLimitMs);
      return true;
    },
  };
}
