import { expect, test } from "vitest";
import { createEndedSessions } from "../../../src/sessions/redis/ended.ts";

const minute = 60_000;

function opened(remove: (key: string) => Promise<unknown> = async () => undefined) {
  const time = { now: 0 };
  const removed: string[] = [];
  const ended = createEndedSessions({
    monotonic: () => time.now,
    remove: (key) => {
      removed.push(key);
      return remove(key);
    },
  });
  return { ended, removed, time };
}

test("an ended session is remembered for ten minutes", () => {
  const { ended, time } = opened();
  ended.add("a");
  time.now = 10 * minute;
  expect(ended.has("a")).toBe(true);
  expect(ended.has("b")).toBe(false);
  time.now += 1;
  expect(ended.has("a")).toBe(false);
});

test("one that ends again is remembered from then on", () => {
  const { ended, time } = opened();
  ended.add("a");
  ended.add("b");
  time.now = 9 * minute;
  ended.add("a");
  time.now = 15 * minute;
  ended.add("c");
  expect(["a", "b", "c"].map(ended.has)).toEqual([true, false, true]);
});

test("those beyond fifty thousand are forgotten, the oldest first", () => {
  const { ended } = opened();
  for (let count = 0; count <= 50_000; count += 1) ended.add(`session-${count}`);
  expect(ended.has("session-0")).toBe(false);
  expect(ended.has("session-1")).toBe(true);
  expect(ended.has("session-50000")).toBe(true);
});

test("a server that was just promoted is told of the last minute's", () => {
  const { ended, removed, time } = opened();
  ended.add("early");
  time.now = 30_000;
  ended.add("late");
  time.now = 80_000;
  ended.repeat();
  expect(removed).toEqual(["late"]);
});
