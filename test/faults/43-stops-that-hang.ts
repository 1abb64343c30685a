import { connect } from "node:net";
import { eventually } from "../support/eventually.ts";
import { lives, stuckThread } from "../support/stuck-gateway.ts";
import { waitedForCpuMs, workersOf } from "./processes.ts";
import { type FaultRig, startFaultRig } from "./rig.ts";
import type { Scenario, Trial } from "./scenario.ts";

/** What docs promise: 28 seconds for what is in flight, one for the rest, and the end. */
const allMs = 30_000;

export const scenario: Scenario = {
  title: "SIGTERM while a thread, a visitor, an application, a worker or the start hangs",
  shortLimitMs: 180_000,
  run: async (trial) => {
    await stopWith(trial, 1, "a thread and visitors of WebSockets", async (rig) => void (await mutePeers(trial, rig)));
    await stopWith(trial, 2, "a thread and visitors of WebSockets", async (rig) => void (await mutePeers(trial, rig)));
    if (!trial.short) {
      await stopWith(trial, 1, "an application that never answers", (rig) => sleepyRequest(rig));
      await stopWith(trial, 2, "a worker that stands still", async (rig) => stopOne(rig));
    }
    await stopWhileStarting(trial);
  },
};

async function stopWith(trial: Trial, workers: number, what: string, hang: (rig: FaultRig) => Promise<void>): Promise<void> {
  const rig = await startFaultRig(trial, { instances: 1, workers, direct: true, env: stuckThread("a read of a file") });
  // Ready is a gateway of which one worker is; the start is over when all are.
  await eventually(
    () => {
      if (rig.instances[0]?.process.logged(({ msg }) => msg === "serving").length === 0) throw new Error("still starting");
    },
    { timeoutMs: 60_000 },
  );
  await hang(rig);
  await holdEnd(trial, rig, `${what}, ${workers === 1 ? "one process" : `${workers} workers`}`, 0);
}

/** From SIGTERM until every process is gone. */
async function holdEnd(trial: Trial, rig: FaultRig, what: string, wanted: number): Promise<void> {
  const gateway = rig.instances[0]?.process;
  if (gateway === undefined) throw new Error("no instance");
  const all = [gateway.pid, ...workersOf(gateway.pid)];
  const began = performance.now();
  gateway.signal("SIGTERM");
  // The end is another start of Node: on a crowded machine it stands in line for a core, which is not its own time.
  const waitedBefore = waitedForCpuMs(gateway.pid);
  let waited = 0;
  const gone = () => {
    if (lives(gateway.pid)) waited = waitedForCpuMs(gateway.pid) - waitedBefore;
    if (all.some(lives)) throw new Error("not gone");
  };
  await eventually(gone, { timeoutMs: allMs + 10_000 }).catch(() => {});
  const took = performance.now() - began;
  const left = all.filter(lives);
  trial.hold(`processes left: ${what}`, left.length === 0, left.length, "0");
  trial.hold(`gone after, s: ${what}`, took - waited <= allMs + trial.slackMs(), took / 1_000, "≤ 30");
  for (const pid of left) process.kill(pid, "SIGKILL");
  const code = await gateway.exited;
  trial.hold(`exit code: ${what}`, code === wanted, String(code), String(wanted));
}

/** They have a tunnel, read nothing any more, and answer no end of it. */
async function mutePeers(trial: Trial, rig: FaultRig): Promise<void> {
  const [one] = await rig.signIn(1);
  const port = rig.instances[0]?.port ?? 0;
  for (let each = 0; each < 20; each += 1) {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    trial.later(() => socket.destroy());
    socket.on("error", () => {});
    const fields = [
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    const head = [`GET /socket HTTP/1.1`, `Host: ${rig.host}`, `Origin: ${rig.origin}`, `Cookie: ${one?.cookie}`, ...fields];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    const answer = await new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(bytes.toString("latin1"))));
    if (!answer.startsWith("HTTP/1.1 101 ")) throw new Error(answer);
    socket.pause();
  }
}

async function sleepyRequest(rig: FaultRig): Promise<void> {
  const [one] = await rig.signIn(1);
  const before = rig.app.requests;
  void rig.get(one ?? null, { path: "/sleepy", agent: false });
  await eventually(() => {
    if (rig.app.requests === before) throw new Error("it has not arrived");
  });
}

function stopOne(rig: FaultRig): void {
  const [worker = 0] = workersOf(rig.instances[0]?.process.pid ?? 0);
  process.kill(worker, "SIGSTOP");
}

async function stopWhileStarting(trial: Trial): Promise<void> {
  const rig = await startFaultRig(trial, { instances: 1, workers: 2, direct: true, waitForReady: false });
  const pid = rig.instances[0]?.process.pid ?? 0;
  await eventually(
    () => {
      if (workersOf(pid).length < 2) throw new Error("no workers yet");
      stopOne(rig);
    },
    { timeoutMs: 60_000, everyMs: 2 },
  );
  await holdEnd(trial, rig, "a worker that stands still during the start", 1);
}
