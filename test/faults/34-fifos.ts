import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { byStatus } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a pipe stands where the configuration, or a secret, should be",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(10);
    await rig.warm(people);
    const gateway = rig.instances[0]?.process;
    if (gateway === undefined) throw new Error("no instance");
    const rejected = () => gateway.logged((line) => line.audit === "reload" && line.outcome === "rejected").length;
    const folder = dirname(gateway.configFile);
    const secretPipe = join(folder, "secret");
    execFileSync("mkfifo", [secretPipe]);
    const replaceByPipe = () => {
      rmSync(gateway.configFile);
      execFileSync("mkfifo", [gateway.configFile]);
    };
    const referToPipe = async () => {
      rmSync(gateway.configFile, { force: true });
      await writeFile(gateway.configFile, rig.yaml(0).replace("{ env: CLIENT_SECRET }", `{ file: ${secretPipe} }`));
    };
    for (const [what, act] of [
      ["the configuration", replaceByPipe],
      ["a secret", referToPipe],
    ] as const) {
      const before = rejected();
      await act();
      gateway.signal("SIGHUP");
      await eventually(
        () => {
          if (rejected() <= before) throw new Error("not rejected yet");
        },
        { timeoutMs: 20_000 },
      );
      const answers = await rig.getAll(people);
      trial.hold(
        `${what} is a pipe: requests`,
        answers.every(({ status }) => status === 200),
        byStatus(answers),
        "all 200",
      );
      const health = await rig.admin("/readyz");
      trial.hold(`${what} is a pipe: readiness`, health.status === 200, health.status, "200");
    }
    const named = gateway.lines.some((line) => line.includes("not a regular file"));
    trial.hold("the log says what it is", named, String(named), "true");
    rmSync(gateway.configFile, { force: true });
    await writeFile(gateway.configFile, rig.yaml(0));
    gateway.signal("SIGHUP");
    await eventually(
      () => {
        if (gateway.logged((line) => line.audit === "reload" && line.outcome === "applied").length === 0)
          throw new Error("not applied yet");
      },
      { timeoutMs: 20_000 },
    );
    trial.hold("a file again is taken up", true, "yes", "yes");
    await rig.verify();
  },
};
