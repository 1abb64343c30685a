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

/**
 * Adds to a cache of what can be found out again. A cache that holds `most` entries is emptied first, so that strangers who choose the
 * keys cannot fill memory; to forget costs one more computation. A plain Map is read without a detour.
 */
export function remember<K, V>(cache: Map<K, V>, most: number, key: K, value: V): void {
  if (cache.size >= most && !cache.has(key)) cache.clear();
  cache.set(key, value);
}

/**
 * Remembers what `classify` said per name, as spelled: names repeat on every request, and folding them each time costs more than all
 * else that is done to headers. Bounded, because clients choose the names.
 */
export function rememberPerName<T>(classify: (name: string) => T, limit = 2048): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const kind = classify(name);
    remember(known, limit, name, kind);
    return kind;
  };
}
