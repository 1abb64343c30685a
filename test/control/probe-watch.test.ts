import { expect, test } from "vitest";
import { createProbeWatch } from "../../src/control/probe-watch.ts";

function lingerAfter(askedAt: readonly number[], stoppedAt: number): number {
  let now = 0;
  const watch = createProbeWatch(() => now);
  for (now of askedAt) watch.asked();
  now = stoppedAt;
  return watch.lingerMs();
}
const every = (periodMs: number, times: number, from = 0) => Array.from({ length: times }, (_, at) => from + at * periodMs);

test.each([
  { when: "nobody ever asked", asked: [], at: 10_000, linger: 300 },
  { when: "somebody asked once", asked: [9_900], at: 10_000, linger: 300 },
  { when: "a balancer asks every second", asked: every(1_000, 20), at: 19_500, linger: 3_300 },
  { when: "a balancer asks ten times a second", asked: every(100, 50), at: 4_950, linger: 600 },
  { when: "somebody waited for the start and asks no more", asked: every(50, 20), at: 60_000, linger: 300 },
  { when: "the balancer that asked has gone", asked: every(1_000, 20), at: 60_000, linger: 300 },
  {
    when: "two balancers ask every two seconds, one just after the other",
    asked: [...every(2_000, 5), ...every(2_000, 5, 100)].sort((a, b) => a - b),
    at: 9_000,
    linger: 6_000,
  },
  { when: "a slow one asks every ten seconds", asked: every(10_000, 5), at: 45_000, linger: 10_000 },
  {
    when: "it began to be asked a moment ago, after a long silence",
    asked: [0, ...every(500, 6, 3_600_000)],
    at: 3_602_600,
    linger: 1_800,
  },
])("when $when, the listeners stay open for $linger ms", ({ asked, at, linger }) => {
  expect(lingerAfter(asked, at)).toBe(linger);
});
