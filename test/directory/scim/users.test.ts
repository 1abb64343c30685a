import { describe, expect, test } from "vitest";
import { createScimRig, enterpriseSchema, groupSchema, patchOf, userSchema } from "../../support/scim-rig.ts";

describe("Users", () => {
  test("POST makes one, with its id, ETag, address and times", async () => {
    const rig = createScimRig();
    const { status, body, headers } = await rig.scim("POST", "/Users", {
      schemas: [userSchema],
      userName: "zoe@acme.example",
      externalId: "oid-1",
      name: { givenName: "Zoë", familyName: "Brandt" },
      emails: [{ value: "zoe@acme.example", type: "work", primary: true }],
      password: "never kept",
      id: "chosen by the caller",
      unknown: 1,
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ userName: "zoe@acme.example", active: true, meta: { resourceType: "User", version: 'W/"1"' } });
    expect(body.id).not.toBe("chosen by the caller");
    expect(headers).toEqual({ ETag: 'W/"1"', Location: body.meta.location });
    expect(JSON.stringify(body)).not.toContain("never kept");
    expect((await rig.scim("GET", `/Users/${body.id}`)).body).toEqual(body);
  });

  test.each([
    { what: "no userName", body: {}, says: "userName is required" },
    { what: "a blank first name", body: { userName: "a", name: { givenName: "  " } }, says: "name.givenName is blank" },
    { what: "a last name that is a list", body: { userName: "a", name: { familyName: ["B"] } }, says: "name.familyName is a text" },
    { what: "a name that is a text", body: { userName: "a", name: "Zoë Brandt" }, says: "name is an object" },
    {
      what: "a line break in a name",
      body: { userName: "a", name: { familyName: "B\nX" } },
      says: "name.familyName holds control characters",
    },
    {
      what: "an address that is none",
      body: { userName: "a", emails: [{ value: "zoe" }] },
      says: 'emails[0].value "zoe" is no e-mail address',
    },
    {
      what: "two primary addresses",
      body: {
        userName: "a",
        emails: [
          { value: "a@b", primary: true },
          { value: "c@d", primary: true },
        ],
      },
      says: "emails has more than one primary",
    },
    { what: "active that is neither", body: { userName: "a", active: "yes" }, says: "active is true or false" },
    { what: "emails that are no list", body: { userName: "a", emails: { value: "a@b" } }, says: "emails is a list" },
  ])("POST with $what is refused, and the answer says which member is wrong", async ({ body, says }) => {
    const rig = createScimRig();
    const reply = await rig.scim("POST", "/Users", { schemas: [userSchema], ...body });
    expect(reply).toMatchObject({ status: 400, body: { status: "400", scimType: "invalidValue" } });
    expect(reply.body.detail).toContain(says);
  });

  test("POST of somebody who exists is 409 uniqueness, by userName without case and by externalId", async () => {
    const rig = createScimRig();
    await rig.user({ userName: "Zoe", externalId: "1" });
    for (const own of [{ userName: "zOE" }, { userName: "other", externalId: "1" }]) {
      expect(await rig.scim("POST", "/Users", { schemas: [userSchema], ...own })).toMatchObject({
        status: 409,
        body: { scimType: "uniqueness" },
      });
    }
    const many = await Promise.all(
      Array.from({ length: 6 }, () => rig.scim("POST", "/Users", { schemas: [userSchema], userName: "same" })),
    );
    expect(many.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test("PUT replaces, and does not reactivate by saying nothing", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "a", title: "Boss", active: false });
    const { status, body } = await rig.scim("PUT", `/Users/${id}`, { schemas: [userSchema], userName: "b" });
    expect(status).toBe(200);
    expect(body).toMatchObject({ userName: "b", active: false });
    expect(body.title).toBeUndefined();
  });

  test("If-Match holds off a change of what somebody else has changed, If-None-Match saves an answer", async () => {
    const rig = createScimRig();
    const { id } = await rig.user();
    const change = (ifMatch: string, title: string) =>
      rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "title", value: title }), { ifMatch });
    expect((await change('W/"1"', "one")).headers.ETag).toBe('W/"2"');
    expect(await change('W/"1"', "two")).toMatchObject({ status: 412 });
    expect((await rig.scim("DELETE", `/Users/${id}`, undefined, { ifMatch: 'W/"1"' })).status).toBe(412);
    expect((await rig.scim("GET", `/Users/${id}`, undefined, { ifNoneMatch: 'W/"2"' })).status).toBe(304);
    expect((await change("*", "three")).status).toBe(200);
    // A change that changes nothing is none: the next synchronisation finds what it knows.
    expect((await change("*", "three")).headers.ETag).toBe('W/"3"');
  });

  test("attributes and excludedAttributes choose what is shown, without case, parts and extensions too", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({
      userName: "a",
      name: { givenName: "G", familyName: "F" },
      emails: [{ value: "a@acme.example", type: "work" }],
      [enterpriseSchema]: { department: "IT", costCenter: "7" },
    });
    const shown = async (query: string) => (await rig.scim("GET", `/Users/${id}?${query}`)).body;
    expect(Object.keys(await shown("attributes=USERNAME")).toSorted()).toEqual(["id", "schemas", "userName"]);
    expect((await shown("attributes=name.givenName,emails.value")).name).toEqual({ givenName: "G" });
    expect((await shown(`attributes=${enterpriseSchema}:department`))[enterpriseSchema]).toEqual({ department: "IT" });
    expect((await shown(`attributes=${enterpriseSchema.toUpperCase()}`))[enterpriseSchema]).toEqual({ department: "IT", costCenter: "7" });
    expect(Object.keys(await shown(`attributes=${userSchema}:userName`)).toSorted()).toEqual(["id", "schemas", "userName"]);
    expect(Object.keys(await shown("attributes=nothing")).toSorted()).toEqual(["id", "schemas"]);
    expect((await shown(`excludedAttributes=${enterpriseSchema}:department`))[enterpriseSchema]).toEqual({ costCenter: "7" });
    const without = await shown("excludedAttributes=emails,name.familyName,id");
    expect(without.id).toBe(id);
    expect(without.name).toEqual({ givenName: "G" });
    expect(without.emails).toBeUndefined();
  });

  test("what is not there, not possible and not understood is told in SCIM's own form", async () => {
    const rig = createScimRig();
    const { id } = await rig.user();
    expect((await rig.scim("GET", "/Users/none")).status).toBe(404);
    expect((await rig.scim("GET", "/Nothing")).status).toBe(404);
    expect((await rig.scim("GET", `/Users/${id}/more`)).status).toBe(404);
    for (const [method, path, allowed] of [
      ["POST", `/Users/${id}`, "GET, HEAD, PUT, PATCH, DELETE"],
      ["DELETE", "/Users", "GET, HEAD, POST"],
      ["POST", "/Schemas", "GET, HEAD"],
      ["GET", "/Bulk", "POST"],
      ["GET", "/.search", "POST"],
      ["DELETE", "/Groups/.search", "POST"],
    ] as const) {
      const refused = await rig.scim(method, path, method === "POST" ? { schemas: [userSchema] } : undefined);
      expect([refused.status, refused.headers.Allow], `${method} ${path}`).toEqual([405, allowed]);
    }
    expect((await rig.scim("GET", "/Me")).status).toBe(501);
    expect((await rig.scim("POST", "/Users", "{")).body).toMatchObject({ status: "400", scimType: "invalidSyntax" });
    for (const body of ["[]", "null", "3", ""]) {
      expect((await rig.scim("POST", "/Users", body)).body).toMatchObject({ status: "400", scimType: "invalidSyntax" });
    }
    expect((await rig.scim("POST", "/Users", { schemas: [userSchema.toUpperCase()], userName: "other letters" })).status).toBe(201);
    expect((await rig.scim("POST", "/Users", { userName: "a" })).body).toMatchObject({ scimType: "invalidSyntax" });
    expect((await rig.scim("GET", "/Users?filter=userName%20eq")).body).toMatchObject({ status: "400", scimType: "invalidFilter" });
  });

  test("ServiceProviderConfig, ResourceTypes and Schemas describe what is there", async () => {
    const rig = createScimRig();
    expect((await rig.scim("GET", "/ServiceProviderConfig")).body).toMatchObject({ patch: { supported: true }, bulk: { supported: true } });
    expect((await rig.scim("GET", "/ResourceTypes")).body.Resources.map(({ id }: { id: string }) => id)).toEqual(["User", "Group"]);
    expect((await rig.scim("GET", "/ResourceTypes/User")).body.endpoint).toBe("/Users");
    const { body } = await rig.scim("GET", `/Schemas/${userSchema}`);
    expect(body.attributes.find(({ name }: { name: string }) => name === "userName")).toMatchObject({
      required: true,
      uniqueness: "server",
      caseExact: false,
    });
    expect((await rig.scim("GET", "/Schemas")).body.totalResults).toBe(3);
    expect((await rig.scim("GET", "/Schemas?filter=id%20pr")).status).toBe(403);
  });
});

