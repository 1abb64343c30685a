import { eventually } from "../support/eventually.ts";
import { byStatus } from "./load.ts";
import { atRedis, startFaultRig } from "./rig.ts";
import { type Scenario, timed } from "./scenario.ts";

export const scenario: Scenario = {
  title: "Redis crashes and comes back from a snapshot that is older than a logout",
  run: async (trial) => {
    // Debian's default: snapshots, and no append-only file.
    const rig = await startFaultRig(trial, { redisOptions: ["--save", "3600 1"] });
    const people = await rig.signIn(trial.pick(30, 6));
    const [left = [], staying = []] = [people.filter((_, at) => at % 2 === 0), people.filter((_, at) => at % 2 === 1)];
    await rig.warm(people);
    await atRedis(rig.redis, (client) => client.save());
    for (const one of left) {
      const out = await rig.get(one, { path: "/_vestibule/logout", headers: { "sec-fetch-site": "same-origin" } });
      if (out.status >= 400) throw new Error(`logout: ${out.status}`);
    }
    // The instance that acknowledged the logouts forgets them: it is another process now.
    await rig.instances[0]?.process.stop();
    await rig.start(0);
    await rig.redis.restart();
    const recovered = await timed(() =>
      eventually(
        async () => {
          const answers = await rig.getAll(staying);
          if (answers.some(({ status }) => status !== 200)) throw new Error(byStatus(answers));
          const refused = await rig.getAll(left);
          if (refused.some(({ status }) => status !== 401)) throw new Error(byStatus(refused));
        },
        { timeoutMs: 20_000 },
      ),
    );
    trial.hold(
      "those who stayed are let in, those who left are not, after ms",
      recovered.ms <= 5_000 + trial.slackMs(),
      recovered.ms,
      "≤ 5000",
    );
    const back = await atRedis(rig.redis, (client) =>
      Promise.all(left.map(({ session }) => client.exists(`vestibule:s:{${session.key}}`))),
    );
    const revived = back.filter((count) => count === 1).length;
    trial.hold("ended sessions left in Redis", revived === 0, revived, "0");
    const { body } = await rig.admin("/readyz");
    trial.hold("readiness warns of it", body.includes("append-only"), body.includes("append-only") ? "yes" : body, "yes");
    const warned = rig.instances.every(({ process }) => process.lines.some((line) => line.includes("appendonly yes")));
    trial.hold("the log warns of it", warned, String(warned), "true");
    await rig.verify();
  },
};
