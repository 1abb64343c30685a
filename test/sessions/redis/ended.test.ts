import { expect, test } from "vitest";
import { createEndedSessions } from "../../../src/sessions/redis/ended.ts";
import { eventually } from "../../support/eventually.ts";

const minute = 60_000;
const lifetimeMs = 720 * minute;

function opened(remove: (key: string) => Promise<unknown> = async () => undefined) {
  const time = { now: 0 };
  const removed: string[] = [];
  const ended = createEndedSessions({
    monotonic: () => time.now,
    lifetimeMs,
    remove: (key) => {
      removed.push(key);
      return remove(key);
    },
  });
  return { ended, removed, time };
}

test("an ended session is remembered for as long as it could have lived, wherever it ended", () => {
  const { ended, time } = opened();
  ended.add("here");
  ended.heard("elsewhere");
  time.now = lifetimeMs;
  expect(["here", "elsewhere", "never"].map(ended.has)).toEqual([true, true, false]);
  time.now += 1;
  expect(["here", "elsewhere"].map(ended.has)).toEqual([false, false]);
});

test("those beyond two hundred thousand are forgotten, the oldest first", () => {
  const { ended } = opened();
  for (let count = 0; count <= 200_000; count += 1) ended.add(`session-${count}`);
  expect(["session-0", "session-1", "session-200000"].map(ended.has)).toEqual([false, true, true]);
});

test("a server that was just promoted is told of the last minute's own ends", async () => {
  const { ended, removed, time } = opened();
  ended.add("early");
  time.now = 30_000;
  ended.add("late");
  ended.heard("elsewhere");
  ended.heard("late");
  time.now = 80_000;
  ended.repeat(false);
  await eventually(() => expect(removed).toEqual(["late"]));
});

test("a server that was started anew is told of all ends, the latest first, and again when it refuses", async () => {
  let refusals = 1;
  const { ended, removed, time } = opened(() => (refusals-- > 0 ? Promise.reject(new Error("loading")) : Promise.resolve()));
  ended.add("early");
  time.now = 60 * minute;
  ended.heard("elsewhere");
  ended.repeat(true);
  await eventually(() => expect(removed).toEqual(["elsewhere", "early", "elsewhere"]));
});
