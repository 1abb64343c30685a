import { connect } from "node:net";
import { publicApp, startLoopbackApp } from "./loopback-app.ts";
import { residentMb } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

const hint = `HTTP/1.1 103 Early Hints\r\nLink: </${"x".repeat(2_000)}.css>; rel=preload\r\n\r\n`;

export const scenario: Scenario = {
  title: "an application floods early hints at clients that do not read",
  run: async (trial) => {
    const app = await startLoopbackApp(trial, (socket) => {
      socket.once("data", () => {
        const flood = () => {
          while (socket.writable && socket.write(hint.repeat(32)));
          socket.once("drain", flood);
        };
        flood();
      });
    });
    const rig = await startFaultRig(trial, { instances: 1, workers: 2, apps: publicApp("hinted", app.url) });
    const { port, process } = rig.instances[0] ?? { port: 0, process: { pid: 0 } };
    const before = residentMb(process.pid);
    const sockets = Array.from({ length: trial.pick(40, 10) }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.pause();
      socket.write(`GET / HTTP/1.1\r\nHost: ${rig.host.replace("wiki", "hinted")}\r\n\r\n`);
      return socket;
    });
    let most = before;
    for (let look = 0; look < trial.pick(40, 12); look += 1) {
      await letPass(250);
      most = Math.max(most, residentMb(process.pid));
    }
    for (const socket of sockets) socket.destroy();
    // What is read and thrown away leaves garbage; what was kept for the clients was 430 MB in four seconds.
    trial.hold("memory, MB more", most - before < 200, most - before, "< 200");
    const [person] = await rig.signIn(1);
    trial.hold("another application", (await rig.get(person ?? null)).status === 200, "200", "200");
    await rig.verify();
  },
};
