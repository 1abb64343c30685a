import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { WorkerEvents } from "../../../src/process/workers/fork.ts";
import type { ToWorker } from "../../../src/process/workers/messages.ts";
import { unpackSettings } from "../../../src/process/workers/messages.ts";
import { createSupervisor } from "../../../src/process/workers/supervisor.ts";
import { eventually } from "../../support/eventually.ts";
import { someSettings } from "../../support/policy-builders.ts";
import { recordingLog } from "../../support/quiet.ts";

/** A worker as the primary sees it, that does what the test says. */
interface Scripted {
  readonly pid: number;
  readonly events: WorkerEvents;
  readonly told: ToWorker[];
  killed: boolean;
  /** Whom it serves: `trustedProxies` of the version in force. */
  version: readonly string[];
  canPrepare: boolean | "silent";
}

let workers: Scripted[];
let log: ReturnType<typeof recordingLog>;
let starts: "good" | "bad" | "dead" | "late";
beforeEach(() => {
  workers = [];
  log = recordingLog();
  starts = "good";
});
afterEach(() => vi.useRealTimers());

const settings = (version: string) => someSettings([], { workers: 2, trustedProxies: [version] });
const store = { kind: "redis", reachable: true, invalidation: true, detail: "" } as const;
const report = { listening: true, store, providers: {}, unreachable: {}, metrics: "" };
const address = { host: "127.0.0.1", port: 1 };

function supervisor() {
  return createSupervisor({
    count: 2,
    settings: settings("v1"),
    version: "1",
    log,
    clock: Date.now,
    onAudit: () => {},
    onEnd: () => {},
    fork: (events) => {
      const worker: Scripted = { pid: 100 + workers.length, events, told: [], killed: false, version: [], canPrepare: true };
      workers.push(worker);
      if (starts === "dead") setImmediate(() => die(worker));
      else if (starts !== "late") setImmediate(() => events.onMessage({ kind: "hello" }));
      return { pid: worker.pid, send: (message) => void setImmediate(() => obey(worker, message)), kill: () => die(worker) };
    },
  });
}

function die(worker: Scripted): void {
  if (worker.killed) return;
  worker.killed = true;
  setImmediate(() => worker.events.onExit({ code: null, signal: "SIGKILL" }));
}

const prepared = new WeakMap<Scripted, readonly string[]>();
function obey(worker: Scripted, message: ToWorker): void {
  if (worker.killed) return;
  worker.told.push(message);
  if (message.kind === "start" && starts === "bad") {
    worker.events.onMessage({ kind: "failed", message: "cannot listen on 127.0.0.1:1" });
    die(worker);
  } else if (message.kind === "start") {
    worker.version = unpackSettings(message.settings).trustedProxies;
    worker.events.onMessage({ kind: "serving", addresses: [address], report });
  } else if (message.kind === "prepare" && worker.canPrepare === true) {
    prepared.set(worker, unpackSettings(message.settings).trustedProxies);
    worker.events.onMessage({ kind: "prepared", id: message.id });
  } else if (message.kind === "prepare" && worker.canPrepare === false) {
    worker.events.onMessage({ kind: "refused", id: message.id, message: "no memory" });
  } else if (message.kind === "commit") worker.version = prepared.get(worker) ?? ["never prepared"];
  else if (message.kind === "drain") die(worker);
}
const alive = () => workers.filter((worker) => !worker.killed);

test("a worker that was slow to start has its half minute once it serves, and one that says nothing then is replaced", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
  starts = "late";
  const all = supervisor();
  const started = all.start();
  vi.advanceTimersByTime(33_000);
  starts = "good";
  for (const worker of workers) worker.events.onMessage({ kind: "hello" });
  await started;
  vi.advanceTimersByTime(20_000);
  expect(alive()).toHaveLength(2);
  vi.advanceTimersByTime(20_000);
  expect(workers.map(({ killed }) => killed)).toEqual([true, true]);
  all.kill();
});

