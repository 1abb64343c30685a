/** Something that knows its own place; -1 = in no bag. */
export interface Slotted {
  slot: number;
}

/** A bag of things that come and go with every request. */
export interface Slots<T extends Slotted> {
  add(one: T): void;
  /** False when it was not in here. */
  remove(one: T): boolean;
  /** Those in here now; adding and removing meanwhile is safe. */
  all(): readonly T[];
}

/**
 * Like a Set, in a fixed place. A Set under such churn is rebuilt every few dozen entries, and each abandoned table points to the next one
 * and to all that was in it: requests that ended long ago then survive into the old generation, and garbage collection becomes
 * the largest single cost of a request.
 */
export function createSlots<T extends Slotted>(): Slots<T> {
  const slots: (T | null)[] = [];
  const free: number[] = [];
  return {
    add(one) {
      one.slot = free.pop() ?? slots.length;
      slots[one.slot] = one;
    },
    remove(one) {
      const { slot } = one;
      if (slot === -1 || slots[slot] !== one) return false;
      slots[slot] = null;
      free.push(slot);
      one.slot = -1;
      return true;
    },
    all: () => slots.filter((one) => one !== null),
  };
}
