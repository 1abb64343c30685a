import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cookieLine } from "../../support/cookie-line.ts";
import { eventually } from "../../support/eventually.ts";
import { rawConnect } from "../../support/raw-client.ts";
import { startRedis, type TestRedis } from "../../support/redis.ts";
import { type Rig, signIn, startRig } from "../../support/rig.ts";
import { newVisitor } from "../../support/visitor.ts";

let redis: TestRedis;
let rig: Rig;
let cookie: string;
beforeAll(async () => {
  redis = await startRedis();
  rig = await startRig({
    sessions: "  store: { redis: { url: { env: REDIS_URL } } }",
    top: "workers: 2",
    env: { REDIS_URL: redis.url },
  });
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  cookie = cookieLine(visitor, "wiki.localhost");
});
afterAll(async () => {
  await rig.close();
  await redis.stop();
});

interface Told {
  readonly ready: boolean;
  readonly workers: { readonly wanted: number; readonly ready: number };
}
const readiness = async () => (await (await fetch(`http://127.0.0.1:${rig.adminPort}/readyz`)).json()) as Told;
const metrics = async () => (await (await fetch(`http://127.0.0.1:${rig.adminPort}/metrics`)).text()).split("\n");
const sample = async (name: string) => Number((await metrics()).find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
/** The processes that serve now. */
const workerPids = () =>
  readFileSync(`/proc/${rig.gateway.pid}/task/${rig.gateway.pid}/children`, "utf8").trim().split(/\s+/).filter(Boolean).map(Number);
const served = 'vestibule_requests_total{app="wiki.localhost",route="wiki.localhost/",decision="allow",status="2xx"}';
const allReady = () =>
  eventually(async () => expect(await readiness()).toMatchObject({ ready: true, workers: { wanted: 2, ready: 2 } }), { timeoutMs: 20_000 });

/** One GET with alice's cookie; the status, or the error's code. */
function ask(path: string, agent: Agent | false = false): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { host: `wiki.localhost:${rig.port}`, cookie };
    const sent = request({ host: "127.0.0.1", port: rig.port, path, agent, headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    });
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    sent.end();
  });
}

/** Asks over new connections, some at a time, until told to stop; answers whatever was not a 200. */
function keepAsking(): { stop(): Promise<{ asked: number; failures: (number | string)[] }> } {
  let going = true;
  let asked = 0;
  const failures: (number | string)[] = [];
  const lane = async () => {
    while (going) {
      const status = await ask("/x");
      asked += 1;
      if (status !== 200) failures.push(status);
    }
  };
  const lanes = [lane(), lane(), lane(), lane()];
  return {
    stop: async () => {
      going = false;
      await Promise.all(lanes);
      return { asked, failures };
    },
  };
}

