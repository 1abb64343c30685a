import { startBalancer } from "../support/balancer.ts";
import { ask, keepAlive } from "./ask.ts";
import { byStatus, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a rolling restart behind a balancer",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { direct: true });
    const balancer = await startBalancer(rig.instances);
    trial.later(() => balancer.close());
    const people = await rig.signIn(30);
    // Kept connections: opening 500 a second is more than this process can do beside balancing them, and its own queue would overflow.
    const agent = keepAlive();
    trial.later(() => agent.destroy());
    const load = startLoad(trial.pick(500, 100), (count) =>
      ask({ port: balancer.port, host: rig.host, agent, headers: { cookie: people[count % 30]?.cookie ?? "" } }),
    );
    await load.answered(100);
    for (let round = 0; round < trial.pick(5, 1); round += 1) {
      for (const at of [0, 1]) {
        const instance = rig.instances[at];
        if (instance === undefined) throw new Error("no instance");
        instance.process.signal("SIGTERM");
        const code = await instance.process.exited;
        if (code !== 0) trial.hold("exit code", false, String(code), "0");
        await rig.start(at);
        await load.answered(100);
      }
    }
    const all = await load.stop();
    trial.hold(
      "requests",
      all.every(({ status }) => status === 200),
      byStatus(all),
      "0 failed",
    );
    await rig.verify();
  },
};
