import { expect, test, vi } from "vitest";
import { backOffMs, pause, within } from "../../src/lib/timing.ts";

test("work that is done in time is the answer, and leaves no timer", async () => {
  vi.useFakeTimers();
  try {
    expect(await within(1_000, Promise.resolve("done"), () => "late")).toBe("done");
    await expect(within(1_000, Promise.reject(new Error("failed")), () => "late")).rejects.toThrow("failed");
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test.each([
  { when: "a value", late: () => "late", gives: "late" },
  { when: "a promise", late: () => pause(1).then(() => "later"), gives: "later" },
])("work that takes too long is replaced by $when", async ({ late, gives }) => {
  expect(await within(1, new Promise(() => {}), late)).toBe(gives);
});

test("what takes too long may fail instead, and its own failure afterwards is no surprise to anybody", async () => {
  const work = Promise.withResolvers<never>();
  await expect(
    within(1, work.promise, () => {
      throw new Error("too late");
    }),
  ).rejects.toThrow("too late");
  work.reject(new Error("unheard"));
  await pause(1);
});

test("the wait doubles with each failure in a row, up to its limit", () => {
  expect([0, 1, 2, 3, 4, 5, 1_000].map((failures) => backOffMs(failures, 100, 1_000))).toEqual([100, 100, 200, 400, 800, 1_000, 1_000]);
});

test("a pause ends at once when its signal aborts, with that reason", async () => {
  const stopping = new AbortController();
  const pausing = pause(3_600_000, { signal: stopping.signal });
  stopping.abort(new Error("the gateway stops"));
  await expect(pausing).rejects.toThrow("the gateway stops");
  await expect(pause(3_600_000, { signal: stopping.signal })).rejects.toThrow("the gateway stops");
  await expect(pause(1, { signal: new AbortController().signal })).resolves.toBeUndefined();
});
