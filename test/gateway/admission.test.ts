import { expect, test } from "vitest";
import { createAdmission } from "../../src/gateway/admission.ts";

/** A process whose every request costs `costMs` of CPU, in turns of the event loop. */
function aProcess(requests = 1_000) {
  let now = 0;
  let cpu = 0;
  let end: (() => void) | null = null;
  const admission = createAdmission({
    limits: { requests },
    monotonic: () => now,
    cpuMs: () => cpu,
    afterTurn: (wanted) => {
      end = wanted;
    },
  });
  /** Reads `count` requests in one turn; answers which were taken. */
  const turn = (count: number, { costMs, wallMs = costMs, target = "/page" }: { costMs: number; wallMs?: number; target?: string }) => {
    const taken = Array.from({ length: count }, () => {
      const entered = admission.enter(target);
      if (entered) {
        now += wallMs;
        cpu += costMs;
        admission.leave();
      }
      return entered;
    });
    end?.();
    return taken.filter(Boolean).length;
  };
  return { admission, turn, pass: (ms: number) => (now += ms) };
}

test("a burst is served, however large", () => {
  expect(aProcess().turn(900, { costMs: 1 })).toBe(900);
});

test("load that lasts is shed down to what a turn can do, and what is taken is served", () => {
  const { turn } = aProcess();
  const taken = Array.from({ length: 10 }, () => turn(800, { costMs: 1 }));
  expect(taken[0]).toBe(800);
  for (const one of taken.slice(2)) expect(one).toBe(200);
});

test("when the load is gone, the next burst is served again", () => {
  const { turn, pass } = aProcess();
  for (let count = 0; count < 5; count += 1) turn(800, { costMs: 1 });
  pass(6_000);
  turn(1, { costMs: 1 });
  expect(turn(800, { costMs: 1 })).toBe(800);
});

test("a machine that is busy with something else is not taken for too many requests", () => {
  const { turn } = aProcess();
  for (let count = 0; count < 10; count += 1) expect(turn(800, { costMs: 0.01, wallMs: 1 })).toBe(800);
});

test("more than the limit is not taken on at once, and room that is given back is used", () => {
  const { admission } = aProcess(2);
  expect([admission.enter("/a"), admission.enter("/b"), admission.enter("/c")]).toEqual([true, true, false]);
  admission.leave();
  expect(admission.enter("/d")).toBe(true);
});

test.each([
  { target: "/_vestibule/logout", taken: true },
  { target: "/_vestibule/logout?next=/x", taken: true },
  { target: "/_vestibule/oidc/acme/backchannel-logout", taken: true },
  { target: "/_vestibule/oidc/acme/frontchannel-logout?sid=1", taken: true },
  { target: "/_vestibule/saml/adfs/slo", taken: true },
  { target: "/_vestibule/login", taken: false },
  { target: "/_vestibule/oidc/acme/callback?code=1", taken: false },
  { target: "/page?/_vestibule/logout", taken: false },
  { target: "/_vestibule/logouts", taken: false },
])("with everything taken, $target is taken: $taken", ({ target, taken }) => {
  const { admission } = aProcess(1);
  admission.enter("/");
  expect(admission.enter(target)).toBe(taken);
});
