import { byStatus } from "./load.ts";
import { atRedis, type FaultRig, type SignedIn, startFaultRig } from "./rig.ts";
import { letPass, type Scenario, type Trial } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the store is full",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const people = await rig.signIn(20);
    await atRedis(rig.redis, (client) => client.config("SET", "maxmemory", "1mb"));
    await tryWhileFull(trial, rig, people, "out of memory");
    await atRedis(rig.redis, (client) => client.config("SET", "maxmemory", "0"));
    const welcome = await rig.visitor().browse(`${rig.origin}/`);
    trial.hold("a login once there is room", welcome.status === 200, welcome.status, "200");
    const connected = await atRedis(rig.redis, async (client) => /connected_clients:(\d+)/.exec(await client.info("clients"))?.[1]);
    await atRedis(rig.redis, (client) => client.config("SET", "maxclients", String(Number(connected) - 1)));
    await tryExisting(trial, rig, people, "maxclients reached");
    // What is connected stays connected: logins go on as if nothing were.
    const late = await rig.visitor().browse(`${rig.origin}/`);
    trial.hold("a login, maxclients reached", late.status === 200 || isClear503(late), late.status, "200, or 503 with Retry-After");
    await rig.verify();
  },
};

async function tryExisting(trial: Trial, rig: FaultRig, people: readonly SignedIn[], when: string) {
  for (const moment of ["", ", later"]) {
    if (moment !== "") await letPass(1_500);
    const replies = await rig.getAll(people);
    trial.hold(
      `existing sessions, ${when}${moment}`,
      replies.every(({ status }) => status === 200),
      byStatus(replies),
      "all 200",
    );
  }
}

async function tryWhileFull(trial: Trial, rig: FaultRig, people: readonly SignedIn[], when: string) {
  await tryExisting(trial, rig, people, when);
  const before = await sessionKeys(rig);
  const visitors = Array.from({ length: trial.pick(50, 5) }, () => rig.visitor());
  const pages = await Promise.all(visitors.map((visitor) => visitor.browse(`${rig.origin}/`)));
  trial.hold(
    `new logins, ${when}`,
    pages.every(isClear503),
    byStatus(pages.map(({ status }) => ({ status, error: null }))),
    "503, in words",
  );
  const cookies = visitors.flatMap((visitor) => ["wiki.localhost", "auth.localhost"].flatMap((host) => [...visitor.cookies(host).keys()]));
  const made = cookies.filter((name) => name === "vestibule" || name === "vestibule-auth");
  trial.hold("half-made sessions, at the visitor", made.length === 0, made.join(", ") || "none", "none");
  const after = await sessionKeys(rig);
  trial.hold("half-made sessions, at the store", after === before, `${after}, ${before} before`, "none more");
}

type Page = Awaited<ReturnType<ReturnType<FaultRig["visitor"]>["browse"]>>;
const isClear503 = ({ status, headers, body }: Page) => status === 503 && headers["retry-after"] !== undefined && /<h1/.test(body);

/** Sessions, and index entries that lead to none. */
const sessionKeys = (rig: FaultRig) =>
  atRedis(rig.redis, async (client) => (await client.keys("*")).filter((key) => !/beat|count/.test(key)).length);
