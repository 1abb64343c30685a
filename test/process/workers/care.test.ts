import { expect, test } from "vitest";
import { createCrashPace } from "../../../src/process/workers/care.ts";

test.each([
  { when: "one that lived long dies", lives: [60_000], waits: [0] },
  { when: "they die at once, again and again", lives: [50, 50, 50, 50, 50], waits: [0, 250, 500, 1_000, 2_000] },
  { when: "a good life ends the loop", lives: [50, 50, 60_000, 50], waits: [0, 250, 0, 250] },
])("when $when, they are replaced after $waits ms", ({ lives, waits }) => {
  const pace = createCrashPace();
  expect(lives.map((lived) => pace.died(lived))).toEqual(waits);
});

test("a loop without end waits half a minute each time", () => {
  const pace = createCrashPace();
  const waits = Array.from({ length: 2_000 }, () => pace.died(0));
  expect(Math.max(...waits)).toBe(30_000);
  expect(waits.at(-1)).toBe(30_000);
});
