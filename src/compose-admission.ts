import type { LimitSettings } from "./core/settings.ts";
import { type Admission, createAdmission } from "./gateway/admission.ts";

/** Admission by this process's own clock and event loop. */
export function composeAdmission(limits: LimitSettings): Admission {
  return createAdmission({ limits, monotonic: () => performance.now(), afterTurn: setImmediate });
}
