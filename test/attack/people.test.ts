import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { DirectoryStore } from "../../src/core/ports/directory-store.ts";
import { openSqliteDirectory } from "../../src/directory/sqlite/store.ts";
import { createDirectoryRig } from "../support/directory-rig.ts";
import { createScimRig, groupSchema, patchOf, patchSchema, userSchema } from "../support/scim-rig.ts";

/*
 * Attacks on who is who: another's address in other letters, a provider that reaches for another's people, bodies that cost more than they
 * say, two instances that change one thing at once.
 */
const stores: DirectoryStore[] = [];
let folder: string | null = null;
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  if (folder !== null) await rm(folder, { recursive: true, force: true });
  folder = null;
});

describe("an address in other letters", () => {
  test.each([
    { when: "in capitals", email: "MIKE@example.org", same: true },
    { when: "in another normal form", email: "mike@example.org".normalize("NFD"), same: true },
    { when: "with a Kelvin sign", email: "mi\u212Ae@example.org", same: false },
    { when: "with a Cyrillic letter", email: "mik\u0435@example.org", same: false },
    { when: "with a full-width letter", email: "\uFF4Dike@example.org", same: false },
    { when: "with a dotted capital I", email: "m\u0130ke@example.org", same: false },
    { when: "with a soft hyphen", email: "mi\u00ADke@example.org", same: false },
    { when: "of a subdomain", email: "mike@mail.example.org", same: false },
    { when: "with a tag", email: "mike+tag@example.org", same: false },
  ])("$when links: $same", async ({ email, same }) => {
    const rig = createDirectoryRig();
    const mike = await rig.admit({ provider: "okta", subject: "1", email: "mike@example.org" });
    const other = await rig.admit({ provider: "adfs", subject: "x", email });
    expect(other.person?.id === mike.person?.id).toBe(same);
  });

  test("a subject in the form of another account's name is another account", async () => {
    const rig = createDirectoryRig();
    const one = await rig.admit({ provider: "okta", subject: 'a","b' });
    const other = await rig.admit({ provider: "okta", subject: "a" });
    const third = await rig.admit({ provider: 'okta","a' as "okta", subject: "b" });
    expect(new Set([one, other, third].map(({ person }) => person?.id)).size).toBe(3);
    expect((await rig.admit({ provider: "okta", subject: "A" })).person?.id).not.toBe(other.person?.id);
  });
});

