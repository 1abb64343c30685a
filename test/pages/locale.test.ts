import { expect, test } from "vitest";
import { english } from "../../src/pages/texts/english.ts";
import { french } from "../../src/pages/texts/french.ts";
import { createChooseLocale } from "../../src/pages/texts/locale.ts";
import { fill, placeholdersOf, sentenceKeys } from "../../src/pages/texts/texts.ts";

const sentences = { de: { "chooser.title": "Anmelden" }, fr: { "chooser.title": "Bienvenue" } };

test("a sentence that a language lacks comes from the default language, then from English", () => {
  const choose = createChooseLocale({ default: "fr", available: ["en", "fr", "de"], sentences });
  const { tag, texts } = choose("de-AT");
  expect([tag, texts["chooser.title"], texts["chooser.submit"]]).toEqual(["de", "Anmelden", french["chooser.submit"]]);
  expect(choose("fr").texts["chooser.title"]).toBe("Bienvenue");
  expect(choose("en").texts["chooser.title"]).toBe(english["chooser.title"]);
});

test("both languages that come with the product have the same placeholders in each sentence", () => {
  for (const key of sentenceKeys) expect(placeholdersOf(french[key]).toSorted(), key).toEqual(placeholdersOf(english[key]).toSorted());
});

test("a value is put in once and never read as a sentence", () => {
  expect(fill("{who} at {app}", { who: "{app}", app: "Wiki" })).toBe("{app} at Wiki");
});
