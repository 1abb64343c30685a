import { expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import { createLoginLimits } from "../../../src/login/flow/login-state.ts";
import { recordingLog } from "../../support/quiet.ts";

/** Several processes on one store. */
function limiter({ perMinute = 20, atOnce = 5, count }: { perMinute?: number; atOnce?: number; count?: () => Promise<number> } = {}) {
  let now = 1_000_000;
  const counted: string[] = [];
  const make = () =>
    createLoginLimits({
      limits: { loginsPerAddress: perMinute, loginsPerAddressAtOnce: atOnce },
      clock: () => now,
      log: recordingLog(),
      facts: {
        count:
          count ??
          (async (_kind, who) => {
            counted.push(who);
            return counted.filter((one) => one === who).length;
          }),
      },
    });
  return { make, limits: make(), counted, pass: (ms: number) => (now += ms) };
}
const outcome = (tried: Promise<unknown>) =>
  tried.then(
    () => "done",
    (error: unknown) => (error instanceof GatewayError ? error.code : String(error)),
  );
const done = () => "done";

test("an address may log in as often as the limit says, then waits for the next minute", async () => {
  const { limits, pass } = limiter({ perMinute: 3 });
  for (let count = 0; count < 3; count += 1) expect(await outcome(limits.within("192.0.2.1", done))).toBe("done");
  expect(await outcome(limits.within("192.0.2.1", done))).toBe("login.too-many");
  expect(await outcome(limits.within("192.0.2.2", done))).toBe("done");
  pass(60_000);
  expect(await outcome(limits.within("192.0.2.1", done))).toBe("done");
});

test("several processes count together", async () => {
  const { make } = limiter({ perMinute: 30 });
  const processes = [make(), make(), make()];
  const outcomes: string[] = [];
  for (let turn = 0; turn < 30; turn += 1) for (const one of processes) outcomes.push(await outcome(one.within("192.0.2.1", done)));
  const taken = outcomes.filter((one) => one === "done").length;
  expect(taken).toBeGreaterThanOrEqual(30);
  expect(taken).toBeLessThan(30 + 3 * 10);
});

test("a flood from everywhere writes nothing: only addresses that do much are told to the store", async () => {
  const { limits, counted } = limiter();
  for (let host = 0; host < 1_000; host += 1) await limits.within(`198.51.${host >> 8}.${host & 255}`, done);
  expect(counted).toEqual([]);
  for (let turn = 0; turn < 12; turn += 1) await limits.within("192.0.2.1", done);
  expect(counted).toEqual(["192.0.2.1", "192.0.2.1", "192.0.2.1"]);
});

test("all addresses of one /64 are one visitor, those of another are not", async () => {
  const { limits } = limiter({ perMinute: 2 });
  for (const host of ["2001:db8::1", "2001:db8::ffff"]) expect(await outcome(limits.within(host, done))).toBe("done");
  expect(await outcome(limits.within("2001:db8::2:3", done))).toBe("login.too-many");
  expect(await outcome(limits.within("2001:db8:0:1::1", done))).toBe("done");
});

test("only so many at once, and what fails gives its place back", async () => {
  const { limits } = limiter({ atOnce: 2 });
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = [limits.within("192.0.2.1", () => held), limits.within("192.0.2.1", () => held)];
  expect(await outcome(limits.within("192.0.2.1", done))).toBe("login.too-many");
  release();
  await Promise.all(slow);
  const failing = () => Promise.reject(new GatewayError("login.stale", "x"));
  for (let turn = 0; turn < 4; turn += 1) expect(await outcome(limits.within("192.0.2.1", failing))).toBe("login.stale");
  expect(await outcome(limits.within("192.0.2.1", done))).toBe("done");
});

test("without an answer of the store this process's own count holds", async () => {
  const away = () => Promise.reject(new GatewayError("store.unavailable", "away"));
  const { limits } = limiter({ perMinute: 15, count: away });
  for (let turn = 0; turn < 15; turn += 1) expect(await outcome(limits.within("192.0.2.1", done))).toBe("done");
  expect(await outcome(limits.within("192.0.2.1", done))).toBe("login.too-many");
});
