import { beforeEach, describe, expect, test } from "vitest";
import type { Session } from "../../src/core/session.ts";
import { anAdmin, consoleToken, someOperations } from "../support/operations.ts";
import { aProvider } from "../support/policy-builders.ts";
import { createScimRig, type ScimRig } from "../support/scim-rig.ts";

let rig: ScimRig;
let ask: (method: string, path: string, form?: Record<string, string>) => Promise<{ status: number; body: string; to: string | null }>;
let zoe: { readonly id: string; readonly sessions: readonly Session[] };

beforeEach(async () => {
  rig = createScimRig({ roles: { admin: { groups: ["admins"], managers: false, keep: false } } });
  const providers = [{ ...aProvider("entra", ["acme.example"]), scim: { tokens: [] } }];
  const operations = someOperations(
    { sessions: rig.sessions, people: () => rig, audit: (event) => void rig.audited.push(event) },
    { providers },
  );
  const detail = "there is no such record at _vestibule.acme.example";
  const domain = { provider: "entra", domain: "acme.example", state: "unproven", seenAt: null, askedAt: 0, detail } as const;
  const before = operations.state;
  const state = async () => ({ ...(await before()), domains: [domain] });
  Object.assign(operations, { state });
  const admin = anAdmin(operations);
  let cookie = "";
  ask = async (method, path, form) => {
    const own = { origin: "http://127.0.0.1:9090", "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded" };
    const headers = { host: "127.0.0.1:9090", cookie, ...(form === undefined ? {} : own) };
    const sent = { method, headers, ...(form === undefined ? {} : { body: new URLSearchParams(form) }) };
    const response = await admin(new Request(`http://127.0.0.1:9090/console/${path}`, sent), "192.0.2.1");
    const set = response.headers.get("set-cookie");
    if (set !== null) cookie = set.split(";")[0] ?? "";
    return { status: response.status, body: await response.text(), to: response.headers.get("location") };
  };
  await ask("POST", "sign-in", { token: consoleToken });
  const groups = { kind: "known", names: ["Admins"] } as const;
  const one = await rig.signIn({ provider: "okta", subject: "1", name: "Zoë <b>Brandt</b>", email: "zoe@example.org", groups });
  const other = await rig.signIn({ provider: "adfs", subject: "Z", email: "zoe@example.org" });
  zoe = { id: one.principal.person?.id ?? "", sessions: [one, other] };
});

const isLive = async (session: Session | undefined) => (await rig.sessions.find(session?.id ?? "")) !== null;

describe("people in the console", () => {
  test("are found and shown with accounts, roles and why, and where they are signed in", async () => {
    const list = await ask("GET", "people?q=zo%C3%AB");
    expect([list.status, list.body.includes(`/console/people/${zoe.id}`), list.body.includes("zoe@example.org")]).toEqual([
      200,
      true,
      true,
    ]);
    expect(list.body).not.toContain("<b>Brandt</b>");
    expect((await ask("GET", "people?q=nobody")).body).toContain("Nobody matches");
    const { status, body } = await ask("GET", `people/${zoe.id}`);
    expect(status).toBe(200);
    for (const text of ["role admin: group Admins", "a verified address", zoe.sessions[0]?.key ?? "", 'name="account.1"'])
      expect(body).toContain(text);
    expect((await ask("GET", "people/nobody")).status).toBe(404);
  });

  test("are shut out and let in, their sessions end, emergency accounts are forbidden", async () => {
    const done = `/console/people/${zoe.id}?done=yes`;
    expect(await ask("POST", "people/end", { id: zoe.id })).toMatchObject({ status: 303, to: done });
    expect([await isLive(zoe.sessions[0]), await isLive(zoe.sessions[1])]).toEqual([false, false]);
    expect((await ask("POST", "people/deactivate", { id: zoe.id })).to).toBe(done);
    await expect(rig.admit({ provider: "okta", subject: "1" })).rejects.toMatchObject({ code: "directory.deactivated" });
    expect((await ask("GET", `people/${zoe.id}?done=yes`)).body).toContain("shut out here");
    await ask("POST", "people/activate", { id: zoe.id });
    await rig.admit({ provider: "okta", subject: "1" });
    await ask("POST", "people/local-login", { id: zoe.id, forbid: "true" });
    expect((await rig.people.person(zoe.id))?.attributes.localLogin?.values).toEqual(["forbidden"]);
    await ask("POST", "people/local-login", { id: zoe.id, forbid: "false" });
    expect((await rig.people.person(zoe.id))?.attributes.localLogin).toBeUndefined();
    expect(rig.audited.filter((event) => event.event === "directory" && event.by === "token").length).toBe(4);
  });

  test("are split by the ticked accounts, merged again and forgotten", async () => {
    const { to } = await ask("POST", "people/split", { id: zoe.id, "account.1": JSON.stringify(["adfs", "Z"]) });
    const parted = /^\/console\/people\/([0-9a-f-]{36})\?done=yes$/.exec(to ?? "")?.[1] ?? "";
    expect(parted).not.toBe(zoe.id);
    expect((await rig.people.person(parted))?.accounts.map(({ provider }) => provider)).toEqual(["adfs"]);
    expect((await ask("POST", "people/merge", { id: zoe.id, from: ` ${parted} ` })).to).toContain("done=yes");
    expect((await rig.people.person(zoe.id))?.accounts.length).toBe(2);
    expect((await ask("POST", "people/merge", { id: zoe.id, from: parted })).to).toContain("done=no");
    expect((await ask("POST", "people/forget", { id: zoe.id })).to).toBe("/console/people?done=yes");
    expect(await rig.people.person(zoe.id)).toBeNull();
  });

  test.each(["nonsense", '["adfs"]', '{"provider":"adfs"}', "[1,2]"])("a box that says %s parts nothing", async (value) => {
    const answer = await ask("POST", "people/split", { id: zoe.id, "account.0": value });
    expect(answer.status).toBeLessThan(500);
    expect(answer.to).toContain("done=no");
    expect((await rig.people.search("", { offset: 0, limit: 9 })).people.map(({ accounts }) => accounts.length)).toEqual([2]);
  });

  test("a mail domain that is not proved is seen with its provider", async () => {
    const { body } = await ask("GET", "providers");
    expect(body).toContain("not proved: does not count");
    expect(body).toContain("there is no such record at _vestibule.acme.example");
  });

  test("what SCIM has asked is told, of one provider where it is named", async () => {
    const entry = { at: Date.now(), provider: "entra", client: "192.0.2.9", request: "r1", method: "POST", path: "/Users" };
    rig.scimRequests.add({ ...entry, status: 409, detail: "userName <zoe> is taken" });
    const { status, body } = await ask("GET", "scim");
    expect([status, body.includes("POST /Users"), body.includes("userName &lt;zoe&gt; is taken")]).toEqual([200, true, true]);
    expect((await ask("GET", "scim?provider=okta")).body).toContain("No provider has asked");
    expect((await ask("GET", "people")).body).toContain('href="/console/scim"');
  });
});
