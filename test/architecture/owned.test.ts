import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/free-port.ts";
import openNoteBook, { ownedFolder, spawnOwned, takeForRun } from "../support/owned.ts";
import { startServerProcess } from "../support/server-process.ts";
import { sourceFiles, withoutComments } from "./source-files.ts";

test("a process and a folder that a test left behind are gone after the run", async () => {
  vi.stubEnv("VESTIBULE_TEST_OWNED", "");
  const close = openNoteBook();
  const folder = ownedFolder("vestibule-left-");
  const child = spawnOwned(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const isThere = () => existsSync(`/proc/${child.pid}`) && readdirSync(`/proc/${child.pid}`).includes("stat");
  expect(isThere()).toBe(true);
  close();
  await eventually(() => expect(child.signalCode).toBe("SIGKILL"));
  expect(existsSync(join(folder))).toBe(false);
});

test("a process that ended is not taken for another that has its number now", async () => {
  vi.stubEnv("VESTIBULE_TEST_OWNED", "");
  const close = openNoteBook();
  const child = spawnOwned(process.execPath, ["-e", ""], { stdio: "ignore" });
  await eventually(() => expect(child.exitCode).toBe(0));
  expect(close).not.toThrow();
});

test("a server whose own process ended is not ready, whoever answers in its place", async () => {
  const ready = async (output: string) => {
    const pid = /\d+/.exec(output)?.[0];
    if (pid === undefined) throw new Error("it has not said its number yet");
    await eventually(() => expect(existsSync(`/proc/${pid}`)).toBe(false));
  };
  const args = ["-e", "console.log(process.pid)"];
  await expect(startServerProcess({ command: process.execPath, args, ready })).rejects.toThrow("ended (exit 0)");
});

test("a free port is none that the kernel hands out by itself, and is given once in a run", async () => {
  const [first = 0] = (readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").match(/\d+/g) ?? []).map(Number);
  const ports = await freePorts(20);
  expect(ports.filter((port) => port >= first)).toEqual([]);
  expect(ports.filter((port) => takeForRun(`port-${port}`))).toEqual([]);
});

test("what a program of the distribution started itself is gone, too", async () => {
  vi.stubEnv("VESTIBULE_TEST_OWNED", "");
  const close = openNoteBook();
  const shell = spawnOwned("sh", ["-c", "sleep 600 & echo $!; wait"], { stdio: ["ignore", "pipe", "ignore"] });
  const [line] = await once(shell.stdout, "data");
  const isThere = () => existsSync(`/proc/${Number(line)}/stat`);
  expect(isThere()).toBe(true);
  close();
  await eventually(() => expect(isThere()).toBe(false));
});

test("a server that never becomes ready is ended, and the reason names what it wrote", async () => {
  let pid = 0;
  const starting = startServerProcess({
    command: "sh",
    args: ["-c", "echo no such port; echo $$; sleep 600"],
    onLine: (line) => {
      pid = Number(line);
    },
    ready: () => Promise.reject(new Error("not yet")),
    patienceMs: 500,
  });
  await expect(starting).rejects.toThrow(/sh is not ready after 500 ms:\nno such port/);
  expect(existsSync(`/proc/${pid}/stat`)).toBe(false);
});

test("a server that ends before it is ready is not waited for", async () => {
  const ready = () => Promise.reject(new Error("not yet"));
  const starting = startServerProcess({ command: "sh", args: ["-c", "echo bad configuration; exit 3"], ready, patienceMs: 600_000 });
  await expect(starting).rejects.toThrow("sh ended (exit 3):\nbad configuration");
});

/** The mutation runner and the benchmarks' load generators run no tests; the demo is a program for people. */
const startersOfTheirOwn = ["test/support/owned.ts", "test/mutations/run-tests.ts", "test/bench/load.ts", "test/demo/main.ts"];

test("every process of a test is noted, and every server starts by the one helper", () => {
  const tests = sourceFiles("test").map(({ path, text }) => ({ path, text: withoutComments(text) }));
  const starters = tests.filter(({ text }) => /import \{[^}]*\b(?:spawn|fork)\b[^}]*\} from "node:child_process"/.test(text));
  expect(starters.map(({ path }) => path).sort()).toEqual([...startersOfTheirOwn].sort());
  // A program that listens is waited for: who notes one and waits has written the helper again.
  const waiting = tests.filter(({ text }) => /spawnOwned\(/.test(text) && /eventually\([\s\S]{0,60}(?:fetch|connect)\(/.test(text));
  expect(waiting.map(({ path }) => path)).toEqual([]);
});