describe("a provider's SCIM and another's people", () => {
  test("no request of one provider shows, changes or deletes what another has brought", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe@acme.example", externalId: "z" });
    const { body: group } = await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName: "Chiefs", members: [{ value: id }] });
    const session = await rig.signIn({ provider: "entra", subject: "z", email: "zoe@acme.example" });
    const okta = rig.as("okta");
    const off = patchOf({ op: "replace", path: "active", value: false });
    const attempts = [
      await okta("GET", `/Users/${id}`),
      await okta("PATCH", `/Users/${id}`, off),
      await okta("PUT", `/Users/${id}`, { schemas: [userSchema], userName: "zoe@acme.example", active: false }),
      await okta("DELETE", `/Users/${id}`),
      await okta("PATCH", `/Groups/${group.id}`, patchOf({ op: "replace", path: "displayName", value: "Mine" })),
      await okta("DELETE", `/Groups/${group.id}`),
    ];
    expect(attempts.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404]);
    expect((await okta("GET", "/Users")).body.totalResults).toBe(0);
    expect((await okta("GET", "/Groups?filter=displayName%20pr")).body.totalResults).toBe(0);
    const bulk = await okta("POST", "/Bulk", {
      schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
      Operations: [
        { method: "DELETE", path: `/Users/${id}` },
        { method: "DELETE", path: `/Users/x/../${id}` },
        { method: "DELETE", path: `/Groups/..%2FUsers%2F${id}` },
        { method: "PATCH", path: `//Users/${id}`, data: off },
      ],
    });
    expect(bulk.body.Operations.map(({ status }: { status: string }) => status)).not.toContain("204");
    expect(bulk.body.Operations.map(({ status }: { status: string }) => status)).not.toContain("200");
    // A deactivated namesake there is another person: an address under entra's domain takes nobody over.
    await okta("POST", "/Users", { schemas: [userSchema], userName: "zoe@acme.example", externalId: "z", active: false });
    expect(await rig.sessions.find(session.id)).not.toBeNull();
    expect((await rig.scim("GET", `/Users/${id}`)).body.active).toBe(true);
  });

  test("no group of one provider takes in what another has brought, and the provider's own come in", async () => {
    const rig = createScimRig();
    const { id: user } = await rig.user({ userName: "zoe@acme.example" });
    const { body: group } = await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName: "Chiefs" });
    const okta = rig.as("okta");
    const { body: own } = await okta("POST", "/Users", { schemas: [userSchema], userName: "own" });
    const { body: mine } = await okta("POST", "/Groups", { schemas: [groupSchema], displayName: "Mine" });
    for (const value of [user, group.id]) {
      const whole = { schemas: [groupSchema], displayName: "Trap", members: [{ value, type: value === user ? "User" : "Group" }] };
      const answers = [
        await okta("POST", "/Groups", whole),
        await okta("PUT", `/Groups/${mine.id}`, whole),
        await okta("PATCH", `/Groups/${mine.id}`, patchOf({ op: "add", path: "members", value: [{ value }] })),
      ];
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
    }
    expect((await rig.scim("GET", `/Users/${user}`)).body.groups).toBeUndefined();
    const { body: second } = await okta("POST", "/Groups", { schemas: [groupSchema], displayName: "Second" });
    const added = await okta(
      "PATCH",
      `/Groups/${mine.id}`,
      patchOf({ op: "add", path: "members", value: [{ value: own.id }, { value: second.id }] }),
    );
    expect(added.body.members.map(({ type }: { type: string }) => type)).toEqual(["User", "Group"]);
  });

  test("two of a provider's Users are two people, whatever address they share", async () => {
    const rig = createScimRig();
    const shared = { emails: [{ value: "desk@acme.example" }] };
    await rig.user({ userName: "one", ...shared });
    const two = await rig.user({ userName: "two", ...shared });
    expect((await rig.people.search("", { offset: 0, limit: 9 })).total).toBe(2);
    await rig.scim("PATCH", `/Users/${two.id}`, patchOf({ op: "replace", path: "active", value: false }));
    const { people } = await rig.people.search("", { offset: 0, limit: 9 });
    expect(people.map(({ accounts }) => accounts.map(({ user }) => user?.active))).toEqual([[true], [false]]);
  });
});

describe("bodies that cost more than they say", () => {
  test.each([
    { what: "parentheses", filter: `${"(".repeat(20_000)}userName pr${")".repeat(20_000)}` },
    { what: "negations", filter: `${"not (".repeat(20_000)}userName pr${")".repeat(20_000)}` },
    { what: "alternatives", filter: Array.from({ length: 20_000 }, (_, at) => `userName eq "${at}"`).join(" or ") },
    { what: "an endless word", filter: `userName eq "${"a".repeat(400_000)}"` },
    { what: "backslashes", filter: `userName eq "${"\\\\".repeat(100_000)}"` },
  ])("a filter of $what is refused or answered, and the next one is answered", async ({ filter }) => {
    const rig = createScimRig();
    await rig.user({ userName: "zoe" });
    const body = { schemas: ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], filter };
    const answer = await rig.scim("POST", "/Users/.search", body);
    expect([200, 400]).toContain(answer.status);
    if (answer.status === 400) expect(["invalidFilter", "tooMany"]).toContain(answer.body.scimType);
    expect((await rig.scim("GET", '/Users?filter=userName%20eq%20"zoe"')).body.totalResults).toBe(1);
  });

  test("a PATCH that multiplies a list is refused as a whole and leaves the User as it was", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe" });
    const value = Array.from({ length: 200 }, (_, at) => ({ value: `a${at}@example.org`, type: "work" }));
    const operations = Array.from({ length: 1_001 }, () => ({ op: "add", path: "emails", value }));
    expect(await rig.scim("PATCH", `/Users/${id}`, patchOf(...operations))).toMatchObject({
      status: expect.toSatisfy((status) => status === 400 || status === 413),
    });
    expect((await rig.scim("GET", `/Users/${id}`)).body.emails).toBeUndefined();
  });

  test("a body beyond the announced size is 413, one below it is read", async () => {
    const rig = createScimRig();
    const padded = (bytes: number) => JSON.stringify({ schemas: [userSchema], userName: "zoe", unknown: "x".repeat(bytes) });
    expect((await rig.scim("POST", "/Users", padded(512 * 1024))).status).toBe(413);
    expect((await rig.scim("POST", "/Users", padded(400 * 1024))).status).toBe(201);
  });

  test.each(["[", '{"a":'])("a value that begins %s 50,000 times over is refused, and the next request is answered", async (open) => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe" });
    const deep = `${open.repeat(50_000)}1${(open === "[" ? "]" : "}").repeat(50_000)}`;
    const operation = (data: string) => `{"method":"POST","bulkId":"b","path":"/Users","data":${data}}`;
    const bodies = [
      ["POST", "/Users", `{"schemas":["${userSchema}"],"userName":"a","emails":${deep}}`],
      ["PUT", `/Users/${id}`, `{"schemas":["${userSchema}"],"userName":"zoe","name":${deep}}`],
      ["PATCH", `/Users/${id}`, `{"schemas":["${patchSchema}"],"Operations":[{"op":"add","path":"emails","value":${deep}}]}`],
      ["POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[${operation(deep)}]}`],
      ["POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":${deep}}`],
    ] as const;
    for (const [method, path, body] of bodies) {
      const answer = await rig.scim(method, path, body);
      const status = path === "/Bulk" && answer.status === 200 ? Number(answer.body.Operations[0]?.status) : answer.status;
      expect(status, `${method} ${path}`).toBe(400);
    }
    expect((await rig.scim("GET", `/Users/${id}`)).body.userName).toBe("zoe");
  });

  test.each(["__proto__", "constructor", "toString"])("a member named %s is no attribute and changes no other object", async (name) => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe" });
    await rig.scim(
      "PATCH",
      `/Users/${id}`,
      `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","value":{"${name}":{"polluted":"yes"}}}]}`,
    );
    await rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "add", path: `${name}.polluted`, value: "yes" }));
    await rig.scim("POST", "/Users", `{"schemas":["${userSchema}"],"userName":"other","${name}":{"polluted":"yes"}}`);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(JSON.stringify((await rig.scim("GET", "/Users")).body)).not.toContain("polluted");
  });
});

