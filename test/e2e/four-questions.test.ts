import { afterAll, beforeAll, expect, test } from "vitest";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

const token = "console-token-of-the-four-questions-0";
let rig: Rig;
let operator: Visitor;
beforeAll(async () => {
  rig = await startRig({ top: "console: { token: { env: CONSOLE_TOKEN } }\n", env: { CONSOLE_TOKEN: token } });
  const alice = newVisitor();
  await signIn(alice, `${rig.urls.wiki}/page`, "alice");
  const bob = newVisitor();
  await signIn(bob, `${rig.urls.wiki}/`, "bob");
  await bob.visit(`${rig.urls.wiki}/admin`, { method: "PUT", form: {} });
  operator = newVisitor();
  await operator.visit(`${local()}/console/sign-in`, { method: "POST", form: { token }, headers: { origin: local() } });
}, 60_000);
afterAll(() => rig?.close());

const local = () => `http://127.0.0.1:${rig.adminPort}`;
const page = async (path: string) => (await operator.visit(`${local()}/console/${path}`)).body;
interface Told {
  readonly sessions: readonly { readonly handle: string; readonly address: string; readonly person: { readonly subject: string } }[];
  readonly events: readonly object[];
  readonly outcome: string;
}
async function ask(path: string, init: RequestInit = {}): Promise<Told> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return (await (await fetch(`${local()}/api/v1/${path}`, { ...init, headers })).json()) as Told;
}

test("who reached X: by the console, the API and the log", async () => {
  const shown = await page("apps/wiki.localhost");
  for (const name of ["Alice", "Bob"]) expect(shown).toContain(name);
  const { sessions } = await ask("sessions?app=wiki.localhost");
  expect(sessions.map(({ person }) => person.subject).toSorted()).toEqual(["alice", "bob"]);
  const lines = rig.gateway.logged((line) => line.msg === "request" && line.host === "wiki.localhost" && line.decision === "allow");
  expect(new Set(lines.map(({ principal }) => (principal as { subject: string }).subject))).toEqual(new Set(["alice", "bob"]));
});

test("why was Y refused: by the console, the API and the log", async () => {
  const refusals = await page("refusals?text=bob");
  expect(refusals).toContain("groups: has staff, wanted admins");
  const link = /href="(\/console\/explain\?request=[^"]+)"/.exec(refusals)?.[1] ?? "";
  const explained = (await operator.visit(local() + link)).body;
  for (const words of ["Refused", "/admin", "staff", "wanted admins", 'name="method" type="text" value="PUT"', "PUT http"])
    expect(explained).toContain(words);
  const { events } = await ask("audit?event=refusal&text=bob");
  expect(events).toEqual([expect.objectContaining({ method: "PUT", path: "/admin", detail: expect.stringContaining("wanted admins") })]);
  const again = await ask("explain", {
    method: "POST",
    body: JSON.stringify({ url: `${rig.urls.wiki}/admin`, asUser: "bob", groups: ["staff"] }),
  });
  expect(again.outcome).toBe("refuse");
  const { request } = events[0] as { request: string };
  const byNumber = await ask("explain", { method: "POST", body: JSON.stringify({ request }) });
  expect(byNumber).toMatchObject({ outcome: "refuse", asked: `PUT ${rig.urls.wiki}/admin`, who: expect.stringContaining("bob") });
  const asAdmin = await ask("explain", { method: "POST", body: JSON.stringify({ request, groups: ["staff", "admins"] }) });
  expect(asAdmin.outcome).toBe("allow");
  expect(rig.gateway.logged((line) => line.audit === "refusal")).toEqual([
    expect.objectContaining({ method: "PUT", path: "/admin", detail: expect.stringContaining("wanted admins") }),
  ]);
});

test("which sessions are open: by the console, the API and the log", async () => {
  const shown = await page("sessions");
  for (const name of ["alice@", "bob@"]) expect(shown).toContain(name);
  const { sessions } = await ask("sessions");
  const handles = sessions.map(({ handle }) => handle);
  expect(handles).toHaveLength(2);
  const begun = rig.gateway.logged((line) => line.audit === "login").map(({ session }) => session);
  const over = new Set(rig.gateway.logged((line) => line.audit === "logout" || line.audit === "expiry").map(({ session }) => session));
  expect(begun.filter((session) => !over.has(session)).toSorted()).toEqual(handles.toSorted());
});

test("from where did Z sign in: by the console, the API and the log", async () => {
  const { sessions } = await ask("sessions?person=alice");
  const { handle, address } = sessions[0] ?? { handle: "", address: "" };
  expect([sessions.length, address]).toEqual([1, "127.0.0.1"]);
  const shown = await page(`sessions/${handle}`);
  for (const words of ["127.0.0.1", "signed in", "wiki.localhost"]) expect(shown).toContain(words);
  const lines = rig.gateway.logged((line) => line.audit === "login" && (line.principal as { subject: string }).subject === "alice");
  expect(lines).toEqual([expect.objectContaining({ client: "127.0.0.1", session: handle })]);
});
