import { eventually } from "../support/eventually.ts";
import { byStatus } from "./load.ts";
import { workersOf } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a worker is killed while it holds the refresh lease",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    let grants = 0;
    let answeredAt = 0;
    rig.idp.script.token = async (good) => {
      grants += 1;
      // The first one is never answered: its worker is dead by then.
      if (grants === 1) await letPass(20_000);
      else answeredAt = performance.now();
      return { json: { ...good, refresh_token: `token-${grants}` } };
    };
    const tokens = { idToken: null, accessToken: "old", refreshToken: "token-0", accessTokenExpiresAt: Date.now() };
    const [one] = await rig.signIn(1, { tokens, refreshAt: Date.now() - 1_000, principal: { subject: "alice" } });
    if (one === undefined) throw new Error("no session");
    const first = rig.get(one, { at: 0 });
    await eventually(() => {
      if (grants === 0) throw new Error("no refresh was asked for yet");
    });
    const killedAt = performance.now();
    const holders = workersOf(rig.instances[0]?.process.pid ?? 0);
    for (const pid of holders) process.kill(pid, "SIGKILL");
    await first;
    const replies = await Promise.all(Array.from({ length: 20 }, () => rig.get(one, { at: 1 })));
    const late = await Promise.all([0, 1].map((at) => rig.get(one, { at })));
    trial.hold(
      "answers",
      [...replies, ...late].every(({ status }) => status === 200),
      byStatus([...replies, ...late]),
      "all 200, never 5xx",
    );
    trial.hold(
      "taken over after, ms",
      answeredAt > 0 && answeredAt - killedAt <= 10_000 + trial.slackMs(),
      answeredAt - killedAt,
      "≤ 10000",
    );
    trial.hold("grants", grants <= 2, grants, "≤ 2");
    await rig.verify({ killed: holders.length });
  },
};
