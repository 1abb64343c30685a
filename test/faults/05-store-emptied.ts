import { byStatus } from "./load.ts";
import { startVisits } from "./outage.ts";
import { atRedis, startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the store is emptied",
  run: async (trial) => {
    // The provider knows one person only.
    const rig = await startFaultRig(trial, { sessions: "  perUser: 200" });
    const people = await rig.signIn(40);
    const visitors = Array.from({ length: trial.pick(50, 10) }, () => rig.visitor());
    for (const visitor of visitors) await visitor.browse(`${rig.origin}/`);
    await rig.warm(people);
    const before = await rig.getAll(people);
    trial.hold(
      "before",
      before.every(({ status }) => status === 200),
      byStatus(before),
      "all 200",
    );
    const load = startVisits(rig, people, 100);
    await atRedis(rig.redis, (client) => client.flushall());
    const emptiedAt = performance.now();
    await letPass(1_000);
    const after = await rig.getAll(people);
    trial.hold(
      "scripts a second later",
      after.every(({ status }) => status === 401),
      byStatus(after),
      "all 401",
    );
    const pages = await Promise.all(visitors.map((visitor) => visitor.browse(`${rig.origin}/page`)));
    trial.hold(
      "pages after logging in again",
      pages.every(({ status }) => status === 200),
      byStatus(pages.map(({ status }) => ({ status, error: null }))),
      "all 200",
    );
    const hops = Math.max(...visitors.map(({ trail }) => trail.length));
    trial.hold("addresses visited on the way", hops <= 9, hops, "≤ 9, no loop");
    const all = await load.stop();
    const failed = all.filter(({ status }) => status === 0 || status >= 500);
    trial.hold("5xx and failures under way", failed.length === 0, byStatus(failed), "none");
    const late = all.filter(({ at, status }) => at > emptiedAt + 1_000 + trial.slackMs() && status === 200);
    trial.hold("let in without a session, later than a second", late.length === 0, late.length, "none");
    await rig.verify();
  },
};
