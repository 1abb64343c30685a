import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import { keysOf } from "../../../src/directory/documents.ts";
import { createMemoryDirectory } from "../../../src/directory/memory/store.ts";
import { runBulk } from "../../../src/directory/scim/bulk.ts";
import { createScimRig, groupSchema, patchOf, type ScimRig, userSchema } from "../../support/scim-rig.ts";
import { someTokens } from "../../support/session-builders.ts";

const group = async (rig: ScimRig, displayName: string, members: readonly string[] = []) =>
  (await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName, members: members.map((value) => ({ value })) })).body;
const groupsOf = async (rig: ScimRig, session: string) => {
  const groups = (await rig.sessions.find(session))?.principal.groups;
  return groups?.kind === "known" ? groups.names.toSorted() : null;
};

describe("Groups", () => {
  test("are made, shown, changed and deleted, and Users show them", async () => {
    const rig = createScimRig();
    const { id: user } = await rig.user();
    const made = await rig.scim("POST", "/Groups", {
      schemas: [groupSchema],
      displayName: "Staff",
      externalId: "g1",
      members: [{ value: user }],
    });
    expect(made).toMatchObject({ status: 201, body: { displayName: "Staff", members: [{ value: user, type: "User" }] } });
    const { id } = made.body;
    expect((await rig.scim("GET", `/Users/${user}`)).body.groups).toMatchObject([{ value: id, display: "Staff" }]);
    expect((await rig.scim("GET", `/Groups/${id}?excludedAttributes=members`)).body.members).toBeUndefined();
    expect((await rig.scim("GET", `/Groups?filter=members eq "${user}"`)).body.totalResults).toBe(1);
    expect((await rig.scim("GET", '/Groups?filter=displayName eq "STAFF"&excludedAttributes=members')).body.Resources[0]?.id).toBe(id);
    expect((await rig.scim("PUT", `/Groups/${id}`, { schemas: [groupSchema], displayName: "All" })).body.members).toEqual([]);
    expect((await rig.scim("DELETE", `/Groups/${id}`)).status).toBe(204);
    expect((await rig.scim("GET", `/Users/${user}`)).body.groups).toBeUndefined();
  });

  test("a name that is taken is 409, members that are not there and a group in itself are refused", async () => {
    const rig = createScimRig();
    const { id } = await group(rig, "Staff");
    expect(await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName: "sTAFF" })).toMatchObject({
      status: 409,
      body: { scimType: "uniqueness" },
    });
    for (const value of ["nobody", id]) {
      expect(await rig.scim("PATCH", `/Groups/${id}`, patchOf({ op: "add", path: "members", value: [{ value }] })), value).toMatchObject({
        status: 400,
        body: { scimType: "invalidValue" },
      });
    }
    expect((await rig.scim("POST", "/Groups", { schemas: [groupSchema] })).status).toBe(400);
  });

  test.each([
    ["by value, as Entra does", (id: string) => ({ op: "Remove", path: "members", value: [{ value: id }] })],
    ["by filter, as Okta does", (id: string) => ({ op: "remove", path: `members[value eq "${id}"]` })],
    ["by a filter without quotes", (id: string) => ({ op: "remove", path: `members[value eq ${id}]` })],
    ["by the list that is left", (_: string, left: string) => ({ op: "replace", path: "members", value: [{ value: left }] })],
    ["by an object without a path", (_: string, left: string) => ({ op: "replace", value: { members: [{ value: left }] } })],
  ])("a member is removed %s, and the session loses the group at once", async (_, operation) => {
    const rig = createScimRig();
    const [one, two] = [await rig.user({ userName: "one@acme.example" }), await rig.user({ userName: "two@acme.example" })];
    const { id } = await group(rig, "Staff", [one.id, two.id]);
    const first = await rig.signIn({ provider: "entra", subject: "1", email: "one@acme.example" });
    const second = await rig.signIn({ provider: "entra", subject: "2", email: "two@acme.example" });
    expect(await groupsOf(rig, first.id)).toEqual(["Staff"]);
    expect((await rig.scim("PATCH", `/Groups/${id}`, patchOf(operation(one.id, two.id)))).status).toBe(200);
    expect(await groupsOf(rig, first.id)).toEqual([]);
    expect(await groupsOf(rig, second.id)).toEqual(["Staff"]);
  });

  test("changed groups re-evaluate sessions: added, renamed, nested, deleted; roles follow", async () => {
    const rig = createScimRig({ roles: { admin: { groups: ["Admins"], managers: false, keep: false } } });
    const user = await rig.user({ userName: "z@acme.example" });
    const session = await rig.signIn({
      provider: "entra",
      subject: "z",
      email: "z@acme.example",
      groups: { kind: "known", names: ["token"] },
    });
    const inner = await group(rig, "Inner");
    const outer = await group(rig, "Outer", [inner.id]);
    await rig.scim("PATCH", `/Groups/${inner.id}`, patchOf({ op: "add", path: "members", value: [{ value: user.id }] }));
    expect(await groupsOf(rig, session.id)).toEqual(["Inner", "Outer", "token"]);
    await rig.scim("PATCH", `/Groups/${outer.id}`, patchOf({ op: "replace", path: "displayName", value: "Admins" }));
    expect(await groupsOf(rig, session.id)).toEqual(["Admins", "Inner", "token"]);
    expect((await rig.sessions.find(session.id))?.principal.person?.roles).toEqual(["admin"]);
    await rig.scim("DELETE", `/Groups/${inner.id}`);
    expect((await rig.scim("GET", `/Groups/${outer.id}`)).body.members).toEqual([]);
    expect(await groupsOf(rig, session.id)).toEqual(["token"]);
    expect((await rig.sessions.find(session.id))?.principal.person?.roles).toEqual([]);
  });

  test("a refresh under way does not write back what was taken away", async () => {
    const rig = createScimRig();
    const user = await rig.user({ userName: "z@acme.example" });
    const { id } = await group(rig, "Staff", [user.id]);
    const session = await rig.signIn({ provider: "entra", subject: "z", email: "z@acme.example" });
    // As a refresh does: it holds the lease, has asked the directory, and is about to write.
    const lease = await rig.facts.lease(`refresh:${session.key}`, 5_000);
    await rig.scim("PATCH", `/Groups/${id}`, patchOf({ op: "remove", path: "members" }));
    expect(await rig.sessions.find(session.id)).toBeNull();
    await lease?.release();
  });

  test("a change of groups that waited for a refresh keeps the refresh token that it brought", async () => {
    const rig = createScimRig();
    const user = await rig.user({ userName: "z@acme.example" });
    const { id } = await group(rig, "Staff", [user.id]);
    const session = await rig.signIn({ provider: "entra", subject: "z", email: "z@acme.example" });
    const lease = await rig.facts.lease(`refresh:${session.key}`, 5_000);
    const asked = Promise.withResolvers<void>();
    const { lease: take } = rig.facts;
    const noted: typeof take = (...wanted) => {
      asked.resolve();
      return take(...wanted);
    };
    Object.assign(rig.facts, { lease: noted });
    const changed = rig.scim("PATCH", `/Groups/${id}`, patchOf({ op: "remove", path: "members" }));
    // It has judged the session as it was, and finds the lease taken.
    await asked.promise;
    const tokens = { ...someTokens, refreshToken: "the-next-one" };
    await rig.sessions.renew(session, { principal: session.principal, tokens, refreshAt: rig.now + 60_000 });
    await lease?.release();
    expect((await changed).status).toBe(200);
    const now = await rig.sessions.find(session.id, { fresh: true });
    expect(now).toMatchObject({ tokens, refreshAt: rig.now + 60_000, principal: { groups: { names: [] } } });
  });
});

