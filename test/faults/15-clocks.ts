import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "clocks that differ, and one that jumps back",
  run: async (trial) => {
    const folder = await mkdtemp(join(tmpdir(), "vestibule-clock-"));
    trial.later(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "offset");
    await writeFile(file, "0");
    const preload = new URL("shifted-clock.mjs", import.meta.url).href;
    const rig = await startFaultRig(trial, {
      sessions: "  idle: 5s\n  lifetime: 8s",
      env: { NODE_OPTIONS: `--import=${preload}`, CLOCK_OFFSET_FILE: file },
    });
    for (const skew of [30, -30, 90, -90]) {
      rig.idp.skewSeconds = skew;
      // A token that is as short-lived as the tolerance allows to see.
      rig.idp.script.idTokenClaims = (good) => ({ ...good, exp: Number(good.iat) + 1 });
      const page = await rig.visitor().browse(`${rig.origin}/`);
      const wanted = Math.abs(skew) === 30 ? 200 : 400;
      trial.hold(`a provider whose clock is ${skew} s off`, page.status === wanted, page.status, String(wanted));
    }
    const refused = () => rig.instances[0]?.process.logged((line) => line.audit === "login-failed" && line.code === "setup.clock") ?? [];
    // A line comes a moment after its answer.
    const refusals = await eventually(() => {
      if (refused().length < 2) throw new Error("the lines have not come");
      return refused();
    }).catch(refused);
    const clear = refusals.filter((line) => /\b(iat|exp|clock|future|expired)\b/i.test(String(line.detail ?? "")));
    trial.hold("log lines that name the reason", clear.length === 2, `${clear.length} of ${refusals.length}`, "2: one for each refusal");
    rig.idp.skewSeconds = 0;
    const [one] = await rig.signIn(1);
    if (one === undefined) throw new Error("no session");
    const visitor = rig.visitor();
    delete rig.idp.script.idTokenClaims;
    await visitor.browse(`${rig.origin}/`);
    const began = Date.now();
    await letPass(1_000);
    await writeFile(file, String(-3_600_000));
    await letPass(200);
    const cookie = [...visitor.cookies("wiki.localhost")].map(([name, value]) => `${name}=${value}`).join("; ");
    const get = () => rig.get(null, { headers: { cookie } });
    const jumped = await get();
    trial.hold("a session right after the jump", jumped.status === 200, jumped.status, "200");
    let last = 200;
    while (Date.now() - began < 15_000 && last === 200) {
      await letPass(200);
      last = (await get()).status;
    }
    const lasted = (Date.now() - began) / 1000;
    trial.hold(
      "a used session of 8 s lasted, s",
      last === 401 && lasted <= 8.5 + trial.slackMs() / 1_000,
      lasted,
      "≤ 8, seen each 0.2 s: never extended",
    );
    await rig.verify();
  },
};
