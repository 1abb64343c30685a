import { execFile } from "node:child_process";
import { eventually } from "../support/eventually.ts";
import { byStatus, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { type Scenario, sleep } from "./scenario.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
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
    const rig = await startFaultRig(trial, {
      direct: true,
      wiki: '    headers: { response: { set: { X-One: "1", X-Two: "1" } } }',
    });
    const gateway = rig.instances[0]?.process;
    if (gateway === undefined) throw new Error("no instance");
    const people = await rig.signIn(50);
    const load = startLoad(trial.pick(500, 150), (count) => rig.get(people[count % 50] ?? null));
    await sleep(1_000);
    const told = (outcome: string) => gateway.logged((line) => line.audit === "reload" && line.outcome === outcome).length;
    const good = rig.yaml(0);
    let exits = 0;
    for (let count = 0; count < trial.pick(20, 10); count += 1) {
      const bad = (breakages[count % breakages.length] ?? String)(good);
      const before = told("rejected");
      await gateway.rewriteConfig(bad);
      if (count < breakages.length) {
        const env = { ...process.env, VESTIBULE_SECRET: "x".repeat(40), CLIENT_SECRET: "s", REDIS_URL: "redis://127.0.0.1" };
        const check = await runCheck(gateway.configFile, env);
        if (check.status === 1 && /:\d+:\d+/.test(check.said)) exits += 1;
        else trial.say(`check answered ${check.status}: ${check.said.slice(0, 300)}`);
      }
      gateway.signal("SIGHUP");
      await eventually(() => {
        if (told("rejected") <= before) throw new Error("not rejected yet");
      });
    }
    trial.hold("bad files that check refuses with lines", exits === breakages.length, exits, `all ${breakages.length}`);
    trial.hold("bad files taken up", told("applied") === 0, told("applied"), "0");
    await gateway.rewriteConfig(good.replace('X-One: "1", X-Two: "1"', 'X-One: "2", X-Two: "2"'));
    gateway.signal("SIGHUP");
    await eventually(() => {
      if (told("applied") !== 1) throw new Error("not applied yet");
    });
    await sleep(1_000);
    const all = await load.stop();
    trial.hold(
      "requests",
      all.every(({ status }) => status === 200),
      byStatus(all),
      "0 failed",
    );
    const mixed = all.filter(({ headers }) => headers["x-one"] !== headers["x-two"]);
    trial.hold("requests that saw two versions", mixed.length === 0, mixed.length, "0");
    const seen = new Set(all.slice(-20).map(({ headers }) => headers["x-one"]));
    trial.hold("the good one is in force", seen.size === 1 && seen.has("2"), [...seen].join(), "2");
    rig.verify();
  },
};

/** Not synchronously: the fault proxy in front of Redis lives in this process. */
function runCheck(file: string, env: NodeJS.ProcessEnv): Promise<{ readonly status: number; readonly said: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, "check", "--config", file], { env }, (error, stdout, stderr) =>
      resolve({ status: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, said: stdout + stderr }),
    );
  });
}
