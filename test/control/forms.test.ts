import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readForm } from "../../src/control/router.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const headers = { "content-type": "application/x-www-form-urlencoded" };

/** A form of which `parts` arrive and then nothing, unless it `ends`. */
function aForm(parts: readonly string[], ends: boolean, cancelled: () => void = () => {}): Request {
  const body = new ReadableStream({
    start: (controller) => {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      if (ends) controller.close();
    },
    cancel: cancelled,
  });
  return new Request("https://auth.acme.example/_vestibule/form", { method: "POST", headers, body, duplex: "half" });
}

test("a form that stops arriving is refused after ten seconds, and the rest of it is not wanted", async () => {
  const cancelled = vi.fn();
  const refused = expect(readForm(aForm(["a=1&"], false, cancelled))).rejects.toMatchObject({ code: "request.timeout" });
  await vi.advanceTimersByTimeAsync(10_000);
  await refused;
  expect(cancelled).toHaveBeenCalledOnce();
});

test("a form in pieces is read whole, and no timer is left", async () => {
  expect([...(await readForm(aForm(["a=1", "&b=%C3", "%A9"], true)))]).toEqual([
    ["a", "1"],
    ["b", "é"],
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a form larger than allowed is refused while it arrives", async () => {
  await expect(readForm(aForm(["a=", "x".repeat(100)], true), 64)).rejects.toMatchObject({ code: "request.body-too-large" });
});
