/**
 * Remembers what `classify` said per name, as spelled: names repeat on every request, and folding them each time costs more than all
 * else here. Bounded, because clients choose the names.
 */
export function rememberPerName<T>(classify: (name: string) => T, limit = 2048): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const remembered = known.get(name);
    if (remembered !== undefined) return remembered;
    const kind = classify(name);
    if (known.size >= limit) known.clear();
    known.set(name, kind);
    return kind;
  };
}