describe("what a provider sees and touches", () => {
  test("only the people that it brought, whoever they are", async () => {
    const rig = createScimRig();
    const okta = rig.as("okta");
    const { id } = await rig.user({ userName: "a" });
    const other = await okta("POST", "/Users", { schemas: [userSchema], userName: "a" });
    expect(other.status).toBe(201);
    for (const [method, body] of [
      ["GET"],
      ["DELETE"],
      ["PUT", { schemas: [userSchema], userName: "x" }],
      ["PATCH", patchOf({ op: "replace", path: "active", value: false })],
    ] as const) {
      expect((await okta(method, `/Users/${id}`, body)).status, method).toBe(404);
    }
    expect((await okta("GET", "/Users")).body.totalResults).toBe(1);
    expect((await okta("GET", `/Users?filter=id eq "${id}"`)).body.totalResults).toBe(0);
    const group = await rig.scim("POST", "/Groups", { schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"], displayName: "g" });
    expect((await okta("GET", `/Groups/${group.body.id}`)).status).toBe(404);
    expect(
      (await rig.scim("PATCH", `/Groups/${group.body.id}`, patchOf({ op: "add", path: "members", value: [{ value: other.body.id }] })))
        .status,
    ).toBe(400);
  });

  test("somebody known by logins is taken over by POST: 201, and stays the same person", async () => {
    const rig = createScimRig();
    const bySubject = await rig.admit({ provider: "entra", subject: "oid-1", email: "one@acme.example" });
    const byAddress = await rig.admit({ provider: "entra", subject: "oid-2", email: "two@acme.example" });
    expect((await rig.scim("POST", "/Users", { schemas: [userSchema], userName: "one", externalId: "oid-1" })).status).toBe(201);
    expect((await rig.scim("POST", "/Users", { schemas: [userSchema], userName: "TWO@acme.example", externalId: "other" })).status).toBe(
      201,
    );
    expect((await rig.admit({ provider: "entra", subject: "oid-1" })).person?.id).toBe(bySubject.person?.id);
    expect((await rig.admit({ provider: "entra", subject: "oid-2" })).person?.id).toBe(byAddress.person?.id);
    expect(rig.audited.map((event) => "action" in event && event.action)).toEqual([
      "person-made",
      "person-made",
      "taken-over",
      "taken-over",
    ]);
  });

  test("a stranger's provider cannot take over by an address of another's domain", async () => {
    const rig = createScimRig();
    const alice = await rig.admit({ provider: "entra", subject: "1", email: "alice@acme.example" });
    const { body } = await rig.as("okta")("POST", "/Users", { schemas: [userSchema], userName: "alice@acme.example", active: false });
    expect((await rig.admit({ provider: "entra", subject: "1" })).person?.id).toBe(alice.person?.id);
    expect(body.active).toBe(false);
  });

  test("by an address nobody is taken over from another provider where addresses do not link", async () => {
    for (const [link, same] of [
      ["email", true],
      ["none", false],
    ] as const) {
      const rig = createScimRig({ link });
      const zoe = await rig.admit({ provider: "okta", subject: "1", email: "zoe@example.org" });
      await rig.user({ userName: "zoe@example.org", externalId: "e" });
      expect((await rig.admit({ provider: "entra", subject: "e" })).person?.id === zoe.person?.id, link).toBe(same);
    }
  });

  test("of a person's several accounts at the provider the one is taken over whose subject the externalId is", async () => {
    const rig = createScimRig();
    const one = await rig.admit({ provider: "entra", subject: "oid-1" });
    const two = await rig.admit({ provider: "entra", subject: "oid-2" });
    const into = one.person?.id ?? "";
    await rig.people.merge(into, two.person?.id ?? "", { request: null, client: null });
    await rig.user({ externalId: "oid-2" });
    const accounts = (await rig.people.person(into))?.accounts ?? [];
    expect(accounts.filter(({ user }) => user !== null).map(({ subject }) => subject)).toEqual(["oid-2"]);
  });

  test("nor may a provider by an address of its own domain that is not proved", async () => {
    const rig = createScimRig();
    const alice = await rig.admit({ provider: "okta", subject: "1", email: "alice@new.example" });
    rig.unproven.add("new.example");
    await rig.scim("POST", "/Users", { schemas: [userSchema], userName: "alice@new.example", active: false });
    expect((await rig.admit({ provider: "okta", subject: "1", email: null })).person?.id).toBe(alice.person?.id);
    rig.unproven.clear();
    const taken = await rig.scim("POST", "/Users", { schemas: [userSchema], userName: "ALICE@new.example", externalId: "x" });
    expect(taken.status).toBe(409);
  });
});

describe("a provisioned person meets a login", () => {
  test("by externalId, else by userName, else by an address; then by the subject for good", async () => {
    const rig = createScimRig({ provisioning: "scim" });
    await rig.user({ userName: "one", externalId: "sub-1" });
    await rig.user({ userName: "Two@acme.example" });
    await rig.user({ userName: "three", emails: [{ value: "three@acme.example" }] });
    const ids = [
      await rig.admit({ provider: "entra", subject: "sub-1" }),
      await rig.admit({ provider: "entra", subject: "sub-2", email: "two@acme.example" }),
      await rig.admit({ provider: "entra", subject: "sub-3", email: "three@acme.example" }),
    ].map(({ person }) => person?.id);
    expect(new Set(ids).size).toBe(3);
    expect((await rig.admit({ provider: "entra", subject: "sub-2", email: "renamed@acme.example" })).person?.id).toBe(ids[1]);
    await expect(rig.admit({ provider: "entra", subject: "sub-4", email: "four@acme.example" })).rejects.toMatchObject({
      code: "directory.not-provisioned",
    });
    await expect(rig.admit({ provider: "entra", subject: "evil", email: "two@acme.example" })).rejects.toMatchObject({
      code: "directory.address-claimed",
    });
  });

  test("not by an address that two of them have, nor by one of another provider's domain", async () => {
    const rig = createScimRig({ provisioning: "scim" });
    for (const userName of ["one", "two"]) await rig.user({ userName, emails: [{ value: "desk@acme.example" }] });
    await expect(rig.admit({ provider: "entra", subject: "s", email: "desk@acme.example" })).rejects.toMatchObject({ status: 403 });
    await rig.as("okta")("POST", "/Users", { schemas: [userSchema], userName: "zoe@acme.example" });
    await expect(rig.admit({ provider: "okta", subject: "o", email: "zoe@acme.example" })).rejects.toMatchObject({ status: 403 });
    await rig.user({ userName: "own@acme.example" });
    await rig.admit({ provider: "entra", subject: "own", email: "own@acme.example" });
  });

  test("with what SCIM says of them: name, title, manager, groups", async () => {
    const rig = createScimRig({ roles: { manager: { groups: [], managers: true, keep: false } } });
    const boss = await rig.user({ userName: "boss@acme.example", displayName: "Bo Boss" });
    const own = await rig.user({
      userName: "zoe@acme.example",
      name: { givenName: "Zoë", familyName: "Brandt" },
      title: "Engineer",
      [enterpriseSchema]: { department: "IT", manager: { value: boss.id } },
    });
    await rig.scim("POST", "/Groups", {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
      displayName: "Staff",
      members: [{ value: own.id }],
    });
    const zoe = await rig.admit({ provider: "entra", subject: "z", email: "zoe@acme.example" });
    expect(zoe).toMatchObject({
      name: "Zoë Brandt",
      groups: { kind: "known", names: ["Staff"] },
      person: { manager: "boss@acme.example" },
    });
    expect(zoe.extra).toMatchObject({ title: ["Engineer"], department: ["IT"] });
    expect((await rig.admit({ provider: "entra", subject: "b", email: "boss@acme.example" })).person?.roles).toEqual(["manager"]);
  });

  test("who becomes somebody's manager, and who is it no more, has the role at once in the open session", async () => {
    const rig = createScimRig({ roles: { manager: { groups: [], managers: true, keep: false } } });
    const [boss, next] = [await rig.user({ userName: "boss@acme.example" }), await rig.user({ userName: "next@acme.example" })];
    const old = await rig.signIn({ provider: "entra", subject: "b", email: "boss@acme.example" });
    const fresh = await rig.signIn({ provider: "entra", subject: "n", email: "next@acme.example" });
    const roles = async () =>
      Promise.all([old, fresh].map(async ({ id }) => (await rig.sessions.find(id))?.principal.person?.roles.length));
    const zoe = await rig.user({ userName: "zoe", [enterpriseSchema]: { manager: { value: boss.id } } });
    expect(await roles()).toEqual([1, 0]);
    const path = `${enterpriseSchema}:manager`;
    await rig.scim("PATCH", `/Users/${zoe.id}`, patchOf({ op: "replace", path, value: next.id }));
    expect(await roles()).toEqual([0, 1]);
  });
});

describe("deprovisioned by SCIM is out", () => {
  const isLive = async (rig: ReturnType<typeof createScimRig>, id: string) => (await rig.sessions.find(id)) !== null;

  test.each([
    ["active: false", (id: string) => ["PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "active", value: false })] as const],
    ['Entra\'s "False"', (id: string) => ["PATCH", `/Users/${id}`, patchOf({ op: "Replace", path: "active", value: "False" })] as const],
    [
      "Okta's object without a path",
      (id: string) => ["PATCH", `/Users/${id}`, patchOf({ op: "replace", value: { active: false } })] as const,
    ],
    ["PUT", (id: string) => ["PUT", `/Users/${id}`, { schemas: [userSchema], userName: "zoe@acme.example", active: false }] as const],
    ["DELETE", (id: string) => ["DELETE", `/Users/${id}`, undefined] as const],
  ])("by %s: sessions of all accounts end, logins are refused", async (_, request) => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe@example.org" });
    const sessions = [
      await rig.signIn({ provider: "entra", subject: "z", email: "zoe@example.org" }),
      await rig.signIn({ provider: "okta", subject: "o", email: "zoe@example.org" }),
    ];
    const bystander = await rig.signIn({ provider: "okta", subject: "other" });
    const [method, path, body] = request(id);
    expect((await rig.scim(method, path, body)).status).toBeLessThan(300);
    for (const session of sessions) expect(await isLive(rig, session.id)).toBe(false);
    expect(await isLive(rig, bystander.id)).toBe(true);
    await expect(rig.admit({ provider: "entra", subject: "z" })).rejects.toMatchObject({ code: "directory.deactivated" });
    await expect(rig.admit({ provider: "okta", subject: "o" })).rejects.toMatchObject({ code: "directory.deactivated" });
  });

  test("and each step stands in the audit log: made, deactivated, reactivated, deleted", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe@acme.example" });
    for (const value of [false, false, true]) await rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "active", value }));
    await rig.scim("DELETE", `/Users/${id}`);
    const told = rig.audited.flatMap((event) => (event.event === "directory" ? [event] : []));
    expect(told.map(({ action }) => action)).toEqual(["provisioned", "deactivated", "reactivated", "deleted"]);
    expect(told.every(({ provider, request, client }) => provider === "entra" && request === "r" && client === "192.0.2.1")).toBe(true);
  });

  test("what a deleted User said and was in is gone: attributes, and its place in groups", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({ title: "Boss" });
    const { body: group } = await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName: "g", members: [{ value: id }] });
    const title = async () => (await rig.people.search("", { offset: 0, limit: 1 })).people[0]?.attributes.title?.values;
    expect(await title()).toEqual(["Boss"]);
    await rig.scim("DELETE", `/Users/${id}`);
    expect(await title()).toBeUndefined();
    expect((await rig.scim("GET", `/Groups/${group.id}`)).body.members).toEqual([]);
  });

  test("said again, it has its effect again: the first time may have been cut off", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe@acme.example" });
    const session = await rig.signIn({ provider: "entra", subject: "z", email: "zoe@acme.example" });
    const stranded = await rig.sessions.create({ ...session, endsAtLatest: null });
    await rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "active", value: false }));
    const late = await rig.sessions.create({ ...session, endsAtLatest: null });
    await rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "active", value: false }));
    expect(await isLive(rig, stranded.id)).toBe(false);
    expect(await isLive(rig, late.id)).toBe(false);
  });

  test("reactivated, and provisioned again after a DELETE, the same person may come back", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe@acme.example" });
    const { principal } = await rig.signIn({ provider: "entra", subject: "z", email: "zoe@acme.example" });
    await rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "active", value: false }));
    await rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "active", value: true }));
    expect((await rig.admit({ provider: "entra", subject: "z" })).person?.id).toBe(principal.person?.id);
    await rig.scim("DELETE", `/Users/${id}`);
    await expect(rig.admit({ provider: "entra", subject: "z" })).rejects.toMatchObject({ code: "directory.deactivated" });
    await rig.user({ userName: "zoe@acme.example" });
    expect((await rig.admit({ provider: "entra", subject: "z", email: "zoe@acme.example" })).person?.id).toBe(principal.person?.id);
  });

  test("a userName that is given to somebody else after a DELETE makes another person, and brings nobody back", async () => {
    const rig = createScimRig({ roles: { boss: { groups: ["Chiefs"], managers: false, keep: true } } });
    const { id } = await rig.user({ userName: "zoe@example.org", externalId: "oid-1" });
    const old = await rig.signIn({ provider: "entra", subject: "oid-1", email: "zoe@example.org" });
    await rig.signIn({ provider: "okta", subject: "o", email: "zoe@example.org" });
    await rig.scim("DELETE", `/Users/${id}`);
    const next = await rig.user({ userName: "Zoe@example.org", externalId: "oid-2" });
    await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName: "Chiefs", members: [{ value: next.id }] });
    const hired = await rig.admit({ provider: "entra", subject: "oid-2", email: "zoe@example.org" });
    expect(hired.person?.id).not.toBe(old.principal.person?.id);
    expect(hired.person?.roles).toEqual(["boss"]);
    for (const account of [{ provider: "entra", subject: "oid-1" } as const, { provider: "okta", subject: "o" } as const])
      await expect(rig.admit({ ...account, email: "zoe@example.org" })).rejects.toMatchObject({ code: "directory.deactivated" });
    // The address is the new holder's now, at other providers, too.
    expect((await rig.admit({ provider: "adfs", subject: "n", email: "zoe@example.org" })).person?.id).toBe(hired.person?.id);
  });

  test("the same person provisioned again by the same externalId comes back as before, in whatever name", async () => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe@example.org", externalId: "nick" });
    const old = await rig.signIn({ provider: "entra", subject: "oid-1", email: "zoe@example.org" });
    await rig.scim("DELETE", `/Users/${id}`);
    await rig.user({ userName: "zoe@example.org", externalId: "nick" });
    expect((await rig.admit({ provider: "entra", subject: "oid-1" })).person?.id).toBe(old.principal.person?.id);
  });

  test("somebody known at another provider whom this one has deleted before their first login here is out", async () => {
    const rig = createScimRig();
    await rig.signIn({ provider: "okta", subject: "o", email: "zoe@example.org" });
    const { id } = await rig.user({ userName: "zoe@example.org", externalId: "oid-1" });
    await rig.scim("DELETE", `/Users/${id}`);
    await expect(rig.admit({ provider: "okta", subject: "o" })).rejects.toMatchObject({ code: "directory.deactivated" });
    await expect(rig.admit({ provider: "entra", subject: "oid-1" })).rejects.toMatchObject({ code: "directory.deactivated" });
  });

  test.each([
    { when: "by the externalId", login: { subject: "oid-1", email: null } },
    { when: "by the address", login: { subject: "other", email: "zoe@example.org" } },
  ])("who was deleted before the first login is not let in by just-in-time, found $when", async ({ login }) => {
    const rig = createScimRig();
    const { id } = await rig.user({ userName: "zoe@example.org", externalId: "oid-1" });
    await rig.scim("DELETE", `/Users/${id}`);
    await expect(rig.admit({ provider: "entra", ...login })).rejects.toMatchObject({ status: 403 });
    await rig.user({ userName: "zoe@example.org", externalId: "oid-1" });
    await rig.admit({ provider: "entra", subject: "oid-1", email: "zoe@example.org" });
  });

  test("where only the provisioned sign in, somebody who never did is forgotten by DELETE", async () => {
    const rig = createScimRig({ provisioning: "scim" });
    const { id } = await rig.user();
    expect((await rig.scim("DELETE", `/Users/${id}`)).status).toBe(204);
    expect((await rig.scim("GET", `/Users/${id}`)).status).toBe(404);
    expect((await rig.people.search("", { offset: 0, limit: 9 })).total).toBe(0);
  });
});

