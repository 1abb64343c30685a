import type { Sealer } from "../core/ports/sealer.ts";

/** Seals a value as JSON; `openJson` with the same purpose is the only way back. */
export function sealJson(sealer: Sealer, purpose: string, value: unknown): string {
  return sealer.seal(purpose, JSON.stringify(value));
}

/** What was sealed, or null for anything altered, foreign, absent or absurdly long. */
export function openJson(sealer: Sealer, purpose: string, sealed: string | null): unknown {
  if (sealed === null || sealed === "" || sealed.length > 8_192) return null;
  const text = sealer.open(purpose, sealed);
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

export const isText = (value: unknown): value is string => typeof value === "string";
export const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
export const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText);
