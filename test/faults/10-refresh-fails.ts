import { byStatus, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { type Scenario, sleep } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the provider fails at refresh",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    let mode: "broken" | "silent" | "invalid" = "broken";
    rig.idp.script.token = (good) => {
      if (mode === "silent") return { hang: true };
      if (mode === "invalid") return { status: 400, json: { error: "invalid_grant" } };
      return mode === "broken" ? { status: 500, json: { error: "server_error" } } : { json: good };
    };
    const tokens = { idToken: null, accessToken: "old", refreshToken: "token-0", accessTokenExpiresAt: Date.now() };
    const people = await rig.signIn(10, { tokens, refreshAt: Date.now() - 1_000 });
    const load = startLoad(100, (count) => rig.get(people[count % 10] ?? null, { at: Math.floor(count / 10) % 2 }));
    const seconds = trial.pick(60, 8);
    await sleep((seconds / 2) * 1_000);
    const asked = rig.idp.count("/token");
    trial.hold("refreshes tried while it answers 500, per session", asked <= 10 * 2 * 4 && asked >= 1, asked / 10, "a few, with pauses");
    mode = "silent";
    await sleep((seconds / 2) * 1_000);
    const all = await load.stop();
    trial.hold(
      "requests meanwhile",
      all.every(({ status }) => status === 200),
      byStatus(all),
      "all 200: the session lives on",
    );
    mode = "invalid";
    const others = await rig.signIn(5, { tokens, refreshAt: Date.now() - 1_000, principal: { subject: "gone" } });
    const refused = await Promise.all(others.map((one) => rig.get(one)));
    trial.hold(
      "after invalid_grant",
      refused.every(({ status }) => status === 401),
      byStatus(refused),
      "all 401 at once",
    );
    rig.verify();
  },
};
