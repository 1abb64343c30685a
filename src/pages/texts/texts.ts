import type { ErrorCode } from "../../core/errors.ts";
import type { PageModel } from "../../core/ports/pages.ts";
import { english } from "./english.ts";
import { french } from "./french.ts";

/** The name of a sentence: `chooser.title`, `error.login.stale`. A new sentence begins in `english.ts`. */
export type SentenceKey = keyof typeof english;
/** Every sentence in one language. A missing one is a type error. */
export type Texts = Readonly<Record<SentenceKey, string>>;
export type LoopCause = (PageModel & { readonly page: "loop" })["causes"][number];

/** What went wrong, as roughly as a heading says it. */
export type ErrorKind = "not-found" | "request" | "login" | "not-let-in" | "logout" | "app-down" | "later" | "internal";

/** The languages that come with the product. */
export const builtIn: ReadonlyMap<string, Texts> = new Map([
  ["en", english],
  ["fr", french],
]);

/** All keys, in the order of the pages. */
export const sentenceKeys = Object.keys(english) as readonly SentenceKey[];

/** The sentence with its placeholders filled in. A value is never read again, so that braces in a name stay what they are. */
export function fill(sentence: string, values: Readonly<Record<string, string>>): string {
  return sentence.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? "") : placeholder,
  );
}

/** The names of a sentence's placeholders. */
export function placeholdersOf(sentence: string): readonly string[] {
  return [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
}

/** The sentence that tells of this failure. */
export function errorWords(texts: Texts, code: ErrorCode): string {
  return texts[`error.${code}`];
}
