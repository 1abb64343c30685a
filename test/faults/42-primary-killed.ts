import { startBalancer } from "../support/balancer.ts";
import { eventually } from "../support/eventually.ts";
import { lives } from "../support/stuck-gateway.ts";
import { ask, keepAlive, type Reply } from "./ask.ts";
import { byStatus, startLoad } from "./load.ts";
import { workersOf } from "./processes.ts";
import { type FaultRig, startFaultRig } from "./rig.ts";
import type { Scenario, Trial } from "./scenario.ts";

const moments = ["while it serves", "while one of its workers stands still", "while it drains"] as const;

export const scenario: Scenario = {
  title: "a primary is killed, and another starts in its place",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { direct: true });
    const balancer = await startBalancer(rig.instances);
    trial.later(() => balancer.close());
    const people = await rig.signIn(30);
    const agent = keepAlive();
    trial.later(() => agent.destroy());
    const load = startLoad(trial.pick(200, 50), (count) =>
      ask({ port: balancer.port, host: rig.host, agent, headers: { cookie: people[count % 30]?.cookie ?? "" } }),
    );
    for (const moment of trial.short ? moments.slice(0, 2) : moments) {
      await load.answered(50);
      const seen = load.replies.length;
      await killPrimary(trial, rig, moment);
      await rig.start(0);
      await load.answered(50);
      holdLosses(trial, moment, load.replies.slice(seen), rig.instances[0]?.port ?? 0);
    }
    const backAt = load.replies.length;
    await load.answered(100);
    const after = (await load.stop()).slice(backAt);
    const fine = after.every(({ status }) => status === 200);
    trial.hold("requests once it is back", fine, byStatus(after), "all 200");
    await rig.verify();
  },
};

async function killPrimary(trial: Trial, rig: FaultRig, moment: (typeof moments)[number]): Promise<void> {
  const primary = rig.instances[0]?.process;
  if (primary === undefined) throw new Error("no instance");
  const workers = workersOf(primary.pid);
  const [still = 0] = workers;
  if (moment === "while one of its workers stands still") process.kill(still, "SIGSTOP");
  if (moment === "while it drains") {
    primary.signal("SIGTERM");
    await eventually(() => {
      if (primary.logged(({ msg }) => msg === "draining").length === 0) throw new Error("not yet");
    });
  }
  primary.signal("SIGKILL");
  await primary.exited;
  // A process that stands still does nothing, not even end: it holds the ports until it goes on, or is killed by its service manager.
  if (moment === "while one of its workers stands still") process.kill(still, "SIGCONT");
  await eventually(
    () => {
      if (workers.some(lives)) throw new Error("workers live on");
    },
    { timeoutMs: 20_000, everyMs: 5 },
  ).catch(() => {});
  const left = workers.filter(lives);
  trial.hold(`workers left, killed ${moment}`, left.length === 0, left.length, "0");
}

/** Until the balancer has looked again, it gives requests to ports at which no process listens. */
function holdLosses(trial: Trial, moment: string, replies: readonly Reply[], port: number): void {
  const failed = replies.filter(({ status }) => status !== 200);
  const others = failed.filter(({ status, body }) => status !== 502 || !body.endsWith(` at ${port}`));
  trial.hold(`lost with it, killed ${moment}`, failed.length - others.length <= 60, failed.length - others.length, "≤ 60, a moment's");
  trial.hold(`lost elsewhere, killed ${moment}`, others.length === 0, byStatus(others), "none");
}
