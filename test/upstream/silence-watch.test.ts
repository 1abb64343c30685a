import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSilenceWatch, type Watched } from "../../src/upstream/exchange.ts";

interface Thing extends Watched {
  readonly name: string;
}
const thing = (name: string): Thing => ({ name, slot: -1, patienceMs: 0, moved: false, stillSince: 0 });

function start() {
  const silent: string[] = [];
  return {
    silent,
    watch: createSilenceWatch<Thing>(
      (one) => silent.push(one.name),
      () => performance.now(),
    ),
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("what stands still is told of once, never early and at most two ticks late", () => {
  const { silent, watch } = start();
  watch.wait(thing("a"), 1_000);
  vi.advanceTimersByTime(1_000);
  expect(silent).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(silent).toEqual(["a"]);
  vi.advanceTimersByTime(10_000);
  expect(silent).toEqual(["a"]);
});

test("what moves may go on, and each counts for itself", () => {
  const { silent, watch } = start();
  const [moving, still] = [thing("moving"), thing("still")];
  watch.wait(moving, 500);
  watch.wait(still, 500);
  for (let round = 0; round < 10; round += 1) {
    vi.advanceTimersByTime(300);
    watch.stir(moving);
  }
  expect(silent).toEqual(["still"]);
  vi.advanceTimersByTime(700);
  expect(silent).toEqual(["still", "moving"]);
});

test("a later word replaces the one before; 0 is for ever", () => {
  const { silent, watch } = start();
  const [patient, waitedOut] = [thing("patient"), thing("waited out")];
  watch.wait(patient, 300);
  watch.wait(waitedOut, 300);
  watch.wait(patient, 60_000);
  watch.wait(waitedOut, 0);
  vi.advanceTimersByTime(50_000);
  expect(silent).toEqual([]);
  vi.advanceTimersByTime(20_000);
  expect(silent).toEqual(["patient"]);
});

test("with nothing to watch no timer runs, and one starts again when there is", () => {
  const { silent, watch } = start();
  watch.wait(thing("first"), 100);
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(0);
  watch.wait(thing("second"), 100);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(1_000);
  expect(silent).toEqual(["first", "second"]);
});

test("a process that stood still for a minute does not take its requests for silent, and goes on counting", () => {
  let stoodStillMs = 0;
  const silent: string[] = [];
  const watch = createSilenceWatch<Thing>(
    (one) => silent.push(one.name),
    () => performance.now() + stoodStillMs,
  );
  watch.wait(thing("a"), 5_000);
  vi.advanceTimersByTime(200);
  stoodStillMs = 60_000;
  vi.advanceTimersByTime(3_000);
  expect(silent).toEqual([]);
  vi.advanceTimersByTime(2_000);
  expect(silent).toEqual(["a"]);
});

test("ticks that come late do not make anybody wait longer", () => {
  let late = 0;
  const silent: string[] = [];
  const watch = createSilenceWatch<Thing>(
    (one) => silent.push(one.name),
    () => performance.now() + late,
  );
  watch.wait(thing("a"), 3_000);
  // A busy event loop: each tick comes 400 ms after it was due.
  for (let round = 0; round < 7; round += 1) {
    late += 400;
    vi.advanceTimersByTime(100);
  }
  expect(silent).toEqual(["a"]);
});
