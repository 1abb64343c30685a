import { eventually } from "../support/eventually.ts";
import { byStatus, startLoad } from "./load.ts";
import { workersOf } from "./processes.ts";
import { startFaultRig } from "./rig.ts";
import { type Scenario, sleep, timed } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a worker is killed, then again and again",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { direct: true });
    const primary = rig.instances[0]?.process;
    if (primary === undefined) throw new Error("no instance");
    const people = await rig.signIn(30);
    const load = startLoad(100, (count) => rig.get(people[count % 30] ?? null));
    await sleep(2_000);
    const before = workersOf(primary.pid);
    const killedAt = performance.now();
    process.kill(before[0] ?? 0, "SIGKILL");
    const ready = async () => (JSON.parse((await rig.admin("/readyz")).body) as { workers: { ready: number } }).workers.ready;
    const replaced = await timed(() =>
      eventually(
        async () => {
          if (!workersOf(primary.pid).some((pid) => !before.includes(pid)) || (await ready()) < 2) throw new Error("not replaced yet");
        },
        { timeoutMs: 10_000 },
      ),
    );
    await sleep(2_000);
    const all = await load.stop();
    const hit = all.filter(({ status }) => status !== 200);
    const later = hit.filter(({ at }) => at > killedAt + 1_000);
    trial.hold(
      "replaced and serving after, ms",
      replaced.ms <= (trial.short ? 3_000 : 1_000) + trial.slackMs(),
      replaced.ms,
      trial.short ? "≤ 1000, 3000 on a busy machine" : "≤ 1000",
    );
    trial.hold(
      "requests lost with it",
      hit.every(({ error }) => error !== null) && hit.length <= 15,
      byStatus(hit),
      "only its own, as broken connections",
    );
    trial.hold("requests lost later", later.length === 0, byStatus(later), "none");
    const started = () => primary.logged((line) => /worker/.test(String(line.msg))).length;
    const seen = new Set<number>();
    const until = performance.now() + trial.pick(20_000, 5_000);
    const lines = started();
    while (performance.now() < until) {
      const [, victim] = workersOf(primary.pid);
      if (victim !== undefined && !seen.has(victim)) {
        seen.add(victim);
        process.kill(victim, "SIGKILL");
      }
      await sleep(50);
    }
    trial.hold("workers started in a crash loop", seen.size <= trial.pick(40, 15), seen.size, "with growing pauses");
    trial.say(`${started() - lines} log lines about workers`);
    const alive = await eventually(async () => {
      const reply = await rig.get(people[0] ?? null);
      if (reply.status !== 200) throw new Error(String(reply.status));
      return reply.status;
    });
    trial.hold("served afterwards", alive === 200, alive, "200");
    rig.verify();
  },
};
