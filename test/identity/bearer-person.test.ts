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