describe("two instances over one directory", () => {
  async function twoInstances() {
    folder = await mkdtemp(join(tmpdir(), "vestibule-people-"));
    const file = join(folder, "directory.db");
    const opened = [openSqliteDirectory(file), openSqliteDirectory(file)] as const;
    stores.push(...opened);
    return opened.map((store) => createScimRig({}, { store })) as [ReturnType<typeof createScimRig>, ReturnType<typeof createScimRig>];
  }

  test("of two changes with the same ETag one is made, the other is told 412", async () => {
    const [one, other] = await twoInstances();
    const { id } = await one.user({ userName: "zoe" });
    for (let round = 1; round <= 5; round += 1) {
      const ifMatch = `W/"${round}"`;
      const change = (rig: typeof one, title: string) =>
        rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "title", value: title }), { ifMatch });
      const answers = await Promise.all([change(one, `one ${round}`), change(other, `other ${round}`)]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412]);
    }
  });

  test("of two POSTs of one userName one is made, the other is told 409, and there is one person", async () => {
    const [one, other] = await twoInstances();
    const resource = { schemas: [userSchema], userName: "zoe@acme.example", externalId: "z" };
    const answers = await Promise.all([one.scim("POST", "/Users", resource), other.scim("POST", "/Users", resource)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    expect((await one.people.search("", { offset: 0, limit: 9 })).total).toBe(1);
  });

  test("members added at both at once are all there", async () => {
    const [one, other] = await twoInstances();
    const ids = await Promise.all(Array.from({ length: 8 }, (_, at) => one.user({ userName: `u${at}` }).then(({ id }) => id)));
    const { body: group } = await one.scim("POST", "/Groups", { schemas: [groupSchema], displayName: "g" });
    const add = (rig: typeof one, value: string) =>
      rig.scim("PATCH", `/Groups/${group.id}`, patchOf({ op: "add", path: "members", value: [{ value }] }));
    const answers = await Promise.all(ids.map((id, at) => add(at % 2 === 0 ? one : other, id)));
    expect(answers.map(({ status }) => status).every((status) => status < 300)).toBe(true);
    const { body } = await other.scim("GET", `/Groups/${group.id}`);
    expect(body.members.map(({ value }: { value: string }) => value).toSorted()).toEqual(ids.toSorted());
  });
});
