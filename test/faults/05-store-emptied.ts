import { newVisitor } from "../support/visitor.ts";
import { byStatus } from "./load.ts";
import { atRedis, startFaultRig } from "./rig.ts";
import { type Scenario, sleep } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the store is emptied",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(40);
    const visitors = Array.from({ length: trial.pick(50, 10) }, () => newVisitor());
    for (const visitor of visitors) await visitor.browse(`${rig.origin}/`);
    const ask = () => Promise.all(people.flatMap((one) => [rig.get(one, { at: 0 }), rig.get(one, { at: 1 })]));
    const before = await ask();
    trial.hold(
      "before",
      before.every(({ status }) => status === 200),
      byStatus(before),
      "all 200",
    );
    await atRedis(rig.redis, (client) => client.flushall());
    await sleep(1_000);
    const after = await ask();
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
    trial.hold("addresses visited on the way", hops <= 7, hops, "≤ 7, no loop");
    rig.verify();
  },
};