test("two workers share the sockets, and one admin page counts what both did", async () => {
  await allReady();
  const before = await sample(served);
  let asked = 0;
  const askRound = async () => {
    const agents = Array.from({ length: 40 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    asked += agents.length;
    expect(await Promise.all(agents.map((agent) => ask("/shared", agent)))).toEqual(agents.map(() => 200));
    for (const agent of agents) agent.destroy();
    await eventually(async () => expect(await sample(served)).toBe(before + asked));
    const written = rig.gateway.logged(({ msg, path }) => msg === "request" && path === "/shared");
    return new Set(written.map((line) => line.pid)).size;
  };
  // The kernel gives a connection to a worker that waits for one: on a busy machine all of a round may be one worker's.
  await eventually(async () => expect(await askRound()).toBe(2), { timeoutMs: 20_000 });
  const lines = await metrics();
  const named = lines.filter((line) => line.startsWith("process_resident_memory_bytes{")).map((line) => line.split('"')[1]);
  expect(named.sort()).toEqual(["1", "2", "primary"]);
  expect(lines).toContain("vestibule_store_reachable 1");
  expect(lines).toContain('vestibule_workers{state="serving"} 2');
  expect(lines.filter((line) => line.startsWith("# TYPE vestibule_requests_total"))).toHaveLength(1);
});

test("a worker that is killed is replaced at once, takes only its own requests along, and loses no count", async () => {
  await allReady();
  const counted = await sample(served);
  const load = keepAsking();
  const [victim = 0] = workerPids();
  process.kill(victim, "SIGKILL");
  await eventually(() => expect(workerPids().filter((pid) => pid !== victim)).toHaveLength(2));
  await eventually(async () => expect(await readiness()).toMatchObject({ ready: true, workers: { ready: 2 } }), { timeoutMs: 20_000 });
  const died = rig.gateway.logged((line) => line.workerPid === victim && line.signal === "SIGKILL");
  expect(died).toMatchObject([{ waitMs: 0 }]);
  const { asked, failures } = await load.stop();
  expect(workerPids()).not.toContain(victim);
  expect(asked).toBeGreaterThan(20);
  // Four at a time: no more than these can have been in its hands.
  expect(failures.length).toBeLessThanOrEqual(4);
  expect(failures.filter((failure) => typeof failure === "number")).toEqual([]);
  // What it had counted before the last look is kept; what it counted in its last moments may be lost.
  await eventually(async () => expect(await sample(served)).toBeGreaterThanOrEqual(counted + asked - failures.length - 12));
  expect(await sample("vestibule_worker_crashes_total")).toBe(1);
});

test("a worker that is asked to stop hands over to a successor and nothing is lost", async () => {
  await allReady();
  const load = keepAsking();
  const [leaver = 0] = workerPids();
  process.kill(leaver, "SIGTERM");
  await eventually(() => expect(workerPids()).not.toContain(leaver), { timeoutMs: 10_000 });
  await allReady();
  expect((await load.stop()).failures).toEqual([]);
});

test("a changed file is one version for all workers, and for those that come later", async () => {
  await allReady();
  const agents = [0, 1, 2, 3, 4, 5].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
  await Promise.all(agents.map((agent) => ask("/before", agent)));
  await rig.gateway.rewriteConfig(rig.yaml.replace("- allow: { groups: [staff] }", "- allow: { groups: [nobody] }"));
  await eventually(async () => expect(await ask("/")).toBe(403), { timeoutMs: 10_000 });
  expect(await Promise.all(agents.map((agent) => ask("/after", agent)))).toEqual(agents.map(() => 403));
  expect(rig.gateway.logged((line) => line.audit === "reload").at(-1)).toMatchObject({
    outcome: "applied",
    changes: { added: [], removed: [], changed: ["route wiki.localhost/ (access)"] },
  });
  const [victim = 0] = workerPids();
  process.kill(victim, "SIGKILL");
  await eventually(() => expect(workerPids().filter((pid) => pid !== victim)).toHaveLength(2));
  await allReady();
  for (let at = 0; at < 20; at += 1) expect(await ask("/later")).toBe(403);
  await rig.gateway.rewriteConfig(rig.yaml);
  await eventually(async () => expect(await ask("/")).toBe(200), { timeoutMs: 10_000 });
  for (const agent of agents) agent.destroy();
});

test("SIGTERM drains every worker: what is in flight is finished, and the exit code is 0", async () => {
  await allReady();
  const releases: (() => void)[] = [];
  rig.wiki.answerWith(() => (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    releases.push(() => void socket.write("done"));
  });
  const asked = Array.from({ length: 12 }, () => ask("/slow"));
  await eventually(() => expect(releases).toHaveLength(12));
  rig.gateway.signal("SIGTERM");
  await eventually(async () => expect((await readiness()).ready).toBe(false));
  await eventually(() => expect(rawConnect({ port: rig.port })).rejects.toThrow(/ECONNREFUSED/), { timeoutMs: 15_000 });
  for (const release of releases) release();
  expect(await Promise.all(asked)).toEqual(asked.map(() => 200));
  expect(await rig.gateway.exited).toBe(0);
});
