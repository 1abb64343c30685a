/** `did you mean …?` when one of `candidates` is a likely slip away from `word`, else null. */
export function didYouMean(word: string, candidates: Iterable<string>): string | null {
  const found = nearest(word, candidates);
  return found === null ? null : `did you mean '${found}'?`;
}

/** The candidate closest to `word`, when it is close enough to be what was meant. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  if (word.length > 64) return null;
  const wanted = word.toLowerCase();
  let best: { readonly text: string; readonly distance: number } | null = null;
  for (const text of candidates) {
    if (Math.abs(text.length - word.length) > 3) continue;
    const distance = editDistance(wanted, text.toLowerCase());
    if (best === null || distance < best.distance) best = { text, distance };
  }
  const tolerated = Math.max(1, Math.floor(word.length / 3));
  return best !== null && best.distance <= tolerated ? best.text : null;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (same ? 0 : 1));
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