describe("Bulk", () => {
  const bulk = (...Operations: unknown[]) => ({ schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], Operations });

  test("makes users and a group that names them by bulkId, in whatever order", async () => {
    const rig = createScimRig();
    const { status, body } = await rig.scim(
      "POST",
      "/Bulk",
      bulk(
        {
          method: "POST",
          path: "/Groups",
          bulkId: "g",
          data: { schemas: [groupSchema], displayName: "G", members: [{ value: "bulkId:u" }] },
        },
        { method: "POST", path: "/Users", bulkId: "u", data: { schemas: [userSchema], userName: "u" } },
        { method: "PATCH", path: "/Users/bulkId:u", data: patchOf({ op: "add", path: "title", value: "T" }) },
      ),
    );
    expect(status).toBe(200);
    expect(body.Operations.map(({ status: own }: { status: string }) => own)).toEqual(["201", "201", "200"]);
    expect((await rig.scim("GET", '/Users?filter=userName eq "u"')).body.Resources[0]).toMatchObject({
      title: "T",
      groups: [{ display: "G" }],
    });
  });

  test("references in a circle fail with 409, others go on; failOnErrors stops", async () => {
    const rig = createScimRig();
    const circle = (id: string, other: string) => ({
      method: "POST",
      path: "/Groups",
      bulkId: id,
      data: { schemas: [groupSchema], displayName: id, members: [{ value: `bulkId:${other}` }] },
    });
    const { body } = await rig.scim(
      "POST",
      "/Bulk",
      bulk(circle("a", "b"), circle("b", "a"), {
        method: "POST",
        path: "/Users",
        bulkId: "u",
        data: { schemas: [userSchema], userName: "u" },
      }),
    );
    expect(body.Operations.map(({ status }: { status: string }) => status)).toEqual(["409", "409", "201"]);
    const stopped = await rig.scim("POST", "/Bulk", {
      ...bulk(
        { method: "DELETE", path: "/Users/none" },
        { method: "POST", path: "/Users", bulkId: "v", data: { schemas: [userSchema], userName: "v" } },
      ),
      failOnErrors: 1,
    });
    expect(stopped.body.Operations).toHaveLength(1);
    expect((await rig.scim("GET", '/Users?filter=userName eq "v"')).body.totalResults).toBe(0);
  });

  test.each([
    "/Users/ID/../../../",
    "/Users/ID/",
    "/Users/../Users/ID",
    "Users/ID",
    "/users/ID",
    "/Users/ID?x",
    "/Users/ID/../ID",
    "/Users/%2e%2e/ID",
    "/Bulk",
    "/Users/ID#",
  ])("the path %s deletes nothing", async (path) => {
    const rig = createScimRig();
    const { id } = await rig.user();
    const { body } = await rig.scim("POST", "/Bulk", bulk({ method: "DELETE", path: path.replaceAll("ID", id) }));
    expect(Number(body.Operations[0]?.status)).toBeGreaterThanOrEqual(400);
    expect((await rig.scim("GET", `/Users/${id}`)).status).toBe(200);
  });

  test("too many operations are refused as a whole", async () => {
    const rig = createScimRig();
    expect(
      (await rig.scim("POST", "/Bulk", bulk(...Array.from({ length: 1_001 }, () => ({ method: "DELETE", path: "/Users/x" }))))).status,
    ).toBe(413);
  });

  test("an operation that says no version, no bulkId or a version of before is told so", async () => {
    const rig = createScimRig();
    const { id } = await rig.user();
    const change = (version: string | undefined, title: string) => ({
      method: "PATCH",
      path: `/Users/${id}`,
      version,
      data: patchOf({ op: "replace", path: "title", value: title }),
    });
    const { body } = await rig.scim("POST", "/Bulk", bulk(change('W/"1"', "a"), change('W/"1"', "b"), change(undefined, "c")));
    expect(body.Operations.map(({ status }: { status: string }) => status)).toEqual(["200", "412", "200"]);
    const nameless = bulk({ method: "POST", path: "/Users", data: { schemas: [userSchema], userName: "n" } });
    expect(await rig.scim("POST", "/Bulk", nameless)).toMatchObject({ status: 400, body: { scimType: "invalidSyntax" } });
  });

  test("operations that each wait for the next are all run", async () => {
    const rig = createScimRig();
    const chain = Array.from({ length: 1_000 }, (_, at) => ({
      method: "POST",
      path: "/Groups",
      bulkId: `b${at}`,
      data: { schemas: [groupSchema], displayName: `g${at}`, members: at === 999 ? [] : [{ value: `bulkId:b${at + 1}` }] },
    }));
    const { body } = await rig.scim("POST", "/Bulk", bulk(...chain));
    expect(new Set(body.Operations.map(({ status }: { status: string }) => status))).toEqual(new Set(["201"]));
  });

  test("operations that wait for each other are looked at a fixed number of times each, however many wait", async () => {
    let reads = 0;
    const chain = Array.from({ length: 1_000 }, (_, at) => ({
      ...{ method: "POST", path: "/Groups", bulkId: `b${at}` },
      data: {
        get members() {
          reads += 1;
          return at === 999 ? [] : [{ value: `bulkId:b${at + 1}` }];
        },
      },
    }));
    const body = await runBulk(bulk(...chain) as unknown as Parameters<typeof runBulk>[0], async (_, { body: group }) => ({
      ...{ status: 201, headers: [], body: { id: `made-${String(group?.members)}`, meta: {} } },
    }));
    expect(body.Operations).toHaveLength(1_000);
    expect(reads).toBeLessThanOrEqual(3 * chain.length);
  });

  test("when the directory goes away in the middle, what was committed has had its effect", async () => {
    const memory = createMemoryDirectory();
    let isAway = false;
    const commit: typeof memory.commit = async (changes) => {
      if (isAway && changes.some(({ expect: version }) => version === 0)) throw new GatewayError("directory.unavailable", "away");
      return memory.commit(changes);
    };
    const rig = createScimRig({}, { store: { ...memory, commit } });
    const { id } = await rig.user({ userName: "z@acme.example" });
    const session = await rig.signIn({ provider: "entra", subject: "z", email: "z@acme.example" });
    isAway = true;
    const operations = bulk(
      { method: "PATCH", path: `/Users/${id}`, data: patchOf({ op: "replace", path: "active", value: false }) },
      { method: "POST", path: "/Users", bulkId: "n", data: { schemas: [userSchema], userName: "new" } },
    );
    await expect(rig.scim("POST", "/Bulk", operations)).rejects.toMatchObject({ code: "directory.unavailable" });
    expect(await rig.sessions.find(session.id)).toBeNull();
  });

  test("deactivating in bulk ends sessions", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "z@acme.example" });
    const session = await rig.signIn({ provider: "entra", subject: "z", email: "z@acme.example" });
    await rig.scim(
      "POST",
      "/Bulk",
      bulk({ method: "PATCH", path: `/Users/${id}`, data: patchOf({ op: "replace", path: "active", value: false }) }),
    );
    expect(await rig.sessions.find(session.id)).toBeNull();
  });
});

