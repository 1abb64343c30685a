import { byStatus, slowest } from "./load.ts";
import { holdPatience, holdRecovery, startVisits } from "./outage.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the store refuses connections",
  run: async (trial) => {
    const graceMs = trial.pick(10_000, 2_000);
    const rig = await startFaultRig(trial, { sessions: `  whenStoreIsDown: { grace: ${graceMs}ms }` });
    const people = await rig.signIn(40);
    await rig.warm(people);
    const load = startVisits(rig, people, trial.pick(200, 100));
    await load.answered(200);
    const refusedAt = performance.now();
    rig.proxy.set({ kind: "refuse" });
    await letPass(trial.pick(60_000, 5_000));
    const backAt = performance.now();
    rig.proxy.set({ kind: "pass" });
    await holdRecovery(trial, rig, people, load);
    const resetAt = performance.now();
    const resets = setInterval(() => rig.proxy.cut(), 100);
    trial.later(() => clearInterval(resets));
    await letPass(trial.pick(15_000, 2_000));
    clearInterval(resets);
    const resetUntil = performance.now();
    await holdRecovery(trial, rig, people, load);
    const all = await load.stop();
    const during = all.filter(({ at }) => at > refusedAt + 100 && at < backAt - 100);
    const inGrace = during.filter(({ at }) => at < refusedAt + graceMs - 1_500);
    const past = during.filter(({ at }) => at > refusedAt + graceMs + 1_500);
    trial.hold("slowest answer, ms", slowest(all) <= 1_000 + trial.slackMs(), slowest(all), "≤ 1000");
    trial.hold("while the grace lasts", inGrace.length > 0 && inGrace.every(({ status }) => status === 200), byStatus(inGrace), "all 200");
    trial.hold("after the grace", past.length > 0 && past.every(({ status }) => status === 503), byStatus(past), "all 503");
    holdPatience(trial, during);
    trial.say("connections that are reset all the time:");
    holdPatience(
      trial,
      all.filter(({ at }) => at > resetAt && at < resetUntil),
    );
    await rig.verify();
  },
};
