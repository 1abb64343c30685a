import { byStatus } from "./load.ts";
import { startVisits } from "./outage.ts";
import { atRedis, startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

const oldestMs = 60_000;

export const scenario: Scenario = {
  title: "the store's content is exchanged without a word (SWAPDB)",
  shortLimitMs: 180_000,
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(8);
    await rig.warm(people);
    const load = startVisits(rig, people, 50);
    await load.answered(25);
    await atRedis(rig.redis, (client) => client.call("SWAPDB", "0", "1"));
    const swappedAt = performance.now();
    await letPass(oldestMs + 3_000);
    const all = await load.stop();
    const late = all.filter(({ at, status }) => at > swappedAt + oldestMs + trial.slackMs() && status === 200);
    trial.hold("let in later than a minute", late.length === 0, late.length, "none");
    const failed = all.filter(({ status }) => status === 0 || status >= 500);
    trial.hold("5xx and failures", failed.length === 0, byStatus(failed), "none");
    await rig.verify();
  },
};
