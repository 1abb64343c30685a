import type { LocaleSettings } from "../../core/settings.ts";
import { english } from "./english.ts";
import { french } from "./french.ts";
import type { Texts } from "./texts.ts";

export interface Locale {
  /** For the `lang` attribute. */
  readonly tag: string;
  readonly texts: Texts;
}

const dictionaries: ReadonlyMap<string, Texts> = new Map([
  ["en", english],
  ["fr", french],
]);

/**
 * The visitor's language, by the quality values of Accept-Language (RFC 9110 12.5.4): `fr-CA` is served by `fr`, `q=0` is a no,
 * `*` and silence get the default.
 */
export function chooseLocale(acceptLanguage: string | null, settings: LocaleSettings): Locale {
  const available = settings.available.map((tag) => tag.toLowerCase()).filter((tag) => dictionaries.has(tag));
  const wanted = rangesOf(acceptLanguage).flatMap(({ range }) => {
    if (range === "*") return [settings.default];
    return available.find((tag) => range === tag || range.startsWith(`${tag}-`)) ?? [];
  });
  const tag = [...wanted, settings.default, ...available].find((candidate) => dictionaries.has(candidate)) ?? "en";
  return { tag, texts: dictionaries.get(tag) ?? english };
}

/** Most wanted first; among equals the order in the header counts. Bounded: nobody reads twenty languages. */
function rangesOf(header: string | null): readonly { readonly range: string; readonly quality: number }[] {
  const parts = (header ?? "").slice(0, 512).split(",", 20);
  const ranges = parts.map((part) => {
    const [range = "", ...parameters] = part.toLowerCase().split(";");
    const weight = parameters.map((parameter) => /^\s*q\s*=\s*(\d(?:\.\d{0,3})?)\s*$/.exec(parameter)?.[1]).find((q) => q !== undefined);
    return { range: range.trim(), quality: weight === undefined ? 1 : Number(weight) };
  });
  return ranges.filter(({ range, quality }) => range !== "" && quality > 0).sort((one, other) => other.quality - one.quality);
}