describe("large groups", () => {
  /** A directory that has so many Users already, and counts what is read of it and written to it. */
  async function crowd(size: number) {
    const memory = createMemoryDirectory();
    const ids = Array.from({ length: size }, (_, at) => `u-${at}`);
    const people = ids.map((id, at) => {
      const document = {
        id,
        provider: "entra",
        person: `p-${at}`,
        createdAt: at,
        changedAt: at,
        resource: { userName: `${id}@acme.example` },
      };
      return { kind: "user" as const, id, expect: 0, document, add: keysOf.user(document), remove: [] };
    });
    await memory.commit(people);
    const work = { read: 0, entries: 0 };
    const rig = createScimRig(
      {},
      {
        store: {
          ...memory,
          read: (kind, wanted) => {
            work.read += wanted.length;
            return memory.read(kind, wanted);
          },
          commit: (changes) => {
            work.entries += changes.reduce((sum, { add, remove }) => sum + add.length + remove.length, 0);
            return memory.commit(changes);
          },
        },
      },
    );
    const { id } = await group(rig, "Everybody");
    const patch = (operation: object) => rig.scim("PATCH", `/Groups/${id}`, patchOf(operation));
    const add = (from: number, to: number) => patch({ op: "add", path: "members", value: ids.slice(from, to).map((value) => ({ value })) });
    return { rig, id, ids, work, patch, add };
  }

  test("take members in the portions that providers send; what is read and indexed follows the portion, not the group", async () => {
    const { rig, id, ids, work, add, patch } = await crowd(12_000);
    expect((await add(0, 900)).status).toBe(200);
    for (let from = 900; from < 11_900; from += 1_000) expect((await add(from, from + 1_000)).status).toBe(204);
    Object.assign(work, { read: 0, entries: 0 });
    const added = await add(11_900, 12_000);
    expect(added).toMatchObject({ status: 204, headers: { ETag: expect.stringMatching(/^W\/"\d+"$/) } });
    // The new members, the group, and the people behind the new members.
    expect(work.read).toBeLessThan(400);
    expect(work.entries).toBe(100);
    Object.assign(work, { read: 0, entries: 0 });
    expect((await patch({ op: "remove", path: `members[value eq "${ids[7]}"]` })).status).toBe(204);
    expect((await patch({ op: "Remove", path: "members", value: ids.slice(20, 30).map((value) => ({ value })) })).status).toBe(204);
    expect(work).toEqual({ read: expect.any(Number), entries: 1 + 10 });
    expect(work.read).toBeLessThan(50);
    const { body } = await rig.scim("GET", `/Groups/${id}`);
    expect(body.members).toHaveLength(11_989);
    expect((await rig.scim("GET", `/Groups/${id}?excludedAttributes=members`)).body).not.toHaveProperty("members");
    // Who asks for attributes gets them.
    const asked = await rig.scim(
      "PATCH",
      `/Groups/${id}?attributes=displayName`,
      patchOf({ op: "add", path: "members", value: [{ value: ids[7] }] }),
    );
    expect(asked).toMatchObject({ status: 200, body: { displayName: "Everybody" } });
  });

  test("members that are there already are not added again, and change nothing", async () => {
    const { rig, id, work, add } = await crowd(1_500);
    await add(0, 1_000);
    await add(500, 1_500);
    Object.assign(work, { read: 0, entries: 0 });
    const etag = (await rig.scim("GET", `/Groups/${id}?excludedAttributes=members`)).headers.ETag;
    expect(await add(0, 1_500)).toMatchObject({ status: 204, headers: { ETag: etag } });
    expect(work.entries).toBe(0);
    expect((await rig.scim("GET", `/Groups/${id}`)).body.members).toHaveLength(1_500);
  });

  test("one member more than the most is refused with the number, and the group stays as it was", async () => {
    const { rig, id, add } = await crowd(30_002);
    for (let from = 0; from < 30_000; from += 7_500) expect((await add(from, from + 7_500)).status).toBe(204);
    expect(await add(30_000, 30_001)).toMatchObject({
      status: 400,
      body: { scimType: "invalidValue", detail: expect.stringMatching(/^members.*30001.*at most 30000/) },
    });
    expect((await rig.scim("GET", `/Groups/${id}`)).body.members).toHaveLength(30_000);
    const list = await rig.scim("GET", "/Groups?excludedAttributes=members");
    expect(list).toMatchObject({ status: 200, body: { totalResults: 1 } });
  });
});
