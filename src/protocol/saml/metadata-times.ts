import { unusableMetadata } from "./metadata-failure.ts";

const secondMs = 1000;
const dayMs = 86_400 * secondMs;
const instant = /^-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(Z|[+-]\d\d:\d\d)?$/;
const duration = /^P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})D)?(?:T(?:(\d{1,8})H)?(?:(\d{1,9})M)?(?:(\d{1,10})(?:\.\d{1,12})?S)?)?$/;

/** An xs:dateTime in milliseconds since the epoch; SAML's are UTC even where they do not say so (Core 1.3.3). Unreadable = unusable. */
export function readInstant(text: string, what: string): number {
  const found = instant.exec(text.trim());
  // Years past 9999 and before 0 have another form in ECMAScript; no document lives that long.
  const at = found === null ? Number.NaN : Date.parse(found[1] === undefined ? `${found[0]}Z` : found[0]);
  if (Number.isNaN(at)) throw unusableMetadata(`${what} is not a time: ${text.slice(0, 60)}`);
  return at;
}

/** An xs:duration in milliseconds, months as 30 days and years as 365. Unreadable or negative = unusable. */
export function readDuration(text: string, what: string): number {
  const [whole, ...amounts] = duration.exec(text.trim()) ?? [];
  if (whole === undefined || amounts.every((amount) => amount === undefined))
    throw unusableMetadata(`${what} is not a duration: ${text.slice(0, 60)}`);
  const [years = 0, months = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = amounts.map((amount) => Number(amount ?? 0));
  return (years * 365 + months * 30 + days) * dayMs + (hours * 3600 + minutes * 60 + seconds) * secondMs;
}
