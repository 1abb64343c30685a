import { beforeEach, describe, expect, test } from "vitest";
import type { Session } from "../../src/core/session.ts";
import { anAdmin, consoleToken, someOperations } from "../support/operations.ts";
import { createScimRig, type ScimRig } from "../support/scim-rig.ts";

let rig: ScimRig;
let api: (method: string, path: string, body?: unknown) => Promise<Reply>;
let zoe: { readonly id: string; readonly sessions: readonly Session[] };
/** The members that these tests look into. */
interface PeopleBody {
  readonly total: number;
  readonly people: readonly PeopleBody[];
  readonly accounts: readonly {
    readonly provider: string;
    readonly subject: string;
    readonly via: string;
    readonly now: { roles: unknown };
  }[];
  readonly sessions: readonly { readonly handle: string }[];
  readonly requests: readonly { readonly status: number }[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly id: string;
  readonly person: string;
  readonly [member: string]: unknown;
}
type Reply = { readonly status: number; readonly body: PeopleBody };

beforeEach(async () => {
  rig = createScimRig({ roles: { admin: { groups: ["admins"], managers: false, keep: false } } });
  const operations = someOperations({
    sessions: rig.sessions,
    people: () => rig,
    audit: (event) => void rig.audited.push(event),
  });
  const admin = anAdmin(operations);
  api = async (method, path, body) => {
    const headers = { authorization: `Bearer ${consoleToken}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await admin(new Request(`http://127.0.0.1:9090/api/v1${path}`, sent), "192.0.2.1");
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };
  const groups = { kind: "known", names: ["Admins"] } as const;
  const one = await rig.signIn({ provider: "okta", subject: "1", name: "Zoë Brandt", email: "zoe@example.org", groups });
  const other = await rig.signIn({ provider: "adfs", subject: "Z", email: "zoe@example.org" });
  zoe = { id: one.principal.person?.id ?? "", sessions: [one, other] };
  await rig.signIn({ provider: "okta", subject: "2", name: "Bob" });
});

const living = async (session: Session) => (await rig.sessions.find(session.id)) !== null;

describe("people", () => {
  test("are found by a word, a page at a time", async () => {
    const all = await api("GET", "/people?limit=1");
    expect([all.body.total, all.body.people.length]).toEqual([2, 1]);
    const { body } = await api("GET", "/people?q=BRANDT");
    expect(body).toMatchObject({ total: 1, people: [{ id: zoe.id, name: "Zoë Brandt", active: true, addresses: ["zoe@example.org"] }] });
    expect(body.people[0]?.accounts.map(({ provider, subject, via }) => [provider, subject, via])).toEqual([
      ["okta", "1", "login"],
      ["adfs", "Z", "email"],
    ]);
    expect((await api("GET", "/people?q=nobody")).body).toEqual({ people: [], total: 0 });
  });

  test("are shown with roles and where these come from, by account, and with open sessions", async () => {
    const { status, body } = await api("GET", `/people/${zoe.id}`);
    expect(status).toBe(200);
    expect(body.accounts[0]?.now).toEqual({
      groups: ["Admins"],
      roles: ["admin"],
      teams: [],
      manager: null,
      why: ["role admin: group Admins"],
    });
    expect(body.accounts[1]?.now.roles).toEqual([]);
    expect(body.sessions.map(({ handle }) => handle).toSorted()).toEqual(zoe.sessions.map(({ key }) => key).toSorted());
    expect(JSON.stringify(body)).not.toContain(zoe.sessions[0]?.id);
  });

  test("all sessions of a person end, at every provider, with the operator in the audit line", async () => {
    expect((await api("POST", `/people/${zoe.id}/end`)).body).toEqual({ ended: 2 });
    expect(await Promise.all(zoe.sessions.map(living))).toEqual([false, false]);
    expect(rig.audited.filter((event) => event.event === "logout").map((event) => "by" in event && event.by)).toEqual(["token", "token"]);
    await rig.signIn({ provider: "okta", subject: "1" });
  });

  test("a person who is deactivated is out at once and stays out until activated", async () => {
    expect((await api("POST", `/people/${zoe.id}/deactivate`)).status).toBe(204);
    expect(await Promise.all(zoe.sessions.map(living))).toEqual([false, false]);
    await expect(rig.signIn({ provider: "adfs", subject: "Z" })).rejects.toMatchObject({ code: "directory.deactivated" });
    expect((await api("GET", `/people/${zoe.id}`)).body).toMatchObject({ active: false, blocked: true });
    const blocked = { event: "directory", action: "blocked", person: zoe.id, by: "token", client: "192.0.2.1" };
    expect(rig.audited).toContainEqual(expect.objectContaining(blocked));
    expect((await api("POST", `/people/${zoe.id}/activate`)).status).toBe(204);
    await rig.signIn({ provider: "adfs", subject: "Z" });
  });

  test("an account is unlinked, and merged again", async () => {
    const { body } = await api("POST", `/people/${zoe.id}/unlink`, { provider: "adfs", subject: "Z" });
    expect(body.person).not.toBe(zoe.id);
    expect((await rig.sessions.find(zoe.sessions[1]?.id ?? ""))?.principal.person?.id).toBe(body.person);
    expect((await api("POST", `/people/${zoe.id}/merge`, { from: body.person })).status).toBe(204);
    expect((await api("GET", `/people/${body.person}`)).status).toBe(404);
    expect((await rig.sessions.find(zoe.sessions[1]?.id ?? ""))?.principal.person?.id).toBe(zoe.id);
  });

  test("a person is split: several accounts become one other person", async () => {
    await rig.signIn({ provider: "entra", subject: "E", email: "zoe@elsewhere.example" });
    const third = (await api("GET", "/people?q=zoe@elsewhere.example")).body.people[0]?.id;
    await api("POST", `/people/${zoe.id}/merge`, { from: third });
    const accounts = [
      { provider: "adfs", subject: "Z" },
      { provider: "entra", subject: "E" },
    ];
    const { body } = await api("POST", `/people/${zoe.id}/split`, { accounts });
    const names = async (id: string) => (await api("GET", `/people/${id}`)).body.accounts.map(({ provider }) => provider);
    expect(await names(body.person)).toEqual(["adfs", "entra"]);
    expect(await names(zoe.id)).toEqual(["okta"]);
  });

  test("nothing is split from a person whose the account is not", async () => {
    const bob = (await api("GET", "/people?q=bob")).body.people[0]?.id;
    const answer = await api("POST", `/people/${bob}/unlink`, { provider: "adfs", subject: "Z" });
    expect([answer.status, answer.body.code]).toEqual([404, "directory.unknown"]);
    expect((await api("GET", `/people/${zoe.id}`)).body.accounts).toHaveLength(2);
  });

  test("an attribute is set and taken away, a person is forgotten", async () => {
    expect((await api("POST", `/people/${zoe.id}/attribute`, { name: "localLogin", values: ["forbidden"] })).status).toBe(204);
    expect((await api("GET", `/people/${zoe.id}`)).body.attributes.localLogin).toEqual({
      values: ["forbidden"],
      from: "operator",
      by: "operator",
    });
    expect((await api("POST", `/people/${zoe.id}/attribute`, { name: "localLogin", values: null })).status).toBe(204);
    expect((await api("GET", `/people/${zoe.id}`)).body.attributes.localLogin).toBeUndefined();
    expect((await api("DELETE", `/people/${zoe.id}`)).status).toBe(204);
    expect(await Promise.all(zoe.sessions.map(living))).toEqual([false, false]);
  });

  test.each([
    { method: "GET", path: "/people/nobody", body: undefined, status: 404 },
    { method: "POST", path: "/people/nobody/end", body: undefined, status: 404 },
    { method: "POST", path: "/people/nobody/deactivate", body: undefined, status: 404 },
    { method: "POST", path: "/people/nobody/merge", body: { from: "x" }, status: 404 },
    { method: "DELETE", path: "/people/nobody", body: undefined, status: 404 },
    { method: "GET", path: "/people?limit=0", body: undefined, status: 400 },
    { method: "GET", path: "/people?name=x", body: undefined, status: 400 },
    { method: "POST", path: "/people/nobody/split", body: { accounts: [] }, status: 400 },
    { method: "PUT", path: "/people/nobody", body: {}, status: 405 },
  ])("$method $path is answered with $status", async ({ method, path, body, status }) => {
    expect((await api(method, path, body)).status).toBe(status);
  });
});

test("the latest SCIM requests are told, newest first, of one provider where it is named", async () => {
  const entry = { client: "192.0.2.9", request: "r", method: "POST", path: "/Users", detail: null };
  rig.scimRequests.add({ ...entry, at: 1_000, provider: "entra", status: 201 });
  rig.scimRequests.add({ ...entry, at: 2_000, provider: "okta", status: 409 });
  const statuses = async (path: string) => (await api("GET", path)).body.requests.map(({ status }) => status);
  expect(await statuses("/scim/requests")).toEqual([409, 201]);
  expect(await statuses("/scim/requests?provider=entra")).toEqual([201]);
  expect(await statuses("/scim/requests?limit=1")).toEqual([409]);
});

test("without a directory the API says what to write", async () => {
  const operations = someOperations();
  const admin = anAdmin(operations);
  const headers = { authorization: `Bearer ${consoleToken}` };
  const answer = await admin(new Request("http://127.0.0.1:9090/api/v1/people", { headers }), "192.0.2.1");
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ code: "directory.none", detail: expect.stringContaining("directory: { store:") });
});
