import { connect, type Socket } from "node:net";
import { eventually } from "../support/eventually.ts";
import { descriptors } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import { type Scenario, sleep } from "./scenario.ts";

/** Sent a byte at a time behind a request that is not answered to the end. */
const nextRequest = "GET /";

export const scenario: Scenario = {
  title: "slow uploads and readers that stop reading",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { instances: 1, workers: 2, wiki: "    proxy: { idleTimeout: 3s }" });
    const { port, process } = rig.instances[0] ?? { port: 0, process: { pid: 0 } };
    const [one] = await rig.signIn(1);
    if (one === undefined) throw new Error("no session");
    await rig.get(one);
    await sleep(500);
    const before = descriptors(process.pid);
    const count = trial.pick(500, 150);
    const began = performance.now();
    const open = (head: string, read: boolean): Promise<number> => {
      const socket: Socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      if (read) socket.resume();
      else socket.pause();
      socket.write(head);
      return new Promise((resolve) => {
        socket.once("close", () => resolve(performance.now() - began));
        // A reader that never reads does not see the end either: looked at with a write. Not of any bytes: what is no HTTP would end it.
        let said = 0;
        if (!read) setInterval(() => socket.destroyed || socket.write(nextRequest[said++] ?? "p"), 500).unref();
      });
    };
    const fields = `Host: ${rig.host}\r\nCookie: ${one.cookie}\r\n`;
    const uploads = Array.from({ length: count / 2 }, () =>
      open(`POST /hash HTTP/1.1\r\n${fields}Content-Length: 100000\r\n\r\nabc`, true),
    );
    const readers = Array.from({ length: count / 2 }, () => open(`GET /bytes?n=50000000 HTTP/1.1\r\n${fields}\r\n`, false));
    const closed = await Promise.race([Promise.all([...uploads, ...readers]), sleep(30_000).then(() => null)]);
    const [first, last] = closed === null ? [0, Number.POSITIVE_INFINITY] : [Math.min(...closed), Math.max(...closed)];
    // Whoever reads nothing stands still only once what the sockets take is full.
    const inTime = first >= 2_900 && last <= 3_000 + trial.pick(2_000, 5_000) + trial.slackMs();
    trial.hold("all closed after, s", inTime, `${(first / 1_000).toFixed(1)} to ${(last / 1_000).toFixed(1)}`, "at the idle limit of 3 s");
    const left = await eventually(
      () => {
        const now = descriptors(process.pid);
        if (Math.abs(now - before) > 5) throw new Error(`${now} descriptors, ${before} before`);
        return now;
      },
      { timeoutMs: 15_000 },
    ).catch((error: unknown) => String(error));
    trial.hold("descriptors", typeof left === "number", `${before} before, ${left} after`, "return to the start");
    rig.verify();
  },
};
