import { expect, test } from "vitest";
import { createProbeWatch } from "../../src/admin/probe-watch.ts";

/** How long the listeners stay open when these had asked before and those ask after `stoppedAt`. */
function openFor(askedBefore: readonly number[], stoppedAt: number, everyAfter: number | null): number {
  let now = 0;
  const watch = createProbeWatch(() => now);
  for (now of askedBefore) watch.asked();
  now = stoppedAt;
  const heard = watch.beginRefusing();
  for (; !heard(); now += 100) {
    const passed = now - stoppedAt;
    if (everyAfter !== null && passed > 0 && passed % everyAfter === 0) watch.asked();
  }
  return now - stoppedAt;
}
const every = (periodMs: number, times: number, from = 0) => Array.from({ length: times }, (_, at) => from + at * periodMs);
const two = [...every(2_000, 5), ...every(2_000, 5, 100)].sort((one, other) => one - other);

test.each([
  { when: "nobody ever asked", asked: [], at: 10_000, later: null, open: 300 },
  { when: "somebody asked once", asked: [9_900], at: 10_000, later: null, open: 300 },
  { when: "a balancer asks every second", asked: every(1_000, 20), at: 19_500, later: 1_000, open: 3_300 },
  { when: "a balancer asks ten times a second", asked: every(100, 50), at: 4_950, later: 100, open: 600 },
  { when: "its questions come late, because the machine is out of breath", asked: every(100, 50), at: 4_950, later: 500, open: 1_600 },
  { when: "somebody waited for the start and asks no more", asked: every(50, 20), at: 60_000, later: null, open: 300 },
  { when: "the balancer goes away in this moment", asked: every(1_000, 20), at: 19_500, later: null, open: 9_900 },
  { when: "it is stopped just after somebody waited for its start", asked: every(100, 5), at: 600, later: null, open: 1_800 },
  { when: "two balancers ask every two seconds, one just after the other", asked: two, at: 9_000, later: 1_000, open: 6_000 },
  { when: "a slow one asks every ten seconds", asked: every(10_000, 5), at: 45_000, later: 10_000, open: 10_000 },
  {
    when: "it is asked since a moment ago, after a long silence",
    asked: [0, ...every(500, 6, 3_600_000)],
    at: 3_602_600,
    later: 500,
    open: 1_800,
  },
])("when $when, the listeners stay open for $open ms", ({ asked, at, later, open }) => {
  expect(openFor(asked, at, later)).toBe(open);
});
