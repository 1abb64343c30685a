import { Agent } from "node:http";
import { connect } from "node:net";
import { eventually } from "../support/eventually.ts";
import { byStatus } from "./load.ts";
import { isAlive } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario, timed } from "./scenario.ts";

export const scenario: Scenario = {
  title: "SIGTERM with downloads, idle connections and WebSockets",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const instance = rig.instances[0];
    const people = await rig.signIn(50);
    const [one] = people;
    if (instance === undefined || one === undefined) throw new Error("no rig");
    const downloads = trial.pick(200, 50);
    const requestsBefore = rig.app.requests;
    const running = Array.from({ length: downloads }, () => rig.get(one, { path: "/drip?n=30", agent: new Agent({ keepAlive: true }) }));
    const idle = await Promise.all(
      Array.from({ length: trial.pick(200, 50) }, async () => {
        const socket = connect(instance.port, "127.0.0.1");
        socket.on("error", () => undefined);
        socket.write(`GET /healthz HTTP/1.1\r\nHost: ${rig.host}\r\n\r\n`);
        await new Promise((resolve) => socket.once("data", resolve));
        return { closed: new Promise<void>((resolve) => socket.once("close", () => resolve())) };
      }),
    );
    const sockets = await Promise.all(people.slice(0, trial.pick(50, 20)).map((who) => rig.socket(who)));
    let closed = 0;
    for (const gone of idle) void gone.closed.then(() => (closed += 1));
    const cut = Promise.all(
      sockets.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())).then(() => (closed += 1))),
    );
    await eventually(() => {
      if (rig.app.requests < requestsBefore + downloads) throw new Error("downloads have not begun");
    });
    instance.process.signal("SIGTERM");
    const began = performance.now();
    const failed = await timed(() =>
      eventually(async () => {
        if ((await rig.admin("/readyz")).status !== 503) throw new Error("still ready");
      }),
    );
    trial.hold("readiness fails after, ms", failed.ms <= 1_000 + trial.slackMs(), failed.ms, "first of all");
    trial.hold("connections closed before it", closed === 0, closed, "none");
    await Promise.all(idle.map(({ closed }) => closed));
    trial.hold(
      "idle connections closed after, s",
      performance.now() - began < 10_000,
      (performance.now() - began) / 1000,
      "before the end",
    );
    await cut;
    const replies = await Promise.all(running);
    const whole = replies.filter(({ status, body }) => status === 200 && body.length === 30);
    trial.hold("downloads that arrived whole", whole.length === downloads, `${whole.length} (${byStatus(replies)})`, `all ${downloads}`);
    const code = await instance.process.exited;
    trial.hold("exit code", code === 0, String(code), "0");
    trial.hold("gone after, s", performance.now() - began <= 30_000, (performance.now() - began) / 1000, "≤ 30");
    await rig.start(0);
    const again = rig.instances[0];
    if (again === undefined) throw new Error("no instance");
    const before = rig.app.requests;
    const stuck = rig.get(one, { path: "/sleepy", agent: false });
    await eventually(() => {
      if (rig.app.requests === before) throw new Error("it has not arrived");
    });
    again.process.signal("SIGTERM");
    await letPass(300);
    trial.hold("waits for a request that has no answer", isAlive(again.process.pid), isAlive(again.process.pid) ? "yes" : "no", "yes");
    const second = performance.now();
    again.process.signal("SIGTERM");
    await again.process.exited;
    trial.hold(
      "gone after a second signal, ms",
      performance.now() - second < 1_000 + trial.slackMs(),
      performance.now() - second,
      "at once",
    );
    await stuck;
    await rig.verify();
  },
};
