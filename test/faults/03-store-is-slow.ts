import { byStatus, holdPace, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { type Scenario, sleep } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the store is 200 ms slower",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(20);
    const load = startLoad(trial.pick(200, 100), (count) => rig.get(people[count % 20] ?? null, { at: Math.floor(count / 20) % 2 }));
    await sleep(2_000);
    const warmAt = performance.now();
    await sleep(trial.pick(20_000, 4_000));
    const slowAt = performance.now();
    // Half on the way there, half on the way back.
    rig.proxy.set({ kind: "delay", ms: 100 });
    await sleep(trial.pick(20_000, 5_000));
    const all = await load.stop();
    const base = all.filter(({ at }) => at > warmAt && at < slowAt);
    const slow = all.filter(({ at }) => at > slowAt);
    const failed = all.filter(({ status }) => status !== 200);
    trial.hold("failures", failed.length === 0, byStatus(failed), "none");
    holdPace(trial, "warm sessions", slow, base, 1);
    rig.verify();
  },
};
