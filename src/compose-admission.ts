import type { LimitSettings } from "./core/settings.ts";
import { type Admission, createAdmission } from "./gateway/admission.ts";

/** Admission by this thread's own clocks and turns. */
export function composeAdmission(limits: LimitSettings): Admission {
  return createAdmission({ limits, monotonic: () => performance.now(), cpuMs: threadCpuMs, afterTurn: setImmediate });
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
