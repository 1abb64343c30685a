import fc from "fast-check";
import { expect, test } from "vitest";
import { createSlots, remember, rememberPerName, type Slotted } from "../../src/lib/collections.ts";

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

test("a cache holds no more than it may, and replacing an entry empties nothing", () => {
  const cache = new Map<number, string>();
  for (let key = 0; key < 3; key += 1) remember(cache, 3, key, "first");
  remember(cache, 3, 1, "second");
  expect([...cache]).toEqual([
    [0, "first"],
    [1, "second"],
    [2, "first"],
  ]);
  remember(cache, 3, 3, "first");
  expect([...cache]).toEqual([[3, "first"]]);
});

test("a name is classified once, until more names came than are remembered", () => {
  const asked: string[] = [];
  const classify = rememberPerName((name) => asked.push(name), 2);
  for (const name of ["a", "b", "a", "b", "c", "a"]) classify(name);
  expect(asked).toEqual(["a", "b", "c", "a"]);
});
