import { eventually } from "../support/eventually.ts";
import { byStatus, p99, percentile, slowest, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { type Scenario, sleep, timed } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the store accepts and never answers",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { sessions: "  whenStoreIsDown: { grace: 1s }" });
    const people = await rig.signIn(40);
    await Promise.all(people.flatMap((one) => [rig.get(one, { at: 0 }), rig.get(one, { at: 1 })]));
    const load = startLoad(trial.pick(200, 100), (count) => rig.get(people[count % 40] ?? null, { at: Math.floor(count / 40) % 2 }));
    await sleep(2_000);
    const base = p99([...load.replies]);
    const silentAt = performance.now();
    rig.proxy.set({ kind: "black-hole" });
    await sleep(trial.pick(60_000, 6_000));
    const backAt = performance.now();
    rig.proxy.set({ kind: "pass" });
    const recovery = await timed(() =>
      eventually(async () => {
        const answers = await Promise.all(people.flatMap((one) => [rig.get(one, { at: 0 }), rig.get(one, { at: 1 })]));
        if (answers.some(({ status }) => status !== 200)) throw new Error(byStatus(answers));
      }),
    );
    const all = await load.stop();
    const during = all.filter(({ at }) => at > silentAt && at < backAt - 100);
    const broken = during.filter(({ at }) => at > silentAt + 3_000);
    const refused = broken.filter(({ status }) => status === 503);
    const others = during.filter(({ status }) => status !== 200 && status !== 503);
    trial.hold(
      "longest wait for the store, ms",
      slowest(during) <= 600 + base + trial.slackMs(),
      slowest(during),
      "≤ 500, and what B takes",
    );
    trial.hold(
      "p90 with the breaker open, ms",
      percentile(refused, 0.9) < 50 + base,
      percentile(refused, 0.9),
      `< 50, B ${base.toFixed(1)}`,
    );
    trial.hold("with the breaker open", refused.length === broken.length && broken.length > 0, byStatus(broken), "all 503");
    trial.hold("neither 200 nor 503", others.length === 0, byStatus(others), "none");
    trial.hold("recovery with the same cookies, ms", recovery.ms <= 2_500 + trial.slackMs(), recovery.ms, "≤ 2000 and one probe");
    rig.verify();
  },
};
