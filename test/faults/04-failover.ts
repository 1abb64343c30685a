import { eventually } from "../support/eventually.ts";
import { downAfterMs, startRedisSentinels } from "../support/redis-sentinel.ts";
import { byStatus, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a Sentinel failover under load, logins and logouts",
  run: async (trial) => {
    const sentinels = await startRedisSentinels();
    trial.later(() => sentinels.stop());
    const listed = sentinels.addresses.map(({ host, port }) => `"${host}:${port}"`).join(", ");
    const rig = await startFaultRig(trial, {
      store: `{ redis: { sentinels: [${listed}], name: ${sentinels.name} } }`,
      target: { kind: "sentinel", sentinels: sentinels.addresses, name: sentinels.name },
    });
    const rounds = trial.pick(5, 1);
    for (let round = 1; round <= rounds; round += 1) {
      const people = await rig.signIn(30);
      const leaving = await rig.signIn(20, { principal: { subject: `leaving-${round}` } });
      const load = startLoad(100, (count) => rig.get(people[count % 30] ?? null, { at: count % 2 }));
      await load.answered(100);
      const ended: typeof leaving = [];
      const primary = await sentinels.primary();
      const killedAt = performance.now();
      // Logouts go on until the very moment, and after it: whatever was acknowledged must stay.
      const logouts = leaving.map(async (one, at) => {
        await letPass(at * 20);
        const answer = await rig.get(one, { at: at % 2, path: "/_vestibule/logout", headers: { "sec-fetch-site": "same-origin" } });
        if (answer.status > 0 && answer.status < 400) ended.push(one);
      });
      await eventually(() => {
        if (ended.length === 0) throw new Error("no logout was acknowledged yet");
      });
      await primary.kill();
      await Promise.all(logouts);
      await eventually(
        async () => {
          const page = await rig.visitor().browse(`${rig.origin}/`);
          if (page.status !== 200) throw new Error(String(page.status));
        },
        { timeoutMs: 30_000, everyMs: 100 },
      );
      const resumed = performance.now() - killedAt;
      trial.hold(`logins again after, ms (${round})`, resumed <= downAfterMs + 5_000 + trial.slackMs(), resumed, `≤ ${downAfterMs} + 5000`);
      await letPass(1_000);
      const back = await Promise.all(ended.flatMap((one) => [rig.get(one, { at: 0 }), rig.get(one, { at: 1 })]));
      trial.hold(
        `acknowledged logouts (${round})`,
        ended.length > 0 && back.every(({ status }) => status === 401),
        `${ended.length}: ${byStatus(back)}`,
        "refused: all 401",
      );
      const all = await load.stop();
      const others = all.filter(({ status }) => status !== 200 && status !== 503);
      trial.hold(`neither 200 nor 503 (${round})`, others.length === 0, `${byStatus(others)}; all: ${byStatus(all)}`, "none");
      await primary.restart();
      await eventually(
        async () => {
          if (!(await sentinels.replicas()).includes(primary)) throw new Error("it is the primary still");
        },
        { timeoutMs: 30_000, everyMs: 100 },
      );
    }
    await rig.verify();
  },
};