test("a new configuration reaches every worker, and the successor of one that dies", async () => {
  const all = supervisor();
  expect(await all.start()).toEqual([address]);
  await all.putInForce(settings("v2"));
  await eventually(() => expect(alive().map(({ version }) => version)).toEqual([["v2"], ["v2"]]));
  const [first] = alive();
  if (first !== undefined) die(first);
  await eventually(() => expect(workers).toHaveLength(3));
  await eventually(() => expect(alive().map(({ version }) => version)).toEqual([["v2"], ["v2"]]));
  await all.drain(1_000);
});

test("a configuration that one worker cannot take is in force nowhere", async () => {
  const all = supervisor();
  await all.start();
  const [, second] = workers;
  if (second !== undefined) second.canPrepare = false;
  await expect(all.putInForce(settings("v2"))).rejects.toThrow("worker 2 cannot take the configuration: no memory");
  await eventually(() => expect(workers.map(({ told }) => told.at(-1)?.kind)).toEqual(["discard", "discard"]));
  expect(alive().map(({ version }) => version)).toEqual([["v1"], ["v1"]]);
  await all.drain(1_000);
});

test("a worker that dies while it should prepare does not hold up the others", async () => {
  const all = supervisor();
  await all.start();
  const [first] = workers;
  if (first !== undefined) first.canPrepare = "silent";
  const done = all.putInForce(settings("v2"));
  await eventually(() => expect(first?.told.at(-1)?.kind).toBe("prepare"));
  if (first !== undefined) die(first);
  await done;
  await eventually(() => expect(alive().map(({ version }) => version)).toEqual([["v2"], ["v2"]]));
  await all.drain(1_000);
});

test.each([
  { when: "says why it cannot start", how: "bad", message: "cannot listen on 127.0.0.1:1" },
  { when: "dies before it served", how: "dead", message: "a worker ended with SIGKILL before it served" },
] as const)("a first worker that $when ends the start with that reason", async ({ how, message }) => {
  starts = how;
  const all = supervisor();
  await expect(all.start()).rejects.toThrow(message);
  await all.drain(0);
  expect(alive()).toEqual([]);
});

test.each([
  { when: "another serves", killed: [1] },
  { when: "the one that served was killed, too", killed: [0, 1] },
  { when: "the one that served was killed a moment later", killed: [1, 0] },
])("one that is killed while it starts is replaced, and the start goes on: $when", async ({ killed }) => {
  starts = "late";
  const all = supervisor();
  const started = all.start();
  workers[0]?.events.onMessage({ kind: "hello" });
  await eventually(() => expect(log.lines.filter(({ message }) => message === "a worker is serving")).toHaveLength(1));
  starts = "good";
  for (const worker of killed.map((at) => workers[at])) if (worker !== undefined) die(worker);
  expect(await started).toEqual([address]);
  expect(workers).toHaveLength(2 + killed.length);
  expect(log.lines.map(({ message }) => message)).toContain("a worker ended by itself; it is replaced");
  await all.drain(1_000);
});

test("in a loop of crashes the successors come ever more slowly, and those that serve go on", async () => {
  const all = supervisor();
  await all.start();
  const [first] = workers;
  starts = "dead";
  if (first !== undefined) die(first);
  const waits = () => log.lines.filter(({ level }) => level === "error").map(({ fields }) => (fields as { waitMs: number }).waitMs);
  await eventually(() => expect(waits()).toEqual([0, 250, 500]));
  expect(all.serving()).toBe(1);
  await all.drain(1_000);
  expect(alive()).toEqual([]);
});

test("a worker that is too busy to answer counts with what it said last, and is not waited for", async () => {
  const all = supervisor();
  await all.start();
  // These workers never answer such a question.
  expect(await all.reports()).toEqual([
    { slot: 1, report },
    { slot: 2, report },
  ]);
  await all.drain(1_000);
});

test("a worker that was asked to stop is told to drain when its successor serves, not before", async () => {
  const all = supervisor();
  await all.start();
  const [first] = workers;
  first?.events.onMessage({ kind: "leaving" });
  await eventually(() => expect(first?.killed).toBe(true));
  expect(workers).toHaveLength(3);
  expect(first?.told.at(-1)).toMatchObject({ kind: "drain" });
  await eventually(() => expect(all.serving()).toBe(2));
  expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  await all.drain(1_000);
});
