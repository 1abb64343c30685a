import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { LdapConnection, LdapSearch } from "../../../src/login/ldap/connection.ts";
import type { LdapEntry } from "../../../src/login/ldap/entries.ts";
import { readFilter } from "../../../src/login/ldap/filters.ts";
import { deepestNesting, type GroupRules, groupsOf, mostGroups } from "../../../src/login/ldap/groups.ts";
import { directoryOf, ldapSettings } from "../../support/ldap-directory.ts";
import { baseEntries, person, startSlapd, suffix } from "../../support/slapd.ts";

const rules: GroupRules = {
  base: null,
  filter: readFilter("(member={dn})"),
  name: "cn",
  nested: false,
  attribute: "memberOf",
  names: new Map(),
};
const groupName = (at: number) => `cn=g${at},ou=groups,${suffix}`;
const entry = (dn: string, memberOf: readonly string[]): LdapEntry => ({ dn, attributes: new Map([["memberof", memberOf]]) });
const member = (...memberOf: readonly string[]) => entry(`uid=alice,ou=people,${suffix}`, memberOf);
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);

/** A directory whose answers are written here; `asked` counts its searches. */
function asking(answer: (search: LdapSearch) => readonly LdapEntry[]) {
  let asked = 0;
  const connection = {
    search: (search: LdapSearch) => {
      asked += 1;
      return Promise.resolve(answer(search));
    },
  } as unknown as LdapConnection;
  return { source: { connection, left: () => 1_000, isActiveDirectory: false, rootBase: suffix }, asked: () => asked };
}

/** Each group is in the next one; after the last comes the first again where the chain is a ring. */
const chain = (length: number, isRing: boolean) =>
  asking(({ base }) => {
    const at = numbers(length).find((one) => groupName(one) === base) ?? -1;
    const next = at + 1 < length ? [groupName(at + 1)] : isRing ? [groupName(0)] : [];
    return at < 0 ? [] : [entry(base, next)];
  });

test("groups nested as deep as allowed are known, one deeper is unknown, and a ring ends", async () => {
  const nested = { ...rules, nested: true };
  const ofChain = (length: number, isRing = false) => groupsOf(chain(length, isRing).source, nested, member(groupName(0)));
  expect(await ofChain(deepestNesting)).toMatchObject({ kind: "known", names: numbers(deepestNesting).map((at) => `g${at}`) });
  expect(await ofChain(deepestNesting + 2)).toMatchObject({ kind: "unknown", why: expect.stringContaining("deep") });
  expect(await ofChain(5, true)).toMatchObject({ kind: "known", names: ["g0", "g1", "g2", "g3", "g4"] });
});

test.each([
  { when: "the entry lists them", base: null, isActiveDirectory: false },
  { when: "a search finds them", base: `ou=groups,${suffix}`, isActiveDirectory: false },
  { when: "the chain rule finds them", base: null, isActiveDirectory: true },
])("more groups than are read are unknown, not the first thousand: $when", async ({ base, isActiveDirectory }) => {
  const ofMany = (count: number) => {
    const { source } = asking(() => numbers(count).map((at) => ({ dn: groupName(at), attributes: new Map([["cn", [`g${at}`]]]) })));
    const listed = isActiveDirectory || base !== null ? [] : numbers(count).map(groupName);
    return groupsOf({ ...source, isActiveDirectory }, { ...rules, base, nested: isActiveDirectory }, member(...listed));
  };
  expect(await ofMany(mostGroups)).toMatchObject({ kind: "known", names: { length: mostGroups } });
  expect(await ofMany(mostGroups + 1)).toMatchObject({ kind: "unknown" });
});

test("a thousand groups that are all in each other are each asked about once, some at a time", async () => {
  const all = numbers(mostGroups).map(groupName);
  const { source, asked } = asking(({ base }) => [entry(base, all)]);
  expect(await groupsOf(source, { ...rules, nested: true }, member(...all))).toMatchObject({
    kind: "known",
    names: { length: mostGroups },
  });
  expect(asked()).toBeLessThanOrEqual(2 * mostGroups);
});

test("referrals are not followed: not on the way to somebody, and not as the base of people", async () => {
  let connections = 0;
  const elsewhere = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(elsewhere, "listening");
  const address = elsewhere.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const referral = `dn: ou=elsewhere,ou=people,${suffix}\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\nref: ldap://127.0.0.1:${port}/ou=people,${suffix}\n\n`;
  const slapd = await startSlapd({ ldif: baseEntries + person("alice") + referral });
  onTestFinished(async () => {
    elsewhere.close();
    await slapd.stop();
  });
  const directory = directoryOf(ldapSettings(slapd));
  expect(await directory.verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
  expect(await directory.verify("nobody", "x")).toMatchObject({ kind: "refused" });
  const below = directoryOf(ldapSettings(slapd, { userBase: `ou=elsewhere,ou=people,${suffix}` }));
  await expect(below.verify("alice", "alice-secret")).rejects.toMatchObject({ code: "ldap.answer" });
  const direct = directoryOf(ldapSettings(slapd, { userDn: `uid={login},ou=elsewhere,ou=people,${suffix}`, bind: null }));
  expect((await direct.verify("alice", "alice-secret").catch(({ code }) => ({ kind: code }))).kind).not.toBe("ok");
  expect(connections).toBe(0);
});
