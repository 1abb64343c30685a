import { execFile } from "node:child_process";
import { eventually } from "../support/eventually.ts";
import { byStatus, startLoad } from "./load.ts";
import { type FaultRig, startFaultRig } from "./rig.ts";
import type { Scenario, Trial } from "./scenario.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const patience = { timeoutMs: 30_000 };
/** Each breaks the file in another way. */
const breakages: readonly ((yaml: string) => string)[] = [
  (yaml) => yaml.replace("groups: [staff]", "groups: []"),
  (yaml) => yaml.replace("upstream:", "upsteam:"),
  (yaml) => `${yaml}\n  broken: [`,
  (yaml) => yaml.replace("version: 1", "version: 2"),
  () => "",
];

export const scenario: Scenario = {
  title: "twenty bad reloads, then a good one",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { direct: true, wiki: '    headers: { response: { set: { X-One: "1", X-Two: "1" } } }' });
    const people = await rig.signIn(50);
    const load = startLoad(trial.pick(500, 150), (count) => rig.get(people[count % 50] ?? null, { at: count % 2 }));
    await load.answered(150);
    await reloadBadly(trial, rig);
    const before = new Set(load.replies.map(({ headers }) => headers["x-one"]));
    trial.hold("versions seen meanwhile", before.size === 1 && before.has("1"), [...before].join(), "1: nothing changes");
    for (const [at, { process }] of rig.instances.entries()) {
      await process.rewriteConfig(rig.yaml(at).replace('X-One: "1", X-Two: "1"', 'X-One: "2", X-Two: "2"'));
      process.signal("SIGHUP");
      await eventually(() => {
        if (told(rig, at, "applied") === 0) throw new Error("not applied yet");
      }, patience);
    }
    const inForceAt = performance.now();
    await load.answered(150);
    const all = await load.stop();
    trial.hold(
      "requests",
      all.every(({ status }) => status === 200),
      byStatus(all),
      "0 failed",
    );
    const mixed = all.filter(({ headers }) => headers["x-one"] !== headers["x-two"]);
    trial.hold("requests that saw two versions", mixed.length === 0, mixed.length, "0");
    const seen = new Set(all.filter(({ at }) => at > inForceAt).map(({ headers }) => headers["x-one"]));
    trial.hold("the good one is in force, in all processes", seen.size === 1 && seen.has("2"), [...seen].join(), "2");
    await rig.verify();
  },
};

const told = (rig: FaultRig, at: number, outcome: string) =>
  rig.instances[at]?.process.logged((line) => line.audit === "reload" && line.outcome === outcome).length ?? 0;

async function reloadBadly(trial: Trial, rig: FaultRig): Promise<void> {
  let exits = 0;
  for (let count = 0; count < trial.pick(20, 10); count += 1) {
    const at = count % rig.instances.length;
    const gateway = rig.instances[at]?.process;
    if (gateway === undefined) throw new Error("no instance");
    const before = told(rig, at, "rejected");
    await gateway.rewriteConfig((breakages[count % breakages.length] ?? String)(rig.yaml(at)));
    if (count < breakages.length) {
      const env = { ...process.env, VESTIBULE_SECRET: "x".repeat(40), CLIENT_SECRET: "s", REDIS_URL: "redis://127.0.0.1" };
      const check = await runCheck(gateway.configFile, env);
      if (check.status === 1 && /:\d+:\d+/.test(check.said)) exits += 1;
      else trial.say(`check answered ${check.status}: ${check.said.slice(0, 300)}`);
    }
    gateway.signal("SIGHUP");
    await eventually(() => {
      if (told(rig, at, "rejected") <= before) throw new Error("not rejected yet");
    }, patience);
  }
  const applied = rig.instances.reduce((sum, _, at) => sum + told(rig, at, "applied"), 0);
  trial.hold("bad files that check refuses with lines", exits === breakages.length, exits, `all ${breakages.length}`);
  trial.hold("bad files taken up", applied === 0, applied, "0");
}

/** Not synchronously: the load comes from this process. */
function runCheck(file: string, env: NodeJS.ProcessEnv): Promise<{ readonly status: number; readonly said: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, "check", "--config", file], { env }, (error, stdout, stderr) =>
      resolve({ status: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, said: stdout + stderr }),
    );
  });
}
