import { afterAll, beforeAll, expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import { createAccountLimits } from "../../../src/login/ldap/limits.ts";
import { directoryOf, ldapSettings } from "../../support/ldap-directory.ts";
import { recordingLog } from "../../support/quiet.ts";
import { baseEntries, group, groupDn, person, personDn, startSlapd, suffix, type TestSlapd } from "../../support/slapd.ts";

let slapd: TestSlapd;
const oddPassword = "pässwörd \u200d€ 日本語 👩‍💻";
const guid = Buffer.from("00112233445566778899aabbccddeeff", "hex");
const sid = Buffer.from("010500000000000515000000a065cf7e784b9b5fe77c8770091c0100", "hex");

beforeAll(async () => {
  const windowsAccount = [
    "objectClass: adUser",
    `objectGUID:: ${guid.toString("base64")}`,
    `objectSid:: ${sid.toString("base64")}`,
    "userAccountControl: 512",
  ];
  slapd = await startSlapd({
    ldif:
      baseEntries +
      person("alice", { cn: "Zoë Alice", more: windowsAccount }) +
      person("bob") +
      person("carol") +
      person("zoe").replace("userPassword: zoe-secret", `userPassword:: ${Buffer.from(oddPassword).toString("base64")}`) +
      person("disabled", { more: ["objectClass: adUser", "userAccountControl: 514"] }) +
      person("expired", { more: ["objectClass: adUser", "accountExpires: 125000000000000000"] }) +
      person("a*b(c)\\\\d", { password: "odd-secret" }).replace("dn: uid=a*b(c)\\\\d,", "dn: uid=a*b(c)\\5c\\5cd,") +
      group("staff", personDn("alice"), personDn("bob")) +
      group("Zoë & co", personDn("alice")) +
      group("everyone", groupDn("staff"), groupDn("loop")) +
      group("loop", groupDn("everyone")),
  });
}, 30_000);
afterAll(() => slapd?.stop());

const binds = async () => (await slapd.settledLog()).match(/BIND dn="[^"]+" method=128/g)?.length ?? 0;

test("the right password gives the entry and its groups by memberOf", async () => {
  const answer = await directoryOf(ldapSettings(slapd)).verify("alice", "alice-secret");
  expect(answer.kind).toBe("ok");
  if (answer.kind !== "ok") return;
  expect(answer.person.entry.dn).toBe(personDn("alice"));
  expect(answer.person.entry.attributes.get("cn")).toEqual(["Zoë Alice"]);
  expect(answer.person.groups).toEqual({ kind: "known", names: expect.arrayContaining(["staff", "Zoë & co"]) });
});

test.each([
  { when: "an unknown name", login: "nobody", password: "x" },
  { when: "a wrong password", login: "alice", password: "x" },
  { when: "an empty password", login: "alice", password: "" },
  { when: "an empty name", login: "", password: "x" },
  { when: "a wildcard", login: "*", password: "alice-secret" },
  { when: "a wildcard at the end", login: "ali*", password: "alice-secret" },
  { when: "a closed bracket", login: "alice)(uid=*", password: "alice-secret" },
  { when: "an escaped wildcard", login: "\\2a", password: "alice-secret" },
  { when: "a NUL", login: "alice\0", password: "alice-secret" },
  { when: "a NUL behind the password", login: "alice", password: "alice-secret\0" },
  { when: "half a character in the password", login: "alice", password: "alice-secret\ud800" },
])("$when is refused, and all alike", async ({ login, password }) => {
  expect(await directoryOf(ldapSettings(slapd)).verify(login, password)).toMatchObject({ kind: "refused" });
});

test.each([
  { what: "an empty password", password: "" },
  { what: "a password behind a NUL", password: "\0alice-secret" },
  { what: "a password of soft hyphens", password: "\u00ad\u200d\ufe0f" },
])("$what is never sent", async ({ password }) => {
  const before = (await slapd.settledLog()).length;
  const direct = ldapSettings(slapd, { userDn: `uid={login},ou=people,${suffix}`, bind: null });
  for (const settings of [ldapSettings(slapd), direct])
    expect(await directoryOf(settings).verify("alice", password)).toMatchObject({ kind: "refused" });
  expect((await slapd.settledLog()).slice(before)).not.toMatch(/BIND dn="[^"]/);
});

