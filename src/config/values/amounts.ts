const millisecondsPer: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const bytesPer: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** `500ms`, `30s`, `10m`, `12h`, `7d` in milliseconds. One whole number, one unit: nothing to misread. */
export function parseDuration(text: string): Parsed<number> {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  if (match !== null) return good(Number(match[1]) * (millisecondsPer[match[2] ?? ""] ?? 0));
  if (/^\d+$/.test(text)) return bad(durationWithoutUnit(text));
  return bad(`${JSON.stringify(text)} is not a duration: write a whole number and ms, s, m, h or d, such as 90s or 12h`);
}

/** What to say about a bare number where a duration is meant. */
export function durationWithoutUnit(number: number | string): string {
  return `a duration needs a unit: write ${number}s or ${number}m`;
}

/** `64KiB`, `10MiB` in bytes. */
export function parseSize(text: string): Parsed<number> {
  const match = /^(\d{1,9})(B|KiB|MiB|GiB)$/.exec(text);
  if (match !== null) return good(Number(match[1]) * (bytesPer[match[2] ?? ""] ?? 0));
  const decimal = /^(\d{1,9}) ?([kmg])i?b?$/i.exec(text);
  if (decimal !== null) return bad(`${JSON.stringify(text)} is not a size: write ${decimal[1]}${decimal[2]?.toUpperCase()}iB`);
  if (/^\d+$/.test(text)) return bad(sizeWithoutUnit(text));
  return bad(`${JSON.stringify(text)} is not a size: write a whole number and KiB, MiB or GiB, such as 10MiB`);
}

export function sizeWithoutUnit(number: number | string): string {
  return `a size needs a unit: write ${number}KiB or ${number}MiB`;
}

/** `08:00` in minutes since midnight; `24:00` is the end of the day. */
export function parseTime(text: string): Parsed<number> {
  const match = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(text);
  const minutes = match === null ? Number.NaN : Number(match[1]) * 60 + Number(match[2]);
  if (minutes <= 1440) return good(minutes);
  return bad(`${JSON.stringify(text)} is not a time of day: write 00:00 to 24:00 with two digits each, such as "08:00"`);
}

/** What a piece of text from the file means, or what is wrong with it and what to write instead. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export function good<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function bad(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why };
}
