import { expect, test } from "vitest";
import type { TokenCaller } from "../../src/core/identity.ts";
import { createBearerPerson } from "../../src/identity/bearer-person.ts";
import { aPrincipal } from "../support/directory-rig.ts";
import { createScimRig, patchOf } from "../support/scim-rig.ts";

const caller = (provider: string, subject: string): TokenCaller => ({
  kind: "known",
  principal: aPrincipal({ provider, subject, groups: { kind: "known", names: ["admins"] } }),
  session: null,
  via: "bearer",
  expiresAt: Number.MAX_SAFE_INTEGER,
});

test("a token of somebody who is shut out is rejected within a second, and one of somebody else still counts", async () => {
  const rig = createScimRig({ roles: { admin: { groups: ["admins"], managers: false, keep: false } } });
  const { id } = await rig.user({ userName: "z", externalId: "sub-z" });
  await rig.admit({ provider: "entra", subject: "sub-z" });
  const person = createBearerPerson({ logins: rig.logins, clock: () => rig.now });
  const [zoe, other] = [caller("entra", "sub-z"), caller("okta", "x")];
  const first = await person(zoe);
  expect(first).toMatchObject({ kind: "known", principal: { person: { roles: ["admin"] } } });
  expect(person(zoe)).toBe(first);
  await rig.scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "active", value: false }));
  rig.now += 500;
  expect(await person(zoe)).toMatchObject({ kind: "rejected", why: "deactivated by entra's SCIM" });
  expect(await person(other)).toBe(other);
});

test("a token before the first login: who was provisioned has roles, who is deactivated or claims another's address is rejected", async () => {
  const rig = createScimRig({ roles: { admin: { groups: ["admins"], managers: false, keep: false } } });
  const { id } = await rig.user({ userName: "zoe@example.org", externalId: "sub-z" });
  const person = createBearerPerson({ logins: rig.logins, clock: () => rig.now });
  const zoe = caller("entra", "sub-z");
  expect(await person(zoe)).toMatchObject({ principal: { person: { roles: ["admin"] } } });
  expect((await rig.people.search("", { offset: 0, limit: 9 })).people[0]?.accounts[0]).toMatchObject({ subject: null, seenAt: null });
  await rig.admit({ provider: "entra", subject: "real", email: "zoe@example.org" });
  rig.now += 500;
  const claimant = { ...caller("entra", "mallory"), principal: { ...caller("entra", "mallory").principal, email: "zoe@example.org" } };
  expect(await person(claimant)).toMatchObject({ kind: "rejected" });
  await rig.scim("DELETE", `/Users/${id}`);
  expect(await person(caller("entra", "real"))).toMatchObject({ kind: "rejected" });
});

test("nothing is made anew while nothing changes, and nobody is known who was not provisioned where that is wanted", async () => {
  const rig = createScimRig({ provisioning: "scim" });
  await rig.user({ userName: "z", externalId: "sub-z" });
  await rig.admit({ provider: "entra", subject: "sub-z" });
  const person = createBearerPerson({ logins: rig.logins, clock: () => rig.now });
  const zoe = caller("entra", "sub-z");
  const first = await person(zoe);
  rig.now += 500;
  expect(await person(zoe)).toBe(first);
  expect(await person(caller("okta", "x"))).toMatchObject({ kind: "rejected" });
});
