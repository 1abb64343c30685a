import { byStatus } from "./load.ts";
import { holdRecovery, startVisits } from "./outage.ts";
import { atRedis, startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the store pauses, as hosted upgrades do",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(20);
    await rig.warm(people);
    for (const mode of ["WRITE", "ALL"]) {
      const load = startVisits(rig, people, 100);
      await load.answered(100);
      const began = performance.now();
      await atRedis(rig.redis, (client) => client.call("CLIENT", "PAUSE", "4000", mode));
      await letPass(4_000);
      const pausedUntil = performance.now();
      await letPass(2_500);
      const during = load.replies.filter(({ at }) => at > began && at < pausedUntil + 2_000);
      const failed = during.filter(({ status }) => status !== 200);
      trial.hold(
        `answers while ${mode} is paused, and as it comes back`,
        failed.length === 0,
        byStatus(during),
        "all 200: within the grace",
      );
      await holdRecovery(trial, rig, people, load);
      await load.stop();
    }
    await rig.verify();
  },
};
