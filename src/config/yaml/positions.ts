import { LineCounter } from "yaml";
import { type KeyPath, keyOf, withoutControls } from "../problems/report.ts";

/** Offsets of one entry: its key (null in a list) and what stands behind it. */
interface Place {
  readonly key: number | null;
  readonly value: number;
}

/** Where each key and value of the file stands, and what may be shown of the lines around it. */
export interface Positions {
  readonly lines: LineCounter;
  place(path: KeyPath, place: Place): void;
  /** Hides this stretch of the file wherever a line is shown: a secret stands there. */
  hide(from: number, to: number): void;
  /** Offset of the entry; of the nearest thing around it when the path itself is not in the file. */
  find(path: KeyPath, at: "key" | "value"): number;
  /** Line and column, counted from 1. */
  lineColumn(offset: number): { readonly line: number; readonly column: number };
  source(offset: number): { readonly text: string; readonly caret: number };
}

const shownWidth = 160;

/** Empty positions for `text`; the YAML reader fills them. */
export function createPositions(text: string): Positions {
  const lines = new LineCounter();
  const places = new Map<string, Place>();
  const hidden: { readonly from: number; readonly to: number }[] = [];
  const lineColumn = (offset: number) => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return line === 0 ? { line: 1, column: offset + 1 } : { line, column: col };
  };
  return {
    lines,
    place: (path, place) => void places.set(keyOf(path), place),
    hide: (from, to) => void hidden.push({ from, to }),
    find: (path, at) => {
      const exact = places.get(keyOf(path));
      if (exact !== undefined) return at === "key" ? (exact.key ?? exact.value) : exact.value;
      for (let length = path.length - 1; length >= 0; length -= 1) {
        const around = places.get(keyOf(path.slice(0, length)));
        if (around !== undefined) return around.key ?? around.value;
      }
      return 0;
    },
    lineColumn,
    source: (offset) => {
      // A window, not the line: a hostile line can be a megabyte long, and have a problem at every word.
      const begins = offset - lineColumn(offset).column + 1;
      const start = Math.max(begins, offset - shownWidth / 2);
      const rest = text.slice(offset, start + shownWidth);
      const newline = rest.indexOf("\n");
      const end = offset + (newline === -1 ? rest.length : newline);
      const shown = showLine(text, start, end, offset, hidden);
      const [before, after] = [start > begins ? "…" : "", newline === -1 && end < text.length ? "…" : ""];
      return { text: before + shown.text + after, caret: before.length + shown.caret };
    },
  };
}

/** The text from `start` to `end` with hidden stretches masked, made safe for a terminal. */
function showLine(
  text: string,
  start: number,
  end: number,
  offset: number,
  hidden: readonly { readonly from: number; readonly to: number }[],
): { readonly text: string; readonly caret: number } {
  let shown = "";
  let caret = 0;
  let from = start;
  const inLine = hidden.filter((range) => range.from < end && range.to > start).sort((a, b) => a.from - b.from);
  for (const range of inLine) {
    if (range.from > from) shown += text.slice(from, range.from);
    if (offset >= from && offset < range.from) caret = shown.length - (range.from - offset);
    if (offset >= range.from && offset < range.to) caret = shown.length;
    shown += "[secret]";
    from = Math.max(from, range.to);
  }
  if (offset >= from) caret = shown.length + (offset - from);
  shown += text.slice(from, Math.max(from, end));
  return { text: withoutControls(shown).trimEnd(), caret };
}
