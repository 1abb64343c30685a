import type { Fault } from "../support/fault-pipe.ts";
import { byStatus, holdPace } from "./load.ts";
import { startVisits } from "./outage.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

const faults: readonly { readonly when: string; readonly fault: Fault }[] = [
  // Half on the way there, half on the way back.
  { when: "200 ms later", fault: { kind: "delay", ms: 100 } },
  // A session of a kilobyte takes a tenth of a second then; what each process must know all the time is less than a third of it.
  { when: "8 KB a second", fault: { kind: "throttle", bytesPerSecond: 8_000 } },
];

export const scenario: Scenario = {
  title: "the store is 200 ms slower, or gets through a few bytes at a time",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(20);
    await rig.warm(people);
    const load = startVisits(rig, people, trial.pick(200, 100));
    await load.answered(200);
    const warmAt = performance.now();
    await letPass(trial.pick(20_000, 4_000));
    const baseUntil = performance.now();
    const base = load.replies.filter(({ at }) => at > warmAt && at < baseUntil);
    for (const { when, fault } of faults) {
      const slowAt = performance.now();
      rig.proxy.set(fault);
      await letPass(trial.pick(20_000, 4_000));
      const slow = load.replies.filter(({ at }) => at > slowAt);
      const cold = await rig.getAll((await rig.signIn(1)) ?? []);
      rig.proxy.set({ kind: "pass" });
      const failed = [...slow, ...cold].filter(({ status }) => status !== 200);
      trial.hold(`failures, ${when}`, failed.length === 0, byStatus(failed), "none");
      holdPace(trial, `warm sessions, ${when}`, slow, base, 1);
      await letPass(500);
    }
    const all = await load.stop();
    const failed = all.filter(({ status }) => status !== 200);
    trial.hold("failures in all", failed.length === 0, byStatus(failed), "none");
    await rig.verify();
  },
};