describe("many at once", () => {
  test("of changes that all name one version, one is made; without a version all are, one after the other", async () => {
    const rig = createScimRig();
    const { id } = await rig.user();
    const etag = (await rig.scim("GET", `/Users/${id}`)).headers.ETag ?? "";
    const titled = (title: string, ifMatch?: string) =>
      rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "title", value: title }), ifMatch === undefined ? {} : { ifMatch });
    const held = await Promise.all(Array.from({ length: 12 }, (_, at) => titled(`held ${at}`, etag)));
    expect(held.map(({ status }) => status).toSorted()).toEqual([200, ...Array(11).fill(412)]);
    const won = held.findIndex(({ status }) => status === 200);
    expect((await rig.scim("GET", `/Users/${id}`)).body.title).toBe(`held ${won}`);
    const free = await Promise.all(Array.from({ length: 6 }, (_, at) => titled(`free ${at}`)));
    expect(free.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(new Set(free.map(({ headers }) => headers.ETag)).size).toBe(6);
  });

  test.each([
    { when: "in other letters", userName: "ZOË@ACME.EXAMPLE" },
    { when: "with a combining accent", userName: "zoë@acme.example".normalize("NFD") },
  ])("of Users with one name $when only one is made", async ({ userName }) => {
    const rig = createScimRig();
    const names = [userName, "zoë@acme.example", userName, "zoë@acme.example"];
    const made = await Promise.all(names.map((name) => rig.scim("POST", "/Users", { schemas: [userSchema], userName: name })));
    expect(made.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409]);
    const filter = encodeURIComponent(`userName eq "${userName}"`);
    expect((await rig.scim("GET", `/Users?filter=${filter}`)).body.totalResults).toBe(1);
  });
});
