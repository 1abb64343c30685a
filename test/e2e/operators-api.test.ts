import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { eventually } from "../support/eventually.ts";
import { type Rig, signIn } from "../support/rig.ts";
import { okOrWebSocket, startTwoInstances, type TwoInstances } from "../support/two-instances.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

const run = promisify(execFile);
const main = new URL("../../src/main.ts", import.meta.url).pathname;
const token = "console-token-of-two-instances-0123";
const top = "workers: 2\nconsole: { token: { env: CONSOLE_TOKEN } }\n";

let two: TwoInstances;
let rig: Rig;

// With two workers each.
beforeAll(async () => {
  two = await startTwoInstances({ top, env: { CONSOLE_TOKEN: token } });
  rig = two.rig;
}, 120_000);
afterAll(() => two?.close());

async function api(instance: number, method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
  const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(`http://127.0.0.1:${two.at[instance]?.adminPort}/api/v1${path}`, sent);
  const read = response.status === 204 ? null : await response.json();
  return { status: response.status, body: read as Record<"sessions" | "events", Record<string, unknown>[]> & Record<string, unknown> };
}

const askAt = async (instance: number, visitor: Visitor) =>
  (await visitor.visit(`http://wiki.localhost:${two.at[instance]?.port}/page`, { headers: { host: `wiki.localhost:${rig.port}` } })).status;

async function openSocket(instance: number, visitor: Visitor): Promise<WebSocket> {
  const cookie = [...visitor.cookies("wiki.localhost")].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = { host: `wiki.localhost:${rig.port}`, cookie, origin: rig.urls.wiki };
  const socket = new WebSocket(`ws://127.0.0.1:${two.at[instance]?.port}/live`, { headers });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return socket;
}

test("a person ended at one instance is out everywhere within a second, open WebSocket included", async () => {
  rig.wiki.answerWith(okOrWebSocket);
  const alice = newVisitor();
  await signIn(alice, `${rig.urls.wiki}/`, "alice");
  const bob = newVisitor();
  await signIn(bob, `${rig.urls.wiki}/`, "bob");
  // Every worker of both instances has the session at hand.
  await eventually(async () => {
    for (let count = 0; count < 8; count += 1) expect([await askAt(0, alice), await askAt(1, alice)]).toEqual([200, 200]);
  });
  const socket = await openSocket(0, alice);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));

  const listed = await api(1, "GET", "/sessions?person=alice");
  expect(listed.body.sessions).toEqual([
    expect.objectContaining({ person: expect.objectContaining({ subject: "alice" }), address: "127.0.0.1", apps: [expect.anything()] }),
  ]);
  expect((await api(1, "POST", "/sessions/end", { person: "alice", dryRun: true })).body.ended).toBe(1);
  expect((await api(1, "POST", "/sessions/end", { person: "alice" })).body.ended).toBe(1);
  // How long it takes is measured by the faults' scenario 7; here a hang alone fails.
  await closed;
  await eventually(async () => {
    for (let count = 0; count < 8; count += 1) expect([await askAt(0, alice), await askAt(1, alice)]).toEqual([302, 302]);
  });
  expect([await askAt(0, bob), await askAt(1, bob)]).toEqual([200, 200]);
  expect((await api(0, "GET", "/sessions?person=alice")).body.sessions).toEqual([]);
  expect((await api(1, "GET", "/audit?event=revocation")).body.events[0]).toMatchObject({ subject: "alice", sessions: 1, by: "token" });
});

test("a person ended in the console of one instance is out everywhere, open WebSocket included", async () => {
  const alice = newVisitor();
  await signIn(alice, `${rig.urls.wiki}/`, "alice");
  await eventually(async () => {
    for (let count = 0; count < 8; count += 1) expect([await askAt(0, alice), await askAt(1, alice)]).toEqual([200, 200]);
  });
  const sockets = [await openSocket(0, alice), await openSocket(1, alice)];
  const closed = Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))));
  const origin = `http://127.0.0.1:${two.at[1].adminPort}`;
  const operator = newVisitor();
  const post = (path: string, form: Record<string, string>) =>
    operator.visit(`${origin}/console/${path}`, { method: "POST", form, headers: { origin } });
  await post("sign-in", { token });
  expect((await post("sessions/count", { person: "alice" })).body).toContain("Sessions that match: 1");
  expect((await post("sessions/end-all", { person: "alice" })).status).toBe(303);
  // How long it takes is measured by the faults' scenario 7; here a hang alone fails.
  await closed;
  await eventually(async () => {
    for (let count = 0; count < 8; count += 1) expect([await askAt(0, alice), await askAt(1, alice)]).toEqual([302, 302]);
  });
});

test("each instance tells of all: their numbers, and who did what at the other", async () => {
  await eventually(
    async () => {
      const { instances } = (await api(0, "GET", "/status")).body as unknown as { instances: { name: string; ready: boolean }[] };
      expect(instances.map(({ ready }) => ready)).toEqual([true, true]);
    },
    { timeoutMs: 20_000 },
  );
  await eventually(async () => expect((await api(0, "GET", "/audit?event=revocation")).body.events[0]).toMatchObject({ subject: "alice" }));
});

test("what workers write to the audit log is in the tail of their instance", async () => {
  const carol = newVisitor();
  await signIn(carol, `${rig.urls.reports}/`, "carol");
  await eventually(async () => expect((await api(0, "GET", "/audit?event=login&text=carol")).body.events).toHaveLength(1));
});

test("the commands ask the running gateway", async () => {
  const dora = newVisitor();
  await signIn(dora, `${rig.urls.wiki}/`, "bob");
  const vestibule = (...args: string[]) =>
    run(process.execPath, [main, ...args, "--config", two.second.configFile], { env: { ...process.env, ...two.env } }).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: "" }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  expect((await vestibule("status")).stdout).toContain("ready      yes");
  const listed = await vestibule("sessions", "list", "--person", "bob", "--json");
  const handles = listed.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).handle);
  expect(handles.length).toBeGreaterThan(0);
  expect(JSON.parse((await vestibule("sessions", "show", handles[0])).stdout).handle).toBe(handles[0]);
  expect((await vestibule("revoke", "bob", "--dry-run")).stdout).toBe(
    `${handles.length} session${handles.length === 1 ? "" : "s"} would end\n`,
  );
  expect((await vestibule("sessions", "end", handles[0])).stdout).toBe("1 session ended\n");
  expect(await vestibule("sessions", "end", handles[0])).toMatchObject({ code: 1, stderr: expect.stringContaining("no such session") });
  await vestibule("revoke", "bob");
  expect((await vestibule("sessions", "list", "--person", "bob")).stdout).toBe("");
  expect(await vestibule("sessions", "end")).toMatchObject({ code: 2 });
}, 120_000);

test("a reload is asked for, and its outcome told", async () => {
  expect((await api(1, "POST", "/reload")).body.outcome).toBe("applied");
  await two.second.rewriteConfig(two.secondYaml.replace("groups: [staff]", "groups: []"));
  const refused = await api(1, "POST", "/reload");
  expect(refused.body).toMatchObject({ outcome: "rejected", detail: expect.stringContaining("access[0].allow.groups") });
  await two.second.rewriteConfig(two.secondYaml);
});
