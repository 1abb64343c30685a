import { newVisitor } from "../support/visitor.ts";
import { byStatus } from "./load.ts";
import { atRedis, type FaultRig, type SignedIn, startFaultRig } from "./rig.ts";
import { type Scenario, sleep, type Trial } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the store is full",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(20);
    await atRedis(rig.redis, (client) => client.config("SET", "maxmemory", "1mb"));
    await tryWhileFull(trial, rig, people, "out of memory");
    await atRedis(rig.redis, (client) => client.config("SET", "maxmemory", "0"));
    const fresh = newVisitor();
    const welcome = await fresh.browse(`${rig.origin}/`);
    trial.hold("a login once there is room", welcome.status === 200, welcome.status, "200");
    const connected = await atRedis(rig.redis, async (client) => /connected_clients:(\d+)/.exec(await client.info("clients"))?.[1]);
    await atRedis(rig.redis, (client) => client.config("SET", "maxclients", String(Number(connected) - 1)));
    await tryExisting(trial, rig, people, "maxclients reached");
    rig.verify();
  },
};

async function tryExisting(trial: Trial, rig: FaultRig, people: readonly SignedIn[], when: string) {
  const replies = await Promise.all(people.map((one, at) => rig.get(one, { at: at % 2 })));
  trial.hold(
    `existing sessions, ${when}`,
    replies.every(({ status }) => status === 200),
    byStatus(replies),
    "all 200",
  );
  await sleep(1_500);
  const later = await Promise.all(people.map((one, at) => rig.get(one, { at: at % 2 })));
  trial.hold(
    `and later, ${when}`,
    later.every(({ status }) => status === 200),
    byStatus(later),
    "all 200",
  );
}

async function tryWhileFull(trial: Trial, rig: FaultRig, people: readonly SignedIn[], when: string) {
  await tryExisting(trial, rig, people, when);
  const visitor = newVisitor();
  const page = await visitor.browse(`${rig.origin}/`);
  trial.hold(`a new login, ${when}`, page.status === 503 && page.headers["retry-after"] !== undefined, page.status, "503 with Retry-After");
  const cookies = [...visitor.cookies("wiki.localhost").keys(), ...visitor.cookies("auth.localhost").keys()];
  const made = cookies.filter((name) => name === "vestibule" || name === "vestibule-auth");
  trial.hold("half-made sessions", made.length === 0, made.join(", ") || "none", "none");
}
