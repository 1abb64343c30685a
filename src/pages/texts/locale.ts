import type { LocaleSettings } from "../../core/settings.ts";
import { languageRanges } from "../../lib/browser-hints.ts";
import { builtIn, type SentenceKey, type Texts } from "./texts.ts";

export interface Locale {
  /** For the `lang` attribute. */
  readonly tag: string;
  readonly texts: Texts;
}

/** Chooses the language of one visitor. Made once per configuration: nothing is put together per page. */
export type ChooseLocale = (acceptLanguage: string | null) => Locale;

/**
 * By the quality values of Accept-Language (RFC 9110 12.5.4): `fr-CA` is served by `fr`, `q=0` is a no, `*` and silence get the default.
 * A sentence that a language lacks comes from the default language, then from English.
 */
export function createChooseLocale(settings: LocaleSettings): ChooseLocale {
  const own = settings.sentences ?? {};
  const english = builtIn.get("en");
  if (english === undefined) throw new Error("English comes with the product");
  const base: Texts = { ...english, ...builtIn.get(settings.default), ...own[settings.default] };
  const textsOf = (tag: string): Texts => ({ ...base, ...builtIn.get(tag), ...(own[tag] as Partial<Record<SentenceKey, string>>) });
  const known = settings.available.map((tag) => tag.toLowerCase()).filter((tag) => builtIn.has(tag) || Object.hasOwn(own, tag));
  const locales = new Map([...known, settings.default].map((tag) => [tag, { tag, texts: textsOf(tag) }]));
  return (acceptLanguage) => {
    const wanted = languageRanges(acceptLanguage).flatMap(({ range }) => {
      if (range === "*") return [settings.default];
      return known.find((tag) => range === tag || range.startsWith(`${tag}-`)) ?? [];
    });
    const found = [...wanted, settings.default].map((tag) => locales.get(tag)).find((locale) => locale !== undefined);
    return found ?? { tag: "en", texts: english };
  };
}
