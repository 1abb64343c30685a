import { byStatus, type Load, p99, percentile, slowest } from "./load.ts";
import { holdPatience, holdRecovery, startVisits } from "./outage.ts";
import { type FaultRig, type SignedIn, startFaultRig } from "./rig.ts";
import { letPass, type Scenario, type Trial } from "./scenario.ts";

/** By then five commands have failed in each process. */
const openAfterMs = 3_000;

export const scenario: Scenario = {
  title: "the store accepts and never answers, or breaks off in the middle",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { sessions: "  whenStoreIsDown: { grace: 1s }" });
    const people = await rig.signIn(40);
    await rig.warm(people);
    const load = startVisits(rig, people, trial.pick(200, 100));
    await load.answered(200);
    const base = p99([...load.replies]);
    const silentAt = performance.now();
    rig.proxy.set({ kind: "black-hole" });
    await letPass(openAfterMs);
    const sent = rig.proxy.bytesFromClients;
    await letPass(trial.pick(60_000, 6_000) - openAfterMs);
    const perSecond = (1_000 * (rig.proxy.bytesFromClients - sent)) / (performance.now() - silentAt - openAfterMs);
    const backAt = performance.now();
    rig.proxy.set({ kind: "pass" });
    await holdRecovery(trial, rig, people, load);
    const during = load.replies.filter(({ at }) => at > silentAt && at < backAt - 100);
    const broken = during.filter(({ at }) => at > silentAt + openAfterMs);
    const share = trial.short ? 0.9 : 0.99;
    const wait = slowest(during);
    trial.hold("longest wait for the store, ms", wait <= 500 + base + trial.slackMs(), wait, `≤ 500, and what B takes, ${base.toFixed(1)}`);
    const quick = percentile(broken, share);
    trial.hold(`with the breaker open, p${share * 100} in ms`, quick < 50, quick, `< 50, B ${base.toFixed(1)}`);
    trial.hold(
      "with the breaker open",
      broken.length > 0 && broken.every(({ status }) => status === 503),
      byStatus(broken),
      "all 503: no command waits any more",
    );
    trial.hold(
      "bytes a second sent to it meanwhile",
      perSecond < 2_000,
      perSecond,
      "< 2000: probes of four processes, no commands of visitors",
    );
    holdPatience(trial, during);
    // In the greeting of a new connection; in the head of an answer; in the middle of a session.
    for (const afterBytes of [3, 60, 300]) await breakOff(trial, rig, load, people, afterBytes);
    await load.stop();
    await rig.verify();
  },
};

/** Sessions that no process knows yet: half an answer must be no session, no absence of one, and nobody else's. */
async function breakOff(trial: Trial, rig: FaultRig, load: Load, people: readonly SignedIn[], afterBytes: number): Promise<void> {
  trial.say(`answers that end after ${afterBytes} bytes:`);
  const cold = await rig.signIn(20);
  const from = performance.now();
  rig.proxy.set({ kind: "truncate", afterBytes });
  const replies = await rig.getAll(cold);
  await letPass(trial.pick(5_000, 500));
  replies.push(...(await rig.getAll(cold)));
  const until = performance.now();
  rig.proxy.set({ kind: "pass" });
  trial.hold(
    "sessions that had to be read",
    replies.every(({ status }) => status === 503),
    byStatus(replies),
    "all 503",
  );
  await holdRecovery(trial, rig, [...people, ...cold], load);
  holdPatience(
    trial,
    load.replies.filter(({ at }) => at > from && at < until),
  );
}
