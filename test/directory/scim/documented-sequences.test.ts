import { expect, test } from "vitest";
import { createScimRig, enterpriseSchema, groupSchema, patchSchema, type ScimRig, userSchema } from "../../support/scim-rig.ts";

const q = (filter: string, more = "") => `?filter=${encodeURIComponent(filter)}${more}`;
const signIn = (rig: ScimRig, subject: string) => rig.signIn({ provider: "entra", subject, email: null });
const isLive = async (rig: ScimRig, id: string) => (await rig.sessions.find(id)) !== null;

/** The requests that Microsoft's "Develop and plan provisioning for a SCIM endpoint" shows, in its order and with its spellings. */
test("SCIM from Entra to the gateway: the documented sequence, from the first look to the last DELETE", async () => {
  const rig = createScimRig({ roles: { boss: { groups: ["display name changed"], managers: false, keep: false } } });
  const { scim } = rig;
  const nobody = await scim("GET", `/Users${q('userName eq "non-existent user"')}`);
  expect([nobody.status, nobody.body.totalResults, nobody.body.Resources]).toEqual([200, 0, []]);

  const made = await scim("POST", "/Users", {
    schemas: [userSchema, enterpriseSchema],
    externalId: "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    userName: "Test_User_ab6490ee-1e48-479e-a20b-2d77186b5dd1",
    active: true,
    emails: [{ primary: true, type: "work", value: "Test_User_fd0ea19b-0777-472c-9f96-4f70d2226f2e@testuser.com" }],
    meta: { resourceType: "User" },
    name: { formatted: "givenName familyName", familyName: "familyName", givenName: "givenName" },
    roles: [],
  });
  expect(made.status).toBe(201);
  const { id } = made.body;
  expect((await scim("GET", `/Users/${id}`)).body).toMatchObject({ id, active: true, meta: { resourceType: "User" } });
  const found = await scim("GET", `/Users${q('externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"')}`);
  expect(found.body).toMatchObject({ totalResults: 1, Resources: [{ id }] });

  const patched = await scim("PATCH", `/Users/${id}`, {
    schemas: [patchSchema],
    Operations: [
      { op: "Replace", path: 'emails[type eq "work"].value', value: "updatedEmail@contoso.com" },
      { op: "Replace", path: "name.familyName", value: "updatedFamilyName" },
    ],
  });
  expect(patched.body.emails).toEqual([{ primary: true, type: "work", value: "updatedEmail@contoso.com" }]);
  expect(patched.body.name).toMatchObject({ familyName: "updatedFamilyName", givenName: "givenName" });
  const renamed = {
    schemas: [patchSchema],
    Operations: [{ op: "Replace", path: "userName", value: "5b50642d-79fc-4410-9e90-4c077cdd1a59@testuser.com" }],
  };
  expect((await scim("PATCH", `/Users/${id}`, renamed)).body.userName).toBe("5b50642d-79fc-4410-9e90-4c077cdd1a59@testuser.com");
  const enterprise = [
    { op: "Add", path: `${enterpriseSchema}:department`, value: "Engineering" },
    { op: "Add", path: `${enterpriseSchema}:manager`, value: "another-id" },
    { op: "Add", value: { [`${enterpriseSchema}:employeeNumber`]: "701984" } },
  ];
  const more = await scim("PATCH", `/Users/${id}`, { schemas: [patchSchema], Operations: enterprise });
  expect(more.body[enterpriseSchema]).toMatchObject({
    department: "Engineering",
    employeeNumber: "701984",
    manager: { value: "another-id" },
  });

  const group = await scim("POST", "/Groups", {
    schemas: [groupSchema, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
    externalId: "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
    displayName: "displayName",
    members: [],
    meta: { resourceType: "Group" },
  });
  expect(group.status).toBe(201);
  const at = `/Groups/${group.body.id}`;
  expect((await scim("GET", `${at}?excludedAttributes=members`)).body.members).toBeUndefined();
  const byName = await scim("GET", `/Groups${q('displayName eq "displayName"', "&excludedAttributes=members")}`);
  expect(byName.body).toMatchObject({ totalResults: 1, Resources: [{ id: group.body.id }] });
  const session = await signIn(rig, "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef");
  const bulk = [
    { op: "Replace", path: "displayName", value: "display name changed" },
    { op: "Add", path: "members", value: [{ $ref: null, value: id }] },
  ];
  for (const operation of bulk)
    expect((await scim("PATCH", at, { schemas: [patchSchema], Operations: [operation] })).status).toBeLessThan(300);
  expect((await rig.sessions.find(session.id))?.principal.person?.roles).toEqual(["boss"]);
  await scim("PATCH", at, { schemas: [patchSchema], Operations: [{ op: "Remove", path: "members", value: [{ $ref: null, value: id }] }] });
  expect((await rig.sessions.find(session.id))?.principal.person?.roles).toEqual([]);

  expect(
    (await scim("PATCH", `/Users/${id}`, { schemas: [patchSchema], Operations: [{ op: "Replace", path: "active", value: "False" }] })).body
      .active,
  ).toBe(false);
  expect(await isLive(rig, session.id)).toBe(false);
  await expect(signIn(rig, "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef")).rejects.toMatchObject({ code: "directory.deactivated" });
  expect((await scim("DELETE", `/Users/${id}`)).status).toBe(204);
  expect((await scim("GET", `/Users/${id}`)).status).toBe(404);
  expect((await scim("DELETE", at)).status).toBe(204);
});

/** The requests of Okta's "SCIM 2.0 protocol reference" and of its provisioning runs. */
test("SCIM from Okta to the gateway: the documented sequence, with PUT and path-less PATCH", async () => {
  const rig = createScimRig();
  const { scim } = rig;
  const first = await scim("GET", `/Users${q('userName eq "test.user@okta.local"', "&startIndex=1&count=100")}`);
  expect(first.body).toMatchObject({ totalResults: 0, startIndex: 1, itemsPerPage: 0, Resources: [] });
  const resource = {
    schemas: [userSchema],
    userName: "test.user@okta.local",
    name: { givenName: "Test", familyName: "User" },
    emails: [{ primary: true, value: "test.user@okta.local", type: "work" }],
    displayName: "Test User",
    locale: "en-US",
    externalId: "00ujl29u0le5T6Aj10h7",
    groups: [],
    password: "1mz050nq",
    active: true,
  };
  const made = await scim("POST", "/Users", resource);
  expect(made.status).toBe(201);
  expect(made.body.password).toBeUndefined();
  const { id } = made.body;
  expect((await scim("POST", "/Users", resource)).body).toMatchObject({ status: "409", scimType: "uniqueness" });
  expect((await scim("GET", "/Users?startIndex=1&count=100")).body).toMatchObject({ totalResults: 1, Resources: [{ id }] });
  const put = await scim("PUT", `/Users/${id}`, {
    ...resource,
    id,
    name: { givenName: "Another", middleName: "Excited", familyName: "User" },
    meta: { resourceType: "User" },
  });
  expect(put.body.name).toEqual({ givenName: "Another", middleName: "Excited", familyName: "User" });
  const session = await signIn(rig, "00ujl29u0le5T6Aj10h7");

  const group = await scim("POST", "/Groups", { schemas: [groupSchema], displayName: "Test SCIMv2", members: [] });
  const at = `/Groups/${group.body.id}`;
  const patch = (...Operations: object[]) => scim("PATCH", at, { schemas: [patchSchema], Operations });
  expect((await patch({ op: "replace", value: { id: group.body.id, displayName: "Test SCIMv2 renamed" } })).status).toBeLessThan(300);
  await patch({ op: "add", path: "members", value: [{ value: id, display: "test.user@okta.local" }] });
  expect((await scim("GET", at)).body).toMatchObject({ displayName: "Test SCIMv2 renamed", members: [{ value: id }] });
  await patch({ op: "remove", path: `members[value eq "${id}"]` });
  expect((await scim("GET", at)).body.members ?? []).toEqual([]);
  await patch({ op: "replace", path: "members", value: [{ value: id, display: "test.user@okta.local" }] });
  expect((await rig.sessions.find(session.id))?.principal.groups).toMatchObject({ names: ["Test SCIMv2 renamed"] });

  const off = await scim("PATCH", `/Users/${id}`, { schemas: [patchSchema], Operations: [{ op: "replace", value: { active: false } }] });
  expect(off.body.active).toBe(false);
  expect(await isLive(rig, session.id)).toBe(false);
  await scim("PATCH", `/Users/${id}`, { schemas: [patchSchema], Operations: [{ op: "replace", value: { active: true } }] });
  await signIn(rig, "00ujl29u0le5T6Aj10h7");
});
