import type { WebSocket } from "ws";
import { eventually } from "../support/eventually.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario, timed } from "./scenario.ts";

/** Connections of their own at each instance: with these many, hardly a process is left out. */
const doors = [0, 1, 0, 1, 0, 1, 0, 1];

export const scenario: Scenario = {
  title: "a logout in one process",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(trial.pick(100, 8));
    await rig.warm(people);
    let slowestRefusal = 0;
    let slowestCut = 0;
    for (const one of people) {
      const sockets = await Promise.all([0, 1, 0, 1].map((at) => rig.socket(one, at)));
      const cut = Promise.all(sockets.map(closed));
      const out = await rig.get(one, { at: 0, path: "/_vestibule/logout", headers: { "sec-fetch-site": "same-origin" } });
      if (out.status >= 400) throw new Error(`logout: ${out.status}`);
      const began = performance.now();
      const refused = await timed(() =>
        eventually(
          async () => {
            const replies = await Promise.all(doors.map((at) => rig.get(one, { at, agent: false })));
            if (replies.some(({ status }) => status !== 401)) throw new Error("still let in");
          },
          { timeoutMs: 10_000, everyMs: 10 },
        ),
      );
      await Promise.race([cut, letPass(15_000)]);
      slowestRefusal = Math.max(slowestRefusal, refused.ms);
      slowestCut = Math.max(slowestCut, performance.now() - began);
    }
    trial.hold("refused everywhere after, ms", slowestRefusal <= 1_000 + trial.slackMs(), slowestRefusal, "≤ 1000");
    trial.hold("WebSockets at both instances closed after, ms", slowestCut <= 5_000 + trial.slackMs(), slowestCut, "≤ 5000");
    await rig.verify();
  },
};

const closed = (socket: WebSocket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));
