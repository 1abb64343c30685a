import { afterAll, beforeAll, expect, test } from "vitest";
import { hashOfToken } from "../../src/commands/token.ts";
import { type Rig, startRig } from "../support/rig.ts";
import { newVisitor } from "../support/visitor.ts";

const staff = "vst_backup_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const outsider = "vst_other_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
let rig: Rig;
beforeAll(async () => {
  const line = (token: string, group: string) => `{ hash: "${hashOfToken(token)}", groups: [${group}], expires: 2099-01-01 }`;
  rig = await startRig({ top: `serviceTokens:\n  backup: ${line(staff, "staff")}\n  other: ${line(outsider, "guests")}\n` });
});
afterAll(() => rig?.close());
const ask = (path: string, authorization: string) =>
  newVisitor().fetch(`${rig.urls.wiki}${path}`, { headers: { accept: "application/json", authorization } });

test("a program with a service token passes under the same rules as people, and the application sees who it is, not the token", async () => {
  expect((await ask("/page", `Bearer ${staff}`)).status).toBe(200);
  const request = rig.wiki.requests.at(-1);
  expect([request?.header("remote-user"), request?.header("remote-groups"), request?.header("authorization")]).toEqual([
    "service:backup",
    "staff",
    null,
  ]);
  expect((await ask("/page", `Basic ${Buffer.from(`backup:${staff}`).toString("base64")}`)).status).toBe(200);
  expect((await ask("/admin", `Bearer ${staff}`)).status).toBe(403);
  expect((await ask("/page", `Bearer ${outsider}`)).status).toBe(403);
});

test("a token of this form that is not known is refused with 401, and one of another form is left to the application", async () => {
  const before = rig.wiki.requests.length;
  const unknown = await ask("/page", `Bearer ${staff}x`);
  expect([unknown.status, JSON.parse(unknown.body).error]).toEqual([401, "invalid_token"]);
  expect((await ask("/page", "Basic YWxpY2U6cGFzc3dvcmQ=")).status).toBe(401);
  expect(rig.wiki.requests.length).toBe(before);
});