test("a password in any script is sent as it is", async () => {
  expect(await directoryOf(ldapSettings(slapd)).verify("zoe", oddPassword)).toMatchObject({ kind: "ok" });
});

test("all spellings of a login that directories take for one have its tries together", async () => {
  const counts = new Map<string, number>();
  const count = (_: string, id: string) => Promise.resolve(counts.set(id, (counts.get(id) ?? 0) + 1).get(id) ?? 0);
  const { spend } = createAccountLimits({ count }, recordingLog());
  const spellings = [
    "alice",
    " Alice ",
    "ＡＬＩＣＥ",
    "al\u00adice",
    "al\u200bice",
    "ali\ufe0fce",
    "álice",
    "a\u0301lice",
    "ALİCE",
    "alice",
  ];
  for (const login of spellings) await spend("corp", login);
  await expect(spend("corp", "Alice")).rejects.toMatchObject({ code: "login.too-many" });
  await spend("corp", "alice b");
  await spend("other", "alice");
});

test("no password is tried on an entry whose tries are spent, by whichever name it is found", async () => {
  const filter = { userFilter: "(|(uid={login})(mail={login}))" };
  const before = await binds();
  const spent: string[] = [];
  for (const login of ["alice", "alice@acme.example", "ＡＬＩＣＥ"]) {
    const asking = directoryOf(ldapSettings(slapd, filter)).verify(login, "guess", async (entry) => {
      spent.push(entry);
      throw new GatewayError("login.too-many", "spent");
    });
    await expect(asking).rejects.toMatchObject({ code: "login.too-many" });
  }
  expect(new Set(spent)).toEqual(new Set([personDn("alice")]));
  // The service account's, on connections of three directories.
  expect((await binds()) - before).toBe(3);
});

test("a name full of special characters is found as it is", async () => {
  const answer = await directoryOf(ldapSettings(slapd)).verify("a*b(c)\\\\d", "odd-secret");
  expect(answer.kind).toBe("ok");
});

test("a login costs one bind of the visitor, known or unknown", async () => {
  const directory = directoryOf(ldapSettings(slapd));
  await directory.verify("alice", "alice-secret");
  const before = await binds();
  await directory.verify("alice", "alice-secret");
  expect((await binds()) - before).toBe(1);
  await directory.verify("nobody", "alice-secret");
  expect((await binds()) - before).toBe(2);
  expect(slapd.log()).not.toContain("alice-secret");
});

test("a direct bind needs no service account", async () => {
  const settings = ldapSettings(slapd, { userDn: `uid={login},ou=people,${suffix}`, bind: null });
  const answer = await directoryOf(settings).verify("bob", "bob-secret");
  expect(answer).toMatchObject({ kind: "ok", person: { entry: { dn: personDn("bob") }, groups: { kind: "known", names: ["staff"] } } });
});

test.each([
  { when: "a value that ends the name", login: "bob,ou=people" },
  { when: "a second value", login: "bob+cn=bob" },
  { when: "a quoted value", login: '"bob"' },
])("a direct bind takes $when for part of the login", async ({ login }) => {
  const settings = ldapSettings(slapd, { userDn: `uid={login},ou=people,${suffix}`, bind: null });
  expect(await directoryOf(settings).verify(login, "bob-secret")).toMatchObject({ kind: "refused" });
});

test("a login that is the name of a SASL mechanism is a login", async () => {
  const settings = ldapSettings(slapd, { userDn: "{login}", bind: null });
  expect(await directoryOf(settings).verify("EXTERNAL", "x")).toMatchObject({ kind: "refused" });
});

test("somebody without memberOf is in no group, which is known", async () => {
  const answer = await directoryOf(ldapSettings(slapd)).verify("carol", "carol-secret");
  expect(answer).toMatchObject({ kind: "ok", person: { groups: { kind: "known", names: [] } } });
});

test("groups are found by a search below the group base", async () => {
  const settings = ldapSettings(slapd, { groupBase: `ou=groups,${suffix}` });
  const answer = await directoryOf(settings).verify("bob", "bob-secret");
  expect(answer).toMatchObject({ kind: "ok", person: { groups: { kind: "known", names: ["staff"] } } });
});

