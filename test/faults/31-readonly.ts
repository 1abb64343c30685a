import { byStatus } from "./load.ts";
import { holdRecovery, startVisits } from "./outage.ts";
import { atRedis, startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a single server becomes a replica",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { redisOptions: ["--replica-serve-stale-data", "yes"] });
    const people = await rig.signIn(20);
    await rig.warm(people);
    const load = startVisits(rig, people, 100);
    await load.answered(50);
    const connectionsBefore = await connections(rig);
    await atRedis(rig.redis, (client) => client.call("REPLICAOF", "127.0.0.1", "1"));
    const began = performance.now();
    const seconds = trial.pick(30, 6);
    await letPass(seconds * 1_000);
    const during = load.replies.filter(({ at }) => at > began);
    const refused = during.filter(({ status }) => status !== 200);
    trial.hold("answers meanwhile", refused.length === 0, byStatus(during), "all 200: sessions can be read");
    const made = (await connections(rig)) - connectionsBefore;
    // Four processes with two connections each, at once and then ever more rarely.
    trial.hold("connections made in that time", made <= 8 * 5, made, "≤ 40, not nineteen a second");
    const named = rig.instances.every(({ process }) => process.lines.some((line) => line.includes("READONLY")));
    trial.hold("the log names the reply", named, String(named), "true");
    await atRedis(rig.redis, (client) => client.call("REPLICAOF", "NO", "ONE"));
    await holdRecovery(trial, rig, people, load);
    await load.stop();
    await rig.verify();
  },
};

const connections = (rig: { readonly redis: Parameters<typeof atRedis>[0] }) =>
  atRedis(rig.redis, async (client) => Number(/total_connections_received:(\d+)/.exec(await client.info("stats"))?.[1]));
