import { describe, expect, test } from "vitest";
import type { Principal } from "../../src/core/session.ts";
import { createDirectoryLogins } from "../../src/directory/logins.ts";
import { isLocalLoginForbidden } from "../../src/directory/rules/arrival.ts";
import { aNewToken } from "../contract/token-records.contract.ts";
import { aPrincipal, createDirectoryRig, noCaller } from "../support/directory-rig.ts";
import { createScimRig, groupSchema, patchOf, userSchema } from "../support/scim-rig.ts";

const names = ({ groups }: Principal) => (groups.kind === "known" ? groups.names : null);

describe("just-in-time accounts", () => {
  test("the first login makes a person with a stable id, which later logins keep", async () => {
    const rig = createDirectoryRig();
    const first = await rig.admit({ provider: "okta", subject: "1", email: "zoe@example.org", name: "Zoë" });
    const second = await rig.admit({ provider: "okta", subject: "1", email: "zoe@new.example", name: "Zoë B." });
    expect(first.person?.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(second.person?.id).toBe(first.person?.id);
    expect(rig.audited.map((event) => "action" in event && event.action)).toEqual(["person-made"]);
  });

  test("with scim only, somebody who was not provisioned is refused", async () => {
    const rig = createDirectoryRig({ provisioning: "scim" });
    await expect(rig.admit({ provider: "okta", subject: "1" })).rejects.toMatchObject({ code: "directory.not-provisioned" });
    expect((await rig.people.search("", { offset: 0, limit: 10 })).total).toBe(0);
  });

  test("with scim only, a person of before whom nobody has provisioned is refused, until a provider does", async () => {
    const before = createDirectoryRig({ provisioning: "jit" });
    const zoe = await before.admit({ provider: "okta", subject: "1", email: "z@example.org" });
    const rig = createScimRig({ provisioning: "scim" }, { store: before.store });
    await expect(rig.admit({ provider: "okta", subject: "1" })).rejects.toMatchObject({ code: "directory.not-provisioned" });
    expect(await rig.logins.recall(zoe)).toMatchObject({ kind: "out" });
    await rig.as("okta")("POST", "/Users", { schemas: [userSchema], userName: "z", externalId: "1" });
    expect((await rig.admit({ provider: "okta", subject: "1" })).person?.id).toBe(zoe.person?.id);
  });

  test("a login that brings nothing new writes nothing, and the day of the last one is kept", async () => {
    const rig = createDirectoryRig();
    const login = { provider: "okta", subject: "1", email: "z@example.org" };
    const { person } = await rig.admit(login);
    const stored = async () => {
      const [found] = await rig.store.read("person", [person?.id ?? ""]);
      return [found?.version, (found?.document as { readonly seenAt: number } | undefined)?.seenAt];
    };
    const first = await stored();
    rig.now += 60_000;
    await rig.admit(login);
    expect(await stored()).toEqual(first);
    rig.now += 3_600_000;
    await rig.admit(login);
    expect(await stored()).toEqual([2, rig.now]);
  });

  test("many first logins of one account at once make one person", async () => {
    const rig = createDirectoryRig();
    const admitted = await Promise.all(
      Array.from({ length: 8 }, () => rig.admit({ provider: "okta", subject: "1", email: "z@example.org" })),
    );
    expect(new Set(admitted.map(({ person }) => person?.id)).size).toBe(1);
    expect((await rig.people.search("", { offset: 0, limit: 10 })).total).toBe(1);
  });

  test("a person who is shut out is refused, by whichever account", async () => {
    const rig = createDirectoryRig();
    const { person } = await rig.admit({ provider: "okta", subject: "1", email: "z@example.org" });
    await rig.admit({ provider: "adfs", subject: "2", email: "z@example.org" });
    await rig.people.setBlocked(person?.id ?? "", true, { request: null, client: null });
    await expect(rig.admit({ provider: "okta", subject: "1" })).rejects.toMatchObject({ code: "directory.deactivated" });
    await expect(rig.admit({ provider: "adfs", subject: "2" })).rejects.toMatchObject({ code: "directory.deactivated" });
  });
});

describe("link by mail then by id", () => {
  const zoe = { provider: "okta", subject: "1", email: "zoe@example.org" } as const;

  test("a second provider's verified address finds the person", async () => {
    const rig = createDirectoryRig();
    const first = await rig.admit(zoe);
    const second = await rig.admit({ provider: "adfs", subject: "Z", email: "ZOE@example.org" });
    expect(second.person?.id).toBe(first.person?.id);
    expect(rig.audited.map((event) => "action" in event && event.action)).toEqual(["person-made", "account-linked"]);
  });

  test("mail changes on either side, the link stays", async () => {
    const rig = createDirectoryRig();
    const { person } = await rig.admit(zoe);
    await rig.admit({ provider: "adfs", subject: "Z", email: zoe.email });
    for (const changed of [
      { ...zoe, email: "married@example.org" },
      { provider: "adfs", subject: "Z", email: "other@corp.example" },
      { ...zoe, email: null },
      { provider: "adfs", subject: "Z", email: zoe.email },
    ]) {
      expect((await rig.admit(changed)).person?.id).toBe(person?.id);
    }
    expect((await rig.people.search("", { offset: 0, limit: 10 })).total).toBe(1);
  });

  test("a second claimant of a linked address is refused, with an audit line", async () => {
    const rig = createDirectoryRig();
    const { person } = await rig.admit(zoe);
    await rig.admit({ provider: "adfs", subject: "Z", email: zoe.email });
    await expect(rig.admit({ provider: "adfs", subject: "EVIL", email: zoe.email })).rejects.toMatchObject({
      code: "directory.address-claimed",
    });
    expect(rig.audited.at(-1)).toMatchObject({
      event: "directory",
      action: "claim-refused",
      person: person?.id,
      provider: "adfs",
      subject: "EVIL",
    });
    // The rightful accounts go on.
    expect((await rig.admit(zoe)).person?.id).toBe(person?.id);
    expect((await rig.admit({ provider: "adfs", subject: "Z", email: zoe.email })).person?.id).toBe(person?.id);
  });

  test("an address that was given up belongs to its next holder", async () => {
    const rig = createDirectoryRig();
    const { person } = await rig.admit(zoe);
    await rig.admit({ ...zoe, email: "new@example.org" });
    const next = await rig.admit({ provider: "okta", subject: "2", email: zoe.email });
    expect(next.person?.id).not.toBe(person?.id);
    expect((await rig.admit({ provider: "adfs", subject: "N", email: zoe.email })).person?.id).toBe(next.person?.id);
  });

  test("an address under another provider's domain never links", async () => {
    const rig = createDirectoryRig();
    const entra = await rig.admit({ provider: "entra", subject: "1", email: "alice@acme.example" });
    const other = await rig.admit({ provider: "okta", subject: "A", email: "alice@acme.example" });
    expect(other.person?.id).not.toBe(entra.person?.id);
    // Nor does the stranger hold the address afterwards.
    expect((await rig.people.person(other.person?.id ?? ""))?.addresses).toEqual([]);
  });

  test("an address under a domain that is not proved links nobody, and is held by nobody until it is", async () => {
    const rig = createDirectoryRig();
    rig.unproven.add("acme.example");
    const entra = { provider: "entra", subject: "1", email: "alice@acme.example" };
    const first = await rig.admit(entra);
    expect((await rig.people.person(first.person?.id ?? ""))?.addresses).toEqual([]);
    rig.unproven.clear();
    await rig.admit(entra);
    expect((await rig.people.person(first.person?.id ?? ""))?.addresses).toEqual(["alice@acme.example"]);
  });

  test("an unverified address, which arrives as none, links nobody", async () => {
    const rig = createDirectoryRig();
    const first = await rig.admit(zoe);
    expect((await rig.admit({ provider: "adfs", subject: "Z", email: null })).person?.id).not.toBe(first.person?.id);
  });

  test("with link: none each account is a person of its own", async () => {
    const rig = createDirectoryRig({ link: "none" });
    const first = await rig.admit(zoe);
    expect((await rig.admit({ provider: "adfs", subject: "Z", email: zoe.email })).person?.id).not.toBe(first.person?.id);
  });

  test("two providers that meet somebody for the first time at once make one person", async () => {
    const rig = createDirectoryRig();
    const [one, other] = await Promise.all([rig.admit(zoe), rig.admit({ provider: "adfs", subject: "Z", email: zoe.email })]);
    expect(one.person?.id).toBe(other.person?.id);
  });
});

describe("attributes: title once, manager only where empty, name and picture each time", () => {
  const attributes = { title: "first-login", manager: "if-empty" } as const;
  const login = (name: string, extra: Record<string, string[]>) => ({ provider: "okta", subject: "1", name, extra });

  test("a second login replaces the name and the picture and leaves title and manager", async () => {
    const rig = createDirectoryRig({ attributes });
    await rig.admit(login("Zoë", { title: ["Engineer"], manager: ["bob"], picture: ["https://p.example/1.png"], department: ["IT"] }));
    const again = await rig.admit(
      login("Zoë Brandt", { title: ["Director"], manager: ["carol"], picture: ["https://p.example/2.png#x"], department: ["Sales"] }),
    );
    expect(again.name).toBe("Zoë Brandt");
    expect(again.extra).toEqual({ title: ["Engineer"], manager: ["bob"], picture: ["https://p.example/2.png"], department: ["Sales"] });
    expect(again.person?.manager).toBe("bob");
  });

  test("a manager who was not said at first is taken later", async () => {
    const rig = createDirectoryRig({ attributes });
    await rig.admit(login("Zoë", {}));
    expect((await rig.admit(login("Zoë", { manager: ["carol"] }))).person?.manager).toBe("carol");
  });

  test("what a provider says no more goes, and another provider's word stays", async () => {
    const rig = createDirectoryRig();
    await rig.admit({ provider: "okta", subject: "1", email: "z@example.org", extra: { department: ["IT"], phone: ["1"] } });
    const other = await rig.admit({ provider: "adfs", subject: "Z", email: "z@example.org", extra: { phone: ["2"] } });
    expect(other.extra).toEqual({ department: ["IT"], phone: ["2"] });
    const again = await rig.admit({ provider: "okta", subject: "1", email: "z@example.org", extra: {} });
    expect(again.extra).toEqual({ phone: ["2"] });
  });

  test("whether somebody may use an emergency account is an operator's word, not a provider's", async () => {
    const rig = createDirectoryRig();
    const login = { provider: "okta", subject: "1", extra: { localLogin: ["allowed"] } };
    const { person, extra } = await rig.admit(login);
    expect(extra.localLogin).toBeUndefined();
    await rig.people.setAttribute(person?.id ?? "", "localLogin", ["forbidden"], { request: null, client: null });
    await rig.admit(login);
    expect((await rig.people.person(person?.id ?? ""))?.attributes.localLogin?.values).toEqual(["forbidden"]);
  });

  test.each([
    { value: "forbidden", forbidden: true },
    { value: " No ", forbidden: true },
    { value: "FALSE", forbidden: true },
    { value: "allowed", forbidden: false },
    { value: "", forbidden: false },
  ])("localLogin: $value forbids emergency accounts: $forbidden", async ({ value, forbidden }) => {
    const rig = createDirectoryRig();
    const { person } = await rig.admit({ provider: "okta", subject: "1" });
    const id = person?.id ?? "";
    await rig.people.setAttribute(id, "localLogin", [value], { request: null, client: null });
    const kept = await rig.people.person(id);
    expect(kept !== null && isLocalLoginForbidden(kept)).toBe(forbidden);
  });

  test("names lose line breaks and direction signs, pictures that are no plain https addresses are dropped", async () => {
    const rig = createDirectoryRig();
    const said = { provider: "okta", subject: "1", name: "  Zoë\n\u202eBrandt\u0000 ", extra: { picture: ["javascript:alert(1)"] } };
    const admitted = await rig.admit(said);
    expect(admitted.name).toBe("Zoë Brandt");
    expect(admitted.extra).toEqual({});
    for (const sign of ["\u061c", "\u200b", "\u200e", "\u2066", "\ufeff"])
      expect((await rig.admit({ ...said, name: `a${sign}b` })).name).toBe("ab");
    expect((await rig.admit({ ...said, name: "é".repeat(500) })).name).toHaveLength(200);
    for (const picture of ["http://p.example/a.png", "https://u:p@p.example/a", "data:image/png;base64,AA", "https://p.example/a b"]) {
      expect((await rig.admit({ ...said, extra: { picture: [picture] } })).extra.picture, picture).toBeUndefined();
    }
  });
});

describe("roles and teams", () => {
  const roles = {
    admin: { groups: ["Admins"], managers: false, keep: true },
    manager: { groups: ["leads"], managers: true, keep: false },
    sre: { groups: ["5f4c"], managers: false, keep: false },
  };
  const groups = (...all: string[]) => ({ kind: "known" as const, names: all });

  test("three groups: by name without case, by id, and one that gives nothing", async () => {
    const rig = createDirectoryRig({ roles });
    const admitted = await rig.admit({ provider: "entra", subject: "1", groups: groups("aDMINS", "sre", "others") });
    expect(admitted.person?.roles).toEqual(["admin", "sre"]);
    expect(admitted.person?.why).toEqual(["role admin: group aDMINS", "role sre: group sre"]);
  });

  test("a role with keep outlives the group, another does not", async () => {
    const rig = createDirectoryRig({ roles });
    await rig.admit({ provider: "entra", subject: "1", groups: groups("admins", "sre") });
    const later = await rig.admit({ provider: "entra", subject: "1", groups: groups() });
    expect(later.person?.roles).toEqual(["admin"]);
    expect(later.person?.why).toEqual(["role admin: kept from an earlier login"]);
  });

  test("a role of which keep is taken out of the configuration goes with the group", async () => {
    const before = createDirectoryRig({ roles });
    await before.admit({ provider: "entra", subject: "1", groups: groups("admins") });
    const now = createDirectoryRig({ roles: { admin: { ...roles.admin, keep: false } } }, { store: before.store });
    expect((await now.admit({ provider: "entra", subject: "1", groups: groups() })).person?.roles).toEqual([]);
  });

  test("a manager who is out is written no more", async () => {
    const rig = createDirectoryRig();
    const { person } = await rig.admit({ provider: "okta", subject: "boss", email: "boss@example.org" });
    const worker = { provider: "okta", subject: "w", extra: { manager: ["boss"] } };
    expect((await rig.admit(worker)).person?.manager).toBe("boss@example.org");
    await rig.people.setBlocked(person?.id ?? "", true, { request: null, client: null });
    expect((await rig.admit(worker)).person?.manager).toBeNull();
  });

  test("whoever is somebody's manager has the role, and only as long", async () => {
    const rig = createDirectoryRig({ roles });
    const boss = { provider: "okta", subject: "boss", email: "boss@example.org", name: "Bo" } as const;
    expect((await rig.admit(boss)).person?.roles).toEqual([]);
    const worker = await rig.admit({ provider: "okta", subject: "w", extra: { manager: ["BOSS@example.org"] } });
    expect(worker.person?.manager).toBe("boss@example.org");
    expect((await rig.admit(boss)).person?.roles).toEqual(["manager"]);
    await rig.admit({ provider: "okta", subject: "w", extra: {} });
    expect((await rig.admit(boss)).person?.roles).toEqual([]);
  });

  test("one's own manager is nobody's manager", async () => {
    const rig = createDirectoryRig({ roles });
    await rig.admit({ provider: "okta", subject: "boss", extra: { manager: ["boss"] } });
    expect((await rig.admit({ provider: "okta", subject: "boss", extra: { manager: ["boss"] } })).person?.roles).toEqual([]);
  });

  test("another provider's account of the same name is not the manager", async () => {
    const rig = createDirectoryRig({ roles });
    await rig.admit({ provider: "okta", subject: "w", extra: { manager: ["boss"] } });
    expect((await rig.admit({ provider: "adfs", subject: "boss" })).person?.roles).toEqual([]);
    expect((await rig.admit({ provider: "okta", subject: "boss" })).person?.roles).toEqual(["manager"]);
  });

  test("a group is a team by its id first, and by its name only until the id is remembered", async () => {
    const teams = { from: ["groups" as const], create: true, names: { "id-1": "Operations", unused: "Design" } };
    const rig = createDirectoryRig({ teams });
    const withId = (name: string, id: string) => ({
      provider: "entra",
      subject: "1",
      groups: { kind: "known" as const, names: [name], ids: { [name]: id } },
    });
    expect((await rig.admit(withId("anything", "id-1"))).person?.teams).toEqual(["Operations"]);
    // By name, without case; from now on the id says it.
    expect((await rig.admit(withId("dESIGN", "id-2"))).person?.teams).toEqual(["Design"]);
    expect((await rig.admit(withId("Renamed", "id-2"))).person?.teams).toEqual(["Design"]);
    // Groups never make a team.
    expect((await rig.admit(withId("Hackers", "id-3"))).person?.teams).toEqual([]);
  });

  test("an id counts before a name, and means nothing at another provider", async () => {
    const teams = { from: ["groups" as const], create: false, names: { a: "Design", b: "Operations" } };
    const rig = createDirectoryRig({ teams });
    const by = (provider: string, name: string, id: string) => ({
      ...{ provider, subject: "1" },
      groups: { kind: "known" as const, names: [name], ids: { [name]: id } },
    });
    expect((await rig.admit(by("entra", "Design", "7"))).person?.teams).toEqual(["Design"]);
    // Renamed to what another team is called, the group is what it was.
    expect((await rig.admit(by("entra", "Operations", "7"))).person?.teams).toEqual(["Design"]);
    expect((await rig.admit(by("okta", "Others", "7"))).person?.teams).toEqual([]);
  });

  test("only what `from` names gives teams", async () => {
    const names = { x: "Operations", y: "Design" };
    const said = { provider: "okta", subject: "1", groups: groups("design"), extra: { department: ["Operations"] } };
    for (const from of ["department", "groups"] as const) {
      const rig = createDirectoryRig({ teams: { from: [from], create: false, names } });
      const { person } = await rig.admit(said);
      expect(person?.why).toEqual([from === "groups" ? "team Design: group design" : "team Operations: department Operations"]);
    }
    const none = createDirectoryRig({ teams: { from: [], create: false, names } });
    expect((await none.admit(said)).person?.teams).toEqual([]);
  });

  test("a department is a team without case, and makes one only where that is wanted", async () => {
    const login = (subject: string, department: string) => ({ provider: "okta", subject, extra: { department: [department] } });
    const strict = createDirectoryRig({ teams: { from: ["department"], create: false, names: { x: "Operations" } } });
    expect((await strict.admit(login("1", "OPERATIONS"))).person?.teams).toEqual(["Operations"]);
    expect((await strict.admit(login("2", "Sales"))).person?.teams).toEqual([]);
    const open = createDirectoryRig({ teams: { from: ["department"], create: true, names: {} } });
    expect((await open.admit(login("1", "Sales"))).person?.teams).toEqual(["Sales"]);
    expect((await open.admit(login("2", "sALES"))).person?.teams).toEqual(["Sales"]);
  });

  test("default groups are everybody's, and groups that are unknown stay unknown", async () => {
    const rig = createDirectoryRig({ defaultGroups: ["everybody"], roles });
    expect(names(await rig.admit({ provider: "okta", subject: "1", groups: groups("a") }))).toEqual(["a", "everybody"]);
    const unknown = await rig.admit({ provider: "okta", subject: "1", groups: { kind: "unknown", why: "overage" } });
    expect(unknown.groups).toEqual({ kind: "unknown", why: "overage" });
  });
});

describe("operators", () => {
  const nobody = { request: null, client: null };

  test("unlinking makes a person of its own, and the address does not link it back", async () => {
    const rig = createDirectoryRig();
    const zoe = await rig.signIn({ provider: "okta", subject: "1", email: "z@example.org" });
    await rig.signIn({ provider: "adfs", subject: "Z", email: "z@example.org" });
    const parted = await rig.people.unlink("adfs", "Z", nobody);
    expect(parted).not.toBe(zoe.principal.person?.id);
    expect((await rig.admit({ provider: "adfs", subject: "Z", email: "z@example.org" })).person?.id).toBe(parted);
    expect((await rig.admit({ provider: "okta", subject: "1", email: "z@example.org" })).person?.id).toBe(zoe.principal.person?.id);
  });

  test("merging makes one person, and its sessions say so at once", async () => {
    const rig = createDirectoryRig();
    const one = await rig.signIn({ provider: "okta", subject: "1" });
    const other = await rig.signIn({ provider: "adfs", subject: "Z" });
    const [into, from] = [one.principal.person?.id ?? "", other.principal.person?.id ?? ""];
    expect(await rig.people.merge(into, from, nobody)).toBe(true);
    expect((await rig.sessions.find(other.id))?.principal.person?.id).toBe(into);
    expect(await rig.people.person(from)).toBeNull();
    expect(await rig.people.merge(into, from, nobody)).toBe(false);
    expect(await rig.people.merge(into, into, nobody)).toBe(false);
  });

  test("shutting out and removing end the sessions of all accounts", async () => {
    const rig = createDirectoryRig();
    const sessions = [
      await rig.signIn({ provider: "okta", subject: "1", email: "z@example.org" }),
      await rig.signIn({ provider: "adfs", subject: "Z", email: "z@example.org" }),
      await rig.signIn({ provider: "adfs", subject: "OTHER" }),
    ];
    const id = sessions[0]?.principal.person?.id ?? "";
    await rig.people.setBlocked(id, true, nobody);
    const left = async () =>
      (await Promise.all(sessions.map((session) => rig.sessions.find(session.id)))).map((session) => session !== null);
    expect(await left()).toEqual([false, false, true]);
    expect(await rig.people.remove(sessions[2]?.principal.person?.id ?? "", nobody)).toBe(true);
    expect(await left()).toEqual([false, false, false]);
  });

  test("people are found by a part of their name, address or subject", async () => {
    const rig = createDirectoryRig();
    await rig.admit({ provider: "okta", subject: "S-1", name: "Zoë Brandt", email: "z.b@example.org" });
    await rig.admit({ provider: "okta", subject: "S-2", name: "Bob" });
    for (const text of ["zoë", "BRANDT", "z.b@example.org", "s-1", "zoë brandt"]) {
      expect(
        (await rig.people.search(text, { offset: 0, limit: 9 })).people.map(({ accounts }) => accounts[0]?.subject),
        text,
      ).toEqual(["S-1"]);
    }
    expect((await rig.people.search("", { offset: 1, limit: 1 })).total).toBe(2);
  });

  test("what they see says where each role came from", async () => {
    const rig = createDirectoryRig({ roles: { admin: { groups: ["admins"], managers: false, keep: false } } });
    const { person } = await rig.admit({ provider: "okta", subject: "1", groups: { kind: "known", names: ["admins"] } });
    expect(await rig.people.explain(person?.id ?? "")).toMatchObject({
      groups: ["admins"],
      roles: ["admin"],
      why: ["role admin: group admins"],
    });
  });
});

test("a person who is shut out loses the personal tokens of all accounts, and nobody else does", async () => {
  const rig = createDirectoryRig();
  const make = async (provider: string, subject: string, email: string | null) => {
    const { principal } = await rig.signIn({ provider, subject, email });
    return rig.tokens.create(aNewToken(`vst_${provider}-${subject}`, { principal, endsAtLatest: rig.now + 3_600_000 }));
  };
  const [one, two] = [await make("okta", "1", "z@example.org"), await make("adfs", "Z", "z@example.org")];
  const other = await make("adfs", "OTHER", null);
  await rig.people.setBlocked(one.principal.person?.id ?? "", true, { request: null, client: null });
  expect(await Promise.all([one, two, other].map(async ({ id }) => (await rig.tokens.find(id)) !== null))).toEqual([false, false, true]);
  const ended = rig.audited.filter((event) => event.event === "personal-token");
  expect(ended).toMatchObject([
    { action: "ended", why: "revoked", principal: { subject: "1" } },
    { action: "ended", why: "revoked", principal: { subject: "Z" } },
  ]);
  await expect(rig.effects.settle(await rig.tokens.create(aNewToken("vst_late", { principal: one.principal })))).rejects.toMatchObject({
    code: "directory.deactivated",
  });
});

test("where a provider's SCIM says all of groups, its silence at login is no mystery", async () => {
  const rig = createScimRig();
  const { id } = await rig.user({ externalId: "z" });
  await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName: "Staff", members: [{ value: id }] });
  const silent = aPrincipal({ provider: "entra", subject: "z", groups: { kind: "unknown", why: "not said" } });
  const byScim = createDirectoryLogins({ ...rig.deps, groupsByScim: (provider) => provider === "entra" });
  expect(names(await byScim.admit(silent, noCaller))).toEqual(["Staff"]);
  // Anywhere else it means that nothing is known, and rules that turn on groups refuse.
  expect(names(await rig.logins.admit(silent, noCaller))).toBeNull();
});

