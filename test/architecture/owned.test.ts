import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import openNoteBook, { ownedFolder, spawnOwned } from "../support/owned.ts";

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
