import { byStatus } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "four workers, 500 requests, one session, an expired token, a slow provider",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const slowMs = 5_000;
    const spent = new Set<string>();
    let replayed = 0;
    let turn = 0;
    rig.idp.script.token = async (good, { form }) => {
      const token = form.get("refresh_token") ?? "";
      if (spent.has(token)) replayed += 1;
      spent.add(token);
      await letPass(slowMs);
      turn += 1;
      return { json: { ...good, refresh_token: `token-${turn}` } };
    };
    const tokens = { idToken: null, accessToken: "old", refreshToken: "token-0", accessTokenExpiresAt: Date.now() - 1_000 };
    const [one] = await rig.signIn(1, { tokens, refreshAt: Date.now() - 1_000, principal: { subject: "alice" } });
    if (one === undefined) throw new Error("no session");
    const count = 500;
    const replies = await Promise.all(
      Array.from({ length: count }, (_, at) => rig.get(one, { at: at % rig.instances.length, path: `/${at}` })),
    );
    trial.hold(
      "answers",
      replies.every(({ status }) => status === 200),
      byStatus(replies),
      `200: ${count}`,
    );
    trial.hold("refresh grants", spent.size === 1 && rig.idp.count("/token") === 1, rig.idp.count("/token"), "exactly 1");
    trial.hold("refresh tokens used twice", replayed === 0, replayed, "0");
    await rig.verify();
  },
};
