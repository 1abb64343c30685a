import { execFileSync } from "node:child_process";
import { connect, type Socket } from "node:net";
import { eventually } from "../support/eventually.ts";
import { byStatus } from "./load.ts";
import { descriptors, isAlive } from "./processes.ts";
import { cpuSeconds, startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "file descriptors run out, and are free again",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { instances: 1, workers: 1 });
    const instance = rig.instances[0];
    if (instance === undefined) throw new Error("no instance");
    const { pid } = instance.process;
    const people = await rig.signIn(5);
    await rig.warm(people);
    const most = descriptors(pid) + 20;
    execFileSync("prlimit", ["--pid", String(pid), `--nofile=${most}:${most}`]);
    const sockets: Socket[] = [];
    trial.later(() => sockets.map((socket) => socket.destroy()));
    let settled = 0;
    for (let each = 0; each < trial.pick(2_000, 400); each += 1) {
      const socket = connect(instance.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.once("close", () => (settled += 1));
      socket.write("GET / HTTP/1.1\r\n");
      sockets.push(socket);
    }
    await eventually(() => {
      if (descriptors(pid) < most - 2) throw new Error("there is room");
      // The others have been accepted and closed by the time that these are all that is left.
      if (settled < sockets.length - 30) throw new Error("connections wait");
    });
    trial.hold("connections that got none, closed", settled >= sockets.length - 30, settled, "all but about 20");
    const before = cpuSeconds(pid);
    // Time is what is tried: a process that tries to accept again and again would use a core in it.
    await letPass(3_000);
    const used = cpuSeconds(pid) - before;
    trial.hold("CPU seconds used in 3 s without a descriptor", used < 1, used, "< 1: no busy loop");
    trial.hold("it lives", isAlive(pid), isAlive(pid) ? "yes" : "no", "yes");
    for (const socket of sockets) socket.destroy();
    const answers = await eventually(
      async () => {
        const replies = await rig.getAll(people, { agent: false });
        if (replies.some(({ status }) => status !== 200)) throw new Error(byStatus(replies));
        return replies;
      },
      { timeoutMs: 20_000 },
    );
    trial.hold("answers once there is room", answers.length === people.length, byStatus(answers), "all 200");
    await rig.verify();
  },
};
