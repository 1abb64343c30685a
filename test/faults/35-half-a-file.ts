import { eventually } from "../support/eventually.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the configuration is written in two halves, of which the first is valid and wider",
  run: async (trial) => {
    const narrow = "    access:\n      - deny: { groups: [interns] }\n      - allow: { groups: [staff] }";
    const rig = await startFaultRig(trial, { instances: 1, workers: 2 });
    const [intern] = await rig.signIn(1, { principal: { groups: { kind: "known", names: ["staff", "interns"] } } });
    if (intern === undefined) throw new Error("nobody signed in");
    const gateway = rig.instances[0]?.process;
    if (gateway === undefined) throw new Error("no instance");
    const applied = () => gateway.logged((line) => line.audit === "reload" && line.outcome === "applied").length;
    const whole = rig.yaml(0).replace("    access:\n      - allow: { groups: [staff] }", narrow);
    await gateway.rewriteConfig(whole);
    await eventually(
      () => {
        if (applied() < 1) throw new Error("not applied yet");
      },
      { timeoutMs: 20_000 },
    );
    let wider = 0;
    for (let round = 0; round < trial.pick(10, 3); round += 1) {
      // What an editor has written so far is a valid file that lets everyone with a session in.
      await gateway.rewriteConfig(rig.yaml(0).replace("- allow: { groups: [staff] }", "- allow: { anyone: true }"));
      for (let look = 0; look < 9; look += 1) {
        if ((await rig.get(intern)).status === 200) wider += 1;
        await letPass(100);
      }
      await gateway.rewriteConfig(`${whole}# ${round}\n`);
      const before = applied();
      await eventually(
        () => {
          if (applied() <= before) throw new Error("not applied yet");
        },
        { timeoutMs: 20_000 },
      );
    }
    trial.hold("requests that the half file let in", wider === 0, wider, "0");
    const refused = await rig.get(intern);
    trial.hold("the whole file is in force", refused.status === 403, refused.status, "403");
    await rig.verify();
  },
};