test("a personal token has the groups and roles of now, and loses what its owner loses", async () => {
  const rig = createScimRig({ roles: { admin: { groups: ["Admins"], managers: false, keep: false } } });
  const { id } = await rig.user({ userName: "z@acme.example" });
  const { body: group } = await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName: "Admins", members: [{ value: id }] });
  const { principal } = await rig.signIn({ provider: "entra", subject: "z", email: "z@acme.example" });
  const token = await rig.tokens.create(aNewToken("vst_z", { principal, endsAtLatest: rig.now + 3_600_000 }));
  const roles = async () => (await rig.tokens.find(token.id))?.principal.person?.roles;
  expect(await roles()).toEqual(["admin"]);
  await rig.scim("PATCH", `/Groups/${group.id}`, patchOf({ op: "remove", path: `members[value eq "${id}"]` }));
  expect(await roles()).toEqual([]);
  await rig.scim("PATCH", `/Groups/${group.id}`, patchOf({ op: "add", path: "members", value: [{ value: id }] }));
  expect(await roles()).toEqual(["admin"]);
});

test("what was ended because of a person stands in the audit log: their sessions, and one that could not be judged again", async () => {
  const rig = createDirectoryRig();
  const nobody = { request: null, client: null };
  const zoe = await rig.signIn({ provider: "okta", subject: "1", email: "z@example.org" });
  const other = await rig.signIn({ provider: "adfs", subject: "Z", email: "z@example.org" });
  // A refresh holds the lease: whose account is parted meanwhile has another person's session, and it ends.
  const lease = await rig.facts.lease(`refresh:${other.key}`, 5_000);
  await rig.people.unlink("adfs", "Z", nobody);
  await lease?.release();
  expect(await rig.sessions.find(other.id)).toBeNull();
  expect(rig.audited).toContainEqual(expect.objectContaining({ event: "logout", session: other.key, why: "revoked" }));
  await rig.people.setBlocked(zoe.principal.person?.id ?? "", true, nobody);
  const revocation = { event: "revocation", provider: "okta", subject: "1", sessions: 1, why: "revoked" };
  expect(rig.audited).toContainEqual(expect.objectContaining(revocation));
});

test("a person who is shut out while signing in gets no session that lives", async () => {
  const rig = createDirectoryRig();
  const admitted = await rig.admit({ provider: "okta", subject: "1" });
  await rig.people.setBlocked(admitted.person?.id ?? "", true, { request: null, client: null });
  // The login was judged before and is written after.
  const session = await rig.sessions.create({
    principal: admitted,
    providerSession: null,
    logoutHandle: null,
    tokens: null,
    refreshAt: null,
    endsAtLatest: null,
  });
  await expect(rig.effects.settle(session)).rejects.toMatchObject({ code: "directory.deactivated" });
  expect(await rig.sessions.find(session.id)).toBeNull();
});
