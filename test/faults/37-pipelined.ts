import { connect } from "node:net";
import { publicApp, startLoopbackApp } from "./loopback-app.ts";
import { residentMb } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

const connections = 5;

export const scenario: Scenario = {
  title: "a stranger pipelines thousands of requests and reads nothing",
  run: async (trial) => {
    // It answers after a while, so that requests begun at once would be seen at once.
    const app = await startLoopbackApp(trial, (socket) => {
      socket.on("data", (bytes) => {
        const heads = bytes.toString("latin1").split("\r\n\r\n").length - 1;
        setTimeout(() => socket.writable && socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".repeat(heads)), 50);
      });
    });
    const rig = await startFaultRig(trial, { instances: 1, workers: 2, apps: publicApp("piped", app.url) });
    const { port, process } = rig.instances[0] ?? { port: 0, process: { pid: 0 } };
    const host = rig.host.replace("wiki", "piped");
    await rig.get(null, { host });
    const before = residentMb(process.pid);
    const each = trial.pick(2_000, 1_000);
    const sockets = Array.from({ length: connections }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.pause();
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(each));
      return socket;
    });
    let most = before;
    for (let look = 0; look < trial.pick(40, 12); look += 1) {
      await letPass(250);
      most = Math.max(most, residentMb(process.pid));
    }
    for (const socket of sockets) socket.destroy();
    // One request under way for each connection; the kept connections of two processes come on top.
    trial.hold("upstream connections at once", app.mostConnections <= 4 * connections, app.mostConnections, `≤ ${4 * connections}`);
    trial.hold("memory, MB more", most - before < 100, most - before, "< 100");
    trial.hold("another visitor", (await rig.get(null, { host })).status === 200, "200", "200");
    await rig.verify();
  },
};
