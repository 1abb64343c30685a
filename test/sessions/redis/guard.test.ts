import { expect, test } from "vitest";
import { createRedisGuard } from "../../../src/sessions/redis/guard.ts";
import { noMetrics } from "../../support/quiet.ts";

const fails = () => Promise.reject(new Error("Command timed out"));
const saysNo = () => Promise.reject(Object.assign(new Error("READONLY You can't write against a replica"), { name: "ReplyError" }));

function aGuard() {
  const opened: number[] = [];
  const guard = createRedisGuard({ metrics: noMetrics, deadlineMs: 500, onOpen: () => opened.push(1) });
  const times = async (count: number, work: () => Promise<unknown>) => {
    for (let done = 0; done < count; done += 1) await guard.run("find", work).catch(() => undefined);
  };
  return { ...guard, opened, times };
}

test("after five failures in a row nothing is sent any more, and callers are told at once", async () => {
  const { run, times, isOpen, opened } = aGuard();
  await times(4, fails);
  expect(isOpen()).toBe(false);
  await times(1, fails);
  expect(isOpen()).toBe(true);
  expect(opened).toEqual([1]);
  let sent = 0;
  await expect(run("find", async () => (sent += 1))).rejects.toMatchObject({ code: "store.unavailable" });
  expect(sent).toBe(0);
});

test("an answer in between starts the count anew", async () => {
  const { times, isOpen } = aGuard();
  for (let round = 0; round < 5; round += 1) {
    await times(4, fails);
    await times(1, async () => "an answer");
  }
  expect(isOpen()).toBe(false);
});

test("a redis that says no has answered", async () => {
  const { times, isOpen, run } = aGuard();
  await times(20, saysNo);
  expect(isOpen()).toBe(false);
  await expect(run("create", saysNo)).rejects.toMatchObject({ code: "store.unavailable" });
});

test("the probe goes through, and its success lets everybody through again", async () => {
  const { probe, run, times, isOpen } = aGuard();
  await times(5, fails);
  await expect(probe("beat", fails)).rejects.toMatchObject({ code: "store.unavailable" });
  expect(isOpen()).toBe(true);
  await probe("beat", async () => "an answer");
  expect(await run("find", async () => "found")).toBe("found");
});

test("the number of commands that wait is bounded", async () => {
  const { run } = aGuard();
  const gate = Promise.withResolvers<string>();
  const waiting = Array.from({ length: 5_000 }, () => run("find", () => gate.promise));
  await expect(run("find", async () => "one more")).rejects.toMatchObject({ code: "store.unavailable" });
  gate.resolve("answered");
  await Promise.all(waiting);
  expect(await run("find", async () => "again")).toBe("again");
});

test("a failure tells neither the arguments of the command nor what a reply quotes", async () => {
  const { run } = aGuard();
  const leaky = Object.assign(new Error("ERR unknown command 'AUTH', with args beginning with: 'secret-text'"), {
    name: "ReplyError",
    command: { name: "auth", args: ["secret-text"] },
  });
  const failure: unknown = await run("find", () => Promise.reject(leaky)).catch((error: unknown) => error);
  const cause = failure instanceof Error ? failure.cause : null;
  expect(JSON.stringify([String(failure), cause, String(cause), Object.entries(cause ?? {})])).not.toContain("secret-text");
  expect(String(failure)).toContain("ERR unknown command");
});
