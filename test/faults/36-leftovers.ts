import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { ownedFolder } from "../support/owned.ts";
import { isAlive, workersOf } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "what kill -9 leaves behind is removed by the next start",
  run: async (trial) => {
    const temporary = ownedFolder("vestibule-leftovers-");
    trial.later(() => rmSync(temporary, { recursive: true, force: true }));
    const rig = await startFaultRig(trial, { instances: 1, workers: 2, env: { TMPDIR: temporary } });
    const gateway = rig.instances[0]?.process;
    if (gateway === undefined) throw new Error("no instance");
    const workers = workersOf(gateway.pid);
    gateway.signal("SIGKILL");
    await gateway.exited;
    await eventually(() => {
      if (workers.some(isAlive)) throw new Error("workers live on");
    });
    const left = readdirSync(temporary);
    trial.hold("left behind by kill -9", left.length === 1, left.length, "1: the folder of compiled code");
    // Another program's, and one of a process that lives: neither is ours to remove.
    mkdirSync(join(temporary, "vestibule-notes"));
    mkdirSync(join(temporary, `vestibule-${process.pid}-live`));
    writeFileSync(join(temporary, `vestibule-${process.pid}-live`, "x"), "");
    await rig.start(0);
    const now = readdirSync(temporary);
    trial.hold("still there after the next start", !now.includes(left[0] ?? ""), now.join(), "not the dead one's");
    const others = ["vestibule-notes", `vestibule-${process.pid}-live`].every((name) => now.includes(name));
    trial.hold("others' folders", others, String(others), "untouched");
  },
};
