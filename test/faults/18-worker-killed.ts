import { eventually } from "../support/eventually.ts";
import { byStatus, startLoad } from "./load.ts";
import { waitedForCpuMs, workersOf } from "./processes.ts";
import { type FaultRig, startFaultRig } from "./rig.ts";
import { letPass, type Scenario, type Trial } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a worker is killed, then again and again",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { direct: true });
    const people = await rig.signIn(30);
    const load = startLoad(100, (count) => rig.get(people[count % 30] ?? null, { at: count % 2 }));
    await load.answered(200);
    const killedAt = performance.now();
    await killOne(trial, rig);
    await letPass(2_000);
    const all = await load.stop();
    const hit = all.filter(({ status }) => status !== 200);
    const later = hit.filter(({ at }) => at > killedAt + 1_000);
    trial.hold(
      "requests lost with it",
      hit.every(({ error }) => error !== null) && hit.length <= 15,
      byStatus(hit),
      "only its own, as broken connections",
    );
    trial.hold("requests lost later", later.length === 0, byStatus(later), "none");
    const killed = 1 + (await killAgainAndAgain(trial, rig));
    const alive = await eventually(async () => {
      const reply = await rig.get(people[0] ?? null, { agent: false });
      if (reply.status !== 200) throw new Error(String(reply.status));
      return reply.status;
    });
    trial.hold("served afterwards", alive === 200, alive, "200");
    await rig.verify({ killed });
  },
};

async function killOne(trial: Trial, rig: FaultRig): Promise<void> {
  const primary = rig.instances[0]?.process;
  if (primary === undefined) throw new Error("no instance");
  const before = workersOf(primary.pid);
  const waitedBefore = waitedForCpuMs(primary.pid);
  const killedAt = performance.now();
  process.kill(before[0] ?? 0, "SIGKILL");
  const successor = await eventually(
    () => {
      const pid = workersOf(primary.pid).find((each) => !before.includes(each));
      if (pid === undefined || primary.logged((line) => line.msg === "a worker is serving" && line.workerPid === pid).length === 0)
        throw new Error("not replaced yet");
      return pid;
    },
    { timeoutMs: 15_000, everyMs: 10 },
  );
  const took = performance.now() - killedAt;
  // Both stand in line for a core when the machine does other things: that time is not theirs.
  const waited = waitedForCpuMs(successor) + waitedForCpuMs(primary.pid) - waitedBefore;
  trial.hold(
    "replaced and serving after, ms",
    took - waited <= 1_000 + trial.slackMs(),
    took,
    `≤ 1000 and ${waited.toFixed(0)} in line for a core`,
  );
}

/** Answers how many it has killed. */
async function killAgainAndAgain(trial: Trial, rig: FaultRig): Promise<number> {
  const primary = rig.instances[0]?.process;
  if (primary === undefined) throw new Error("no instance");
  const crashes = () => primary.logged((line) => line.msg === "a worker ended by itself; it is replaced");
  const before = crashes().length;
  const seen = new Set<number>();
  const [kept] = workersOf(primary.pid);
  const until = performance.now() + trial.pick(20_000, 5_000);
  while (performance.now() < until) {
    const victim = workersOf(primary.pid).find((pid) => pid !== kept && !seen.has(pid));
    if (victim !== undefined) {
      seen.add(victim);
      process.kill(victim, "SIGKILL");
    }
    await letPass(50);
  }
  const pauses = crashes()
    .slice(before)
    .map(({ waitMs }) => Number(waitMs));
  const grow = pauses.every((pause, at) => at === 0 || pause > (pauses[at - 1] ?? 0) || pause === 30_000);
  trial.hold("pauses in a crash loop, ms", pauses.length >= 3 && grow, pauses.join(", "), "each longer than the one before");
  trial.hold("workers started in it", seen.size <= trial.pick(9, 7), seen.size, "few");
  return seen.size;
}
