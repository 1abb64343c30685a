import { connect, type Socket } from "node:net";
import { eventually } from "../support/eventually.ts";
import { byStatus, holdPace, startLoad } from "./load.ts";
import { residentMb } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "thousands of idle WebSockets",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { instances: 1, workers: 2, direct: true });
    const people = await rig.signIn(50);
    const { port, process } = rig.instances[0] ?? { port: 0, process: null };
    if (process === null) throw new Error("no instance");
    const rps = trial.pick(500, 100);
    const load = startLoad(rps, (count) => rig.get(people[count % 50] ?? null));
    await load.answered(3 * rps);
    const warm = performance.now();
    await letPass(trial.pick(10_000, 4_000));
    const openedAt = performance.now();
    const before = residentMb(process.pid);
    const count = trial.pick(5_000, 1_000);
    const sockets: Socket[] = [];
    let closed = 0;
    for (let at = 0; at < count; at += 50) {
      const batch = Array.from({ length: 50 }, (_, each) => openSocket(port, rig.host, people[(at + each) % 50]?.cookie ?? ""));
      sockets.push(...(await Promise.all(batch)));
    }
    for (const socket of sockets) socket.once("close", () => (closed += 1));
    await letPass(trial.pick(30_000, 4_000));
    const each = ((residentMb(process.pid) - before) * 1024) / count;
    const all = await load.stop();
    const base = all.filter(({ at }) => at > warm && at < openedAt);
    const during = all.filter(({ at }) => at > openedAt);
    trial.hold("memory of each, KB", each <= 50, each, "≤ 50");
    trial.hold(
      "requests meanwhile",
      during.every(({ status }) => status === 200),
      byStatus(during),
      "all 200",
    );
    holdPace(trial, "requests meanwhile", during, base, 1.5);
    trial.hold("still open", closed === 0, count - closed, `all ${count}`);
    await rig.verify();
    process.signal("SIGTERM");
    const code = await process.exited;
    await eventually(() => {
      if (closed < count) throw new Error(`${count - closed} are open`);
    }).catch(() => undefined);
    trial.hold("closed on drain", closed === count && code === 0, `${closed}, exit ${code}`, `all ${count}, exit 0`);
  },
};

/** Bare, without a WebSocket library: thousands must not be the test's own weight. */
function openSocket(port: number, host: string, cookie: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  const head = `GET /socket HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nOrigin: http://${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;
  socket.write(`${head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`);
  return new Promise((resolve, reject) => {
    socket.once("data", (bytes: Buffer) => {
      if (!bytes.toString("latin1").startsWith("HTTP/1.1 101")) return reject(new Error(bytes.toString("latin1").slice(0, 100)));
      socket.on("data", () => undefined);
      socket.once("end", () => socket.end());
      resolve(socket);
    });
    socket.once("close", () => reject(new Error("closed before it was open")));
  });
}