test.each([
  { when: "by memberOf", groupBase: null },
  { when: "by search", groupBase: `ou=groups,${suffix}` },
])("nested groups are walked $when, and a cycle ends", async ({ groupBase }) => {
  const settings = ldapSettings(slapd, { groupBase, nestedGroups: true });
  const answer = await directoryOf(settings).verify("bob", "bob-secret");
  expect(answer.kind === "ok" && answer.person.groups.kind === "known" && [...answer.person.groups.names].sort()).toEqual([
    "everyone",
    "loop",
    "staff",
  ]);
});

test("a group has the name that groupNames gives its entry", async () => {
  const directory = directoryOf(ldapSettings(slapd), { groupNames: { [`CN=staff, ou=groups,${suffix}`]: "employees" } });
  expect(await directory.verify("bob", "bob-secret")).toMatchObject({ person: { groups: { names: ["employees"] } } });
});

test("a GUID and a SID become the text that Windows shows, and a GUID finds its entry again", async () => {
  const directory = directoryOf(ldapSettings(slapd), { subject: "objectGUID", wanted: ["objectSid"] });
  const answer = await directory.verify("alice", "alice-secret");
  if (answer.kind !== "ok") throw new Error(answer.kind);
  const { attributes } = answer.person.entry;
  expect(attributes.get("objectguid")).toEqual(["33221100-5544-7766-8899-aabbccddeeff"]);
  expect(attributes.get("objectsid")).toEqual(["S-1-5-21-2127521184-1604012920-1887927527-72713"]);
  expect(await directory.findSubject("33221100-5544-7766-8899-aabbccddeeff")).toMatchObject({
    kind: "ok",
    person: { entry: { dn: personDn("alice") } },
  });
});

test.each([
  { login: "disabled", problem: "disabled" },
  { login: "expired", problem: "expired" },
])("an account that is $problem says so, for the right password only", async ({ login, problem }) => {
  const directory = directoryOf(ldapSettings(slapd));
  expect(await directory.verify(login, `${login}-secret`)).toMatchObject({ kind: "problem", problem });
  expect(await directory.verify(login, "wrong")).toMatchObject({ kind: "refused" });
});

test("who is gone, disabled or outside the user filter is not found again by subject", async () => {
  const directory = directoryOf(ldapSettings(slapd, { userFilter: "(&(uid={login})(!(cn=carol)))" }), { subject: "uid" });
  expect(await directory.findSubject("bob")).toMatchObject({ kind: "ok" });
  expect(await directory.findSubject("nobody")).toMatchObject({ kind: "none" });
  expect(await directory.findSubject("disabled")).toMatchObject({ kind: "problem", problem: "disabled" });
  expect(await directory.findSubject("carol")).toMatchObject({ kind: "none" });
});

test("two entries with one login are nobody", async () => {
  const directory = directoryOf(ldapSettings(slapd, { userFilter: "(|(uid={login})(uid=carol))" }));
  expect(await directory.verify("bob", "bob-secret")).toMatchObject({
    kind: "refused",
    detail: expect.stringContaining("several entries"),
  });
});

test("two hundred logins at once share four service connections and eight of their own", async () => {
  const directory = directoryOf(ldapSettings(slapd, { timeoutMs: 10_000 }));
  let most = { service: 0, visitors: 0 };
  let [turns, running] = [0, true];
  const watch = () => {
    turns += 1;
    const { service, visitors } = directory.pool.connections();
    most = { service: Math.max(most.service, service), visitors: Math.max(most.visitors, visitors) };
    if (running) setImmediate(watch);
  };
  watch();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      directory.verify(at % 2 === 0 ? "alice" : "bob", at % 4 < 2 ? `${at % 2 === 0 ? "alice" : "bob"}-secret` : "x"),
    ),
  );
  running = false;
  expect(answers.filter(({ kind }) => kind === "ok")).toHaveLength(100);
  expect(answers.filter(({ kind }) => kind === "refused")).toHaveLength(100);
  expect(most.service).toBeLessThanOrEqual(4);
  expect(most.visitors).toBeLessThanOrEqual(8);
  expect(most.visitors).toBeGreaterThan(1);
  // Each login takes several messages, and the loop turns between any two of them.
  expect(turns).toBeGreaterThan(200);
}, 30_000);
