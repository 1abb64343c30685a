import { expect, test } from "vitest";
import { createAdmission } from "../../src/gateway/admission.ts";

/** A process whose every request costs `costMs` of its event loop. */
function aProcess({ requests = 100_000, costMs = 1 }: { requests?: number; costMs?: number } = {}) {
  let now = 0;
  let ends: (() => void)[] = [];
  const admission = createAdmission({ limits: { requests }, monotonic: () => now, afterTurn: (work) => void ends.push(work) });
  const served: string[] = [];
  const refused: string[] = [];
  const isUrgent = (target: string) => target === "/urgent";
  const admit = (target: string) =>
    admission.admit(isUrgent(target), {
      serve: () => {
        now += costMs;
        served.push(target);
      },
      refuse: () => void refused.push(target),
    });
  /** The loop has read all that was ready, and goes round. */
  const turn = () => {
    const due = ends;
    ends = [];
    const began = now;
    for (const end of due) end();
    return now - began;
  };
  return { admission, admit, turn, served, refused, isIdle: () => ends.length === 0, pass: (ms: number) => (now += ms) };
}
const numbered = (count: number) => Array.from({ length: count }, (_, at) => `/${at}`);

test("what comes while there is time is served at once", () => {
  const { admit, served } = aProcess();
  for (const target of numbered(32)) admit(target);
  expect(served).toHaveLength(32);
});

test("a burst is served in the order of its coming: half of what was read, then a few in each turn of the loop", () => {
  const { admit, turn, served, refused, isIdle } = aProcess({ costMs: 0.05 });
  for (const target of numbered(800)) admit(target);
  const begun: number[] = [served.length];
  while (!isIdle()) {
    const before = served.length;
    turn();
    begun.push(served.length - before);
  }
  expect(served).toEqual(numbered(800));
  expect(refused).toEqual([]);
  expect(begun).toEqual([32, 400, ...Array.from({ length: 11 }, () => 32), 16, 0]);
});

test("what takes long is begun for 32 ms, then everything else has its turn", () => {
  const { admit, turn, isIdle } = aProcess({ costMs: 5 });
  for (const target of numbered(100)) admit(target);
  expect([turn(), turn()]).toEqual([35, 35]);
  expect(isIdle()).toBe(false);
});

test("whoever would wait for more than a second is refused, and what can be served is served", () => {
  const { admit, turn, served, refused, isIdle } = aProcess();
  for (const target of numbered(5_000)) admit(target);
  while (!isIdle()) turn();
  expect(served.length).toBeGreaterThan(1_000);
  expect(served.length).toBeLessThan(1_100);
  expect(served.length + refused.length).toBe(5_000);
  admit("/after");
  expect(served.at(-1)).toBe("/after");
});

test("after a stall of the whole machine nobody is refused who can be served now", () => {
  const { admit, turn, pass, served, refused, isIdle } = aProcess();
  for (const target of numbered(100)) admit(target);
  pass(5_000);
  while (!isIdle()) turn();
  expect([served.length, refused.length]).toEqual([100, 0]);
});

test("more than the limit is not taken on at once, those in line included, and room that is given back is used", () => {
  const { admission, admit, served, refused } = aProcess({ requests: 3, costMs: 40 });
  for (const target of ["/a", "/b", "/c", "/d"]) admit(target);
  expect([served, refused]).toEqual([["/a"], ["/d"]]);
  admission.leave();
  admit("/e");
  expect(refused).toEqual(["/d"]);
});

test("with no room left, what is urgent is served and what is not is refused", () => {
  const { admit, served, refused } = aProcess({ requests: 1 });
  for (const target of ["/", "/urgent", "/page"]) admit(target);
  expect([served, refused]).toEqual([["/", "/urgent"], ["/page"]]);
});
