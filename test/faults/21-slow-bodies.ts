import { connect, type Socket } from "node:net";
import { eventually } from "../support/eventually.ts";
import { descriptors } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

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
    await letPass(500);
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
    const within = (what: string, times: readonly number[] | null, since: string) => {
      const [first, last] = times === null ? [0, Number.POSITIVE_INFINITY] : [Math.min(...times), Math.max(...times)];
      trial.hold(
        what,
        last <= 5_000 + trial.slackMs(),
        `${(first / 1_000).toFixed(1)} to ${(last / 1_000).toFixed(1)}`,
        `3 s, the idle limit, ${since}, seen within 2`,
      );
    };
    const late = letPass(60_000).then(() => null);
    const cut = await Promise.race([Promise.all(uploads), late]);
    within("uploads closed after, s", cut, "from their last byte");
    trial.hold("uploads closed early", cut?.every((ms) => ms >= 2_900) === true, cut?.filter((ms) => ms < 2_900).length ?? "not all", "0");
    // The sockets on both sides take megabytes of what nobody reads before it stands still: only the application knows when.
    const over = await Promise.race([Promise.all(readers), late]);
    trial.hold("readers closed", over !== null, over?.length ?? "not all", `all ${readers.length}`);
    within("readers closed after, s", rig.app.stalls.length < readers.length ? null : rig.app.stalls, "from the last byte sent to them");
    const left = await eventually(
      () => {
        const now = descriptors(process.pid);
        if (Math.abs(now - before) > 5) throw new Error(`${now} descriptors, ${before} before`);
        return now;
      },
      { timeoutMs: 15_000 },
    ).catch((error: unknown) => String(error));
    trial.hold("descriptors", typeof left === "number", `${before} before, ${left} after`, "return to the start");
    await rig.verify();
  },
};
