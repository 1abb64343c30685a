import { byStatus } from "./load.ts";
import { isAlive, processesOf } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "standard output goes to a full disk",
  run: async (trial) => {
    // Every write to /dev/full fails as on a file system without room.
    const rig = await startFaultRig(trial, { instances: 2, output: "/dev/full" });
    const people = await rig.signIn(trial.pick(40, 8));
    const before = rig.instances.flatMap(({ process }) => processesOf(process.pid));
    for (let round = 0; round < trial.pick(20, 5); round += 1) {
      const answers = await rig.getAll(people);
      const strangers = await Promise.all([0, 1].map((at) => rig.get(null, { at, path: "/healthz" })));
      const all = [...answers, ...strangers];
      const failed = all.filter(({ status }) => status !== 200);
      if (failed.length > 0) trial.hold("answers", false, byStatus(failed), "all 200");
    }
    trial.hold("answers of people and strangers", true, "all 200", "all 200");
    const dead = before.filter((pid) => !isAlive(pid));
    trial.hold("processes that ended", dead.length === 0, dead.length, "none");
    for (const at of [0, 1]) {
      const { body } = await rig.admin("/metrics", at);
      const dropped = [...body.matchAll(/^vestibule_log_lines_dropped_total(?:\{[^}]*\})? (\d+)/gm)].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      );
      trial.hold(`lines lost and counted, instance ${at}`, dropped > people.length, dropped, `> ${people.length}`);
    }
  },
};
