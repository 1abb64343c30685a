import type { KeyPath } from "../problems/report.ts";
import type { ConfigFile } from "../schema/file.ts";
import type { References } from "../values/references.ts";

/** What turning the file into settings needs besides the part itself. */
export interface SettingsContext {
  readonly file: ConfigFile;
  readonly references: References;
  /** `policies.staff-only[0] (line 88)`, for the people who read why a request was refused. */
  placeOf(path: KeyPath): string;
}

/** A copy without a prototype: looking up `constructor` in it finds nothing. */
export function bareRecord<T>(entries: Iterable<readonly [string, T]>): Readonly<Record<string, T>> {
  const record: Record<string, T> = Object.create(null);
  for (const [key, value] of entries) record[key] = value;
  return record;
}
