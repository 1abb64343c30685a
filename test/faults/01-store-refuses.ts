import { eventually } from "../support/eventually.ts";
import { byStatus, slowest, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";
import { sleep, timed } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the store refuses connections",
  run: async (trial) => {
    const graceMs = trial.pick(10_000, 2_000);
    const rig = await startFaultRig(trial, { sessions: `  whenStoreIsDown: { grace: ${graceMs}ms }` });
    const people = await rig.signIn(40);
    await Promise.all(people.flatMap((one) => [rig.get(one, { at: 0 }), rig.get(one, { at: 1 })]));
    const load = startLoad(trial.pick(200, 100), (count) => rig.get(people[count % 40] ?? null, { at: Math.floor(count / 40) % 2 }));
    await sleep(2_000);
    const refusedAt = performance.now();
    rig.proxy.set({ kind: "refuse" });
    await sleep(trial.pick(60_000, 5_000));
    rig.proxy.set({ kind: "pass" });
    const backAt = performance.now();
    const recovery = await timed(() =>
      eventually(async () => {
        const answers = await Promise.all(people.flatMap((one) => [rig.get(one, { at: 0 }), rig.get(one, { at: 1 })]));
        if (answers.some(({ status }) => status !== 200)) throw new Error(byStatus(answers));
      }),
    );
    await sleep(500);
    const all = await load.stop();
    const during = all.filter(({ at }) => at > refusedAt + 100 && at < backAt - 100);
    const inGrace = during.filter(({ at }) => at < refusedAt + graceMs - 1_500);
    const past = during.filter(({ at }) => at > refusedAt + graceMs + 1_500);
    const others = during.filter(({ status }) => status !== 200 && status !== 503);
    trial.hold("slowest answer, ms", slowest(all) <= 1_000 + trial.slackMs(), slowest(all), "≤ 1000");
    trial.hold("while the grace lasts", inGrace.length > 0 && inGrace.every(({ status }) => status === 200), byStatus(inGrace), "all 200");
    trial.hold("after the grace", past.length > 0 && past.every(({ status }) => status === 503), byStatus(past), "all 503");
    trial.hold("neither 200 nor 503 (logins, failures)", others.length === 0, byStatus(others), "none");
    const silent = during.filter(({ status, headers }) => status === 503 && headers["retry-after"] === undefined);
    trial.hold("503 without Retry-After", silent.length === 0, silent.length, "0");
    const cleared = during.filter(({ headers }) => headers["set-cookie"] !== undefined);
    trial.hold("answers that touch a cookie", cleared.length === 0, cleared.length, "0");
    trial.hold("recovery with the same cookies, ms", recovery.ms <= 2_000 + trial.slackMs(), recovery.ms, "≤ 2000");
    rig.verify();
  },
};
