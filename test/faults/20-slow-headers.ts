import { connect, type Socket } from "node:net";
import { byStatus, holdPace, startLoad } from "./load.ts";
import { residentMb } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "connections that send their headers a byte at a time",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { instances: 1, workers: 2 });
    const people = await rig.signIn(20);
    const { port, process } = rig.instances[0] ?? { port: 0, process: { pid: 0 } };
    const load = startLoad(trial.pick(200, 100), (count) => rig.get(people[count % 20] ?? null));
    await load.answered(200);
    const warm = performance.now();
    await letPass(trial.pick(10_000, 4_000));
    const before = residentMb(process.pid);
    const attackAt = performance.now();
    const count = trial.pick(1_000, 400);
    const lasted: number[] = [];
    const sockets: Socket[] = [];
    for (let each = 0; each < count; each += 1) {
      const socket = connect(port, "127.0.0.1");
      const began = performance.now();
      socket.on("error", () => undefined);
      socket.resume();
      socket.once("close", () => lasted.push(performance.now() - began));
      socket.write(`GET / HTTP/1.1\r\nHost: ${rig.host}\r\nX-Slow: `);
      sockets.push(socket);
      if (each % 50 === 0) await letPass(20);
    }
    const dripping = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed && socket.writable) socket.write("x");
    }, 5_000);
    let most = before;
    while (lasted.length < count && performance.now() - attackAt < 25_000) {
      await letPass(250);
      most = Math.max(most, residentMb(process.pid));
    }
    clearInterval(dripping);
    for (const socket of sockets) socket.destroy();
    const all = await load.stop();
    const base = all.filter(({ at }) => at > warm && at < attackAt);
    const during = all.filter(({ at }) => at > attackAt);
    trial.hold("slow connections closed", lasted.length === count, lasted.length, `all ${count}`);
    trial.hold("longest, s", Math.max(...lasted) <= 15_000, Math.max(...lasted) / 1000, "≤ 15");
    trial.hold(
      "good requests",
      during.every(({ status }) => status === 200),
      byStatus(during),
      "all 200",
    );
    holdPace(trial, "good requests", during, base, 2);
    trial.hold("memory, MB more", most - before < 100, most - before, "< 100");
    await rig.verify();
  },
};
