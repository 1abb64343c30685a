import { pageGrounds } from "../../core/branding.ts";
import { type Colour, contrast, enoughContrast, formatColour, parseColour, shadeWithContrast } from "../../lib/contrast.ts";
import { builtIn, placeholdersOf, type SentenceKey, sentenceKeys } from "../../pages/texts/texts.ts";
import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import { didYouMean } from "../problems/suggest.ts";
import { brandImage } from "../settings/pages.ts";
import type { References } from "../values/references.ts";
import type { FileRef } from "../values/schema-values.ts";
import { readSentences } from "../yaml/sentences.ts";

/** What visitors see of the gateway itself: languages, colours and pictures. */
export function checkPages(draft: Draft, references: References, report: Report): void {
  checkLocale(draft, references, report);
  const { branding } = draft;
  if (branding === null) return;
  if (branding.accent !== null) checkAccent(branding.accent, report);
  const { logo } = branding;
  if (logo !== null) {
    const images: readonly (readonly [KeyPath, FileRef])[] =
      "light" in logo
        ? [
            [["light"], logo.light],
            [["dark"], logo.dark],
          ]
        : [[[], logo]];
    for (const [where, reference] of images) {
      const bytes = references.bytes(reference);
      if (bytes.length > 0 && brandImage(bytes) === null)
        report.problem(
          ["branding", "logo", ...where, "file"],
          "this is no picture that browsers show: write an SVG, PNG, JPEG, WebP or GIF file",
        );
    }
  }
  if (branding.css !== null && /<\/style|@import|url\(/i.test(references.text(branding.css))) {
    report.problem(["branding", "css", "file"], "@import, url() and </style have no place here: the pages load nothing from anywhere");
  }
}

/** Buttons hold white text on the accent, links stand in it on the page: both must be readable (WCAG 2.1 1.4.3, level AA). */
function checkAccent(text: string, report: Report): void {
  const path = ["branding", "accent"];
  const accent = parseColour(text);
  if (accent === null) {
    report.problem(path, `${JSON.stringify(text.slice(0, 40))} is not a colour: write #rrggbb, such as #0b5c55`);
    return;
  }
  const grounds: readonly Colour[] = [parseColour(pageGrounds.light) ?? [255, 255, 255]];
  const ratio = Math.min(...grounds.map((ground) => contrast(accent, ground)));
  if (ratio >= enoughContrast) return;
  const better = formatColour(shadeWithContrast(accent, grounds, enoughContrast));
  report.problem(
    path,
    `${text} has a contrast of ${(Math.floor(ratio * 10) / 10).toFixed(1)} to 1 with the page, and WCAG AA asks for ${enoughContrast}: write ${better}`,
  );
}

function checkLocale(draft: Draft, references: References, report: Report): void {
  if (draft.auth === null) return;
  const { locale } = draft.auth;
  const known = [...builtIn.keys(), ...Object.keys(locale.files)];
  for (const [at, tag] of locale.available.entries()) {
    if (known.includes(tag)) continue;
    const here = ["auth", "locale", "available", at];
    report.problem(here, `there is no language ${tag} here: write one of ${known.join(", ")}, or name its file under auth.locale.files`);
  }
  const available = [...locale.available, ...Object.keys(locale.files)];
  if (!available.includes(locale.default)) {
    report.problem(["auth", "locale", "default"], `${locale.default} is not among locale.available: write one of ${available.join(", ")}`);
  }
  for (const [tag, reference] of Object.entries(locale.files)) {
    checkSentences(tag, references.text(reference), ["auth", "locale", "files", tag, "file"], locale.default, report);
  }
}

function checkSentences(tag: string, text: string, path: KeyPath, fallback: string, report: Report): void {
  if (text === "") return;
  const read = readSentences(text);
  if (!read.ok) {
    report.problem(path, `this file of sentences cannot be read: ${read.why}`);
    return;
  }
  const english = builtIn.get("en");
  for (const [key, sentence] of read.sentences) {
    if (!isSentenceKey(key)) {
      report.problem(path, `it has a sentence ${key} that no page knows`, didYouMean(key, sentenceKeys));
      continue;
    }
    const allowed = placeholdersOf(english?.[key] ?? "");
    const foreign = placeholdersOf(sentence).find((name) => !allowed.includes(name));
    if (foreign === undefined) continue;
    const known = allowed.length === 0 ? "this sentence has none" : `known here: ${allowed.map((name) => `{${name}}`).join(", ")}`;
    report.problem(path, `the sentence ${key} has an unknown placeholder {${foreign}}`, known);
  }
  const missing = builtIn.has(tag) ? [] : sentenceKeys.filter((key) => !read.sentences.has(key));
  if (missing.length > 0) {
    report.note(
      path,
      `${missing.length} of ${sentenceKeys.length} sentences are missing and are shown in ${fallback}: ${missing.join(", ")}`,
    );
  }
}

const isSentenceKey = (key: string): key is SentenceKey => (sentenceKeys as readonly string[]).includes(key);
