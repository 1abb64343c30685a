import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createWorkSlots } from "../../../src/login/ldap/slots.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const held = () => Promise.withResolvers<string>();

test("the first in line starts when a place is free, and no timer is left", async () => {
  const slots = createWorkSlots(1, 2, Date.now);
  const [first, second] = [held(), held()];
  const one = slots.within(Date.now() + 1_000, () => first.promise);
  const other = slots.within(Date.now() + 1_000, () => second.promise);
  first.resolve("one");
  second.resolve("other");
  expect(await Promise.all([one, other])).toEqual(["one", "other"]);
  expect([slots.inUse(), vi.getTimerCount()]).toEqual([0, 0]);
});

test("who waits past the deadline is refused and takes no place; a line that is full takes no more", async () => {
  const slots = createWorkSlots(1, 1, Date.now);
  const first = held();
  const one = slots.within(Date.now() + 1_000, () => first.promise);
  const late = expect(slots.within(Date.now() + 1_000, async () => "late")).rejects.toMatchObject({ code: "ldap.busy" });
  await expect(slots.within(Date.now() + 1_000, async () => "full")).rejects.toMatchObject({ code: "ldap.busy" });
  await vi.advanceTimersByTimeAsync(1_000);
  await late;
  first.resolve("one");
  expect(await one).toBe("one");
  expect(slots.inUse()).toBe(0);
  expect(await slots.within(Date.now(), async () => "next")).toBe("next");
});
