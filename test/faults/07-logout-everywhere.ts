import { eventually } from "../support/eventually.ts";
import { startFaultRig } from "./rig.ts";
import { type Scenario, sleep, timed } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a logout in one process",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(trial.pick(100, 8));
    let slowestRefusal = 0;
    let slowestCut = 0;
    for (const one of people) {
      await Promise.all([rig.get(one, { at: 0 }), rig.get(one, { at: 1 })]);
      const socket = await rig.socket(one, 1);
      const cut = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      await sleep(20);
      const out = await rig.get(one, { at: 0, path: "/_vestibule/logout", headers: { "sec-fetch-site": "same-origin" } });
      if (out.status >= 400) throw new Error(`logout: ${out.status}`);
      const refused = await timed(() =>
        eventually(
          async () => {
            const replies = await Promise.all([rig.get(one, { at: 0 }), rig.get(one, { at: 1 })]);
            if (replies.some(({ status }) => status !== 401)) throw new Error("still let in");
          },
          { timeoutMs: 10_000, everyMs: 10 },
        ),
      );
      const closed = await timed(() => Promise.race([cut, sleep(15_000)]));
      slowestRefusal = Math.max(slowestRefusal, refused.ms);
      slowestCut = Math.max(slowestCut, refused.ms + closed.ms);
    }
    trial.hold("refused everywhere after, ms", slowestRefusal <= 1_000 + trial.slackMs(), slowestRefusal, "≤ 1000");
    trial.hold("WebSocket closed after, ms", slowestCut <= 5_000, slowestCut, "≤ 5000");
    rig.verify();
  },
};
