import { ldapYaml, startLdapRig, submitPassword } from "../support/ldap-rig.ts";
import { baseEntries, group, person, personDn, startSlapd } from "../support/slapd.ts";
import { newVisitor, type Visitor, type VisitorAnswer } from "../support/visitor.ts";
import { byStatus, startLoad } from "./load.ts";
import { letPass, type Scenario, type Trial, timed } from "./scenario.ts";

const crowd = 200;

export const scenario: Scenario = {
  title: "LDAP: one of two servers down, then silent, then both down; two hundred logins at once",
  run: async (trial) => {
    const people = Array.from({ length: crowd }, (_, at) => `user${at}`);
    const ldif = baseEntries + people.map((uid) => person(uid)).join("") + group("staff", ...people.map(personDn));
    const [first, second] = await Promise.all([startSlapd({ ldif }), startSlapd({ ldif })]);
    for (const server of [first, second]) trial.later(() => server.stop());
    const rig = await startLdapRig({
      // Replicas share entryUUID; these two servers were filled separately.
      providers: ldapYaml("corp", [first.url, second.url], "      timeout: 4s\n      recheck: 2s\n    attributes: { subject: uid }\n"),
      app: "    access: [{ allow: { groups: [staff] } }]\n",
      top: "limits: { loginsPerAddress: 100000, loginsPerAddressAtOnce: 1000 }",
    });
    trial.later(() => rig.close());
    const login = async (uid: string, visitor: Visitor = newVisitor()): Promise<VisitorAnswer> =>
      submitPassword(visitor, await visitor.browse(`${rig.wiki}/`), uid, `${uid}-secret`);

    const signedIn = newVisitor();
    await login("user0", signedIn);
    const load = startLoad(50, async () => ({ status: (await signedIn.visit(`${rig.wiki}/`)).status }) as never);
    await loginsWithin(trial, "both up", login, 4_000, 200);

    await first.kill();
    await loginsWithin(trial, "the first is down", login, 4_000, 200);
    await first.restart();
    await letPass(trial.pick(20_000, 6_000));
    first.pause();
    await loginsWithin(trial, "the first is silent", login, 4_000, 200);
    first.resume();

    await atOnce(trial, "200 logins at once", people, login);

    await Promise.all([first.kill(), second.kill()]);
    await loginsWithin(trial, "both are down", login, 4_000, 503);
    await letPass(trial.pick(20_000, 3_000));
    await Promise.all([first.restart(), second.restart()]);
    await loginsWithin(trial, "both are back", login, 4_000, 200);

    const all = await load.stop();
    const isServed = all.every(({ status }) => status === 200);
    trial.hold("signed-in traffic, all the time", isServed, byStatus(all), "all 200: an outage signs no one out");
  },
};

async function loginsWithin(
  trial: Trial,
  when: string,
  login: (uid: string) => Promise<VisitorAnswer>,
  limitMs: number,
  status: number,
): Promise<void> {
  let slowest = 0;
  const statuses: number[] = [];
  for (let at = 0; at < trial.pick(20, 4); at += 1) {
    const { ms, value } = await timed(() => login(`user${at}`));
    slowest = Math.max(slowest, ms);
    statuses.push(value.status);
  }
  const isSo = statuses.every((one) => one === status);
  trial.hold(`${statuses.length} logins, ${when}`, isSo, [...new Set(statuses)].join(", "), `all ${status}`);
  trial.hold(`the slowest, ${when}, ms`, slowest <= limitMs + trial.slackMs(), Math.round(slowest), `≤ ${limitMs}`);
}

async function atOnce(
  trial: Trial,
  what: string,
  people: readonly string[],
  login: (uid: string) => Promise<VisitorAnswer>,
): Promise<void> {
  const { ms, value } = await timed(() => Promise.all(people.map((uid) => login(uid))));
  const good = value.filter(({ status }) => status === 200).length;
  trial.hold(
    what,
    good === people.length,
    `${good} of ${people.length} in ${Math.round(ms)} ms`,
    "all, in the time that one may take each",
  );
}
