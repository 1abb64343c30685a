import fc from "fast-check";
import { expect, test } from "vitest";
import { createSlots, type Slotted } from "../../src/lib/slots.ts";

test("behaves like a Set under any order of coming and going", () => {
  const step = fc.record({ add: fc.boolean(), which: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const things = Array.from({ length: 10 }, (_, name) => ({ name, slot: -1 }));
      const slots = createSlots<Slotted & { name: number }>();
      const model = new Set<number>();
      for (const { add, which } of steps) {
        const thing = things[which];
        if (thing === undefined) continue;
        if (!add) expect(slots.remove(thing)).toBe(model.delete(which));
        else if (!model.has(which)) {
          slots.add(thing);
          model.add(which);
        }
      }
      expect(
        slots
          .all()
          .map(({ name }) => name)
          .toSorted(),
      ).toEqual([...model].toSorted());
    }),
  );
});

test("places are used again, so that it never grows beyond what was in it at once", () => {
  const slots = createSlots<Slotted>();
  const highest = Array.from({ length: 1_000 }, () => {
    const one = { slot: -1 };
    slots.add(one);
    const { slot } = one;
    slots.remove(one);
    return slot;
  });
  expect(Math.max(...highest)).toBe(0);
});
