import { byStatus } from "./load.ts";
import { publicApp, startLoopbackApp } from "./loopback-app.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "kept connections to an application are dead, new ones are good",
  run: async (trial) => {
    let posts = 0;
    // The first request of a connection is answered; the second resets it, as behind a firewall that forgot the connection.
    const app = await startLoopbackApp(trial, (socket) => {
      let asked = 0;
      socket.on("data", (bytes) => {
        asked += 1;
        if (bytes.toString("latin1").startsWith("POST")) posts += 1;
        if (asked > 1) return void socket.resetAndDestroy();
        setTimeout(() => socket.writable && socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 20);
      });
    });
    const rig = await startFaultRig(trial, { instances: 1, workers: 1, apps: publicApp("forgotten", app.url) });
    const host = rig.host.replace("wiki", "forgotten");
    const together = (method: string) => Promise.all(Array.from({ length: 8 }, () => rig.get(null, { host, method })));
    const answers: Awaited<ReturnType<typeof together>> = [];
    for (let round = 0; round < trial.pick(20, 4); round += 1) {
      await together("GET");
      await letPass(100);
      answers.push(...(await together("GET")));
    }
    const good = answers.every(({ status }) => status === 200);
    trial.hold("GET over connections that died", good, byStatus(answers), "all 200");
    await together("GET");
    const before = posts;
    const replies = await together("POST");
    trial.hold("POST, sent once each", posts - before <= 8, posts - before, "≤ 8");
    trial.hold(
      "POST answers",
      replies.every(({ status }) => status === 200 || status === 502),
      byStatus(replies),
      "200 or 502",
    );
    await rig.verify({});
  },
};
