import { z } from "zod";
import { parsePageUrl } from "../values/hosts.ts";
import { fileRef, key, parsed, someOf, text } from "../values/schema-values.ts";

/** BCP 47 as far as it is needed: a language, perhaps with a script or region. Canonical in lower case. */
const languageTag = () =>
  z
    .string()
    .regex(/^[a-z]{2,3}(-[a-z0-9]{2,8})?$/i, { error: "a language is written as in HTML: de, or pt-BR" })
    .transform((tag) => tag.toLowerCase());

export const locale = key(
  z
    .strictObject({
      default: key(languageTag().prefault("en"), "For visitors whose languages are not available."),
      available: key(
        someOf(languageTag(), "language").prefault(["en", "fr"]),
        "Languages of the gateway's own pages; en and fr come with it.",
      ),
      files: key(
        z.record(languageTag(), fileRef("page")).prefault({}),
        "Sentences by language as { file: PATH }: another language, or other words for one that is there. What is missing falls back.",
      ),
    })
    .prefault({}),
  "Languages of the gateway's own pages.",
);

const link = z.strictObject({ text: key(text(), "What the link says."), url: key(parsed(parsePageUrl), "Where it leads.") });

const support = z
  .strictObject({
    text: key(text(), "Who helps, such as IT service desk."),
    url: key(parsed(parsePageUrl), "Their page.").optional(),
    email: key(z.email({ error: "this is not an e-mail address" }), "Their address.").optional(),
  })
  .refine((value) => (value.url === undefined) !== (value.email === undefined), { error: "exactly one of url and email is needed" });

const logo = z.union([
  fileRef("page"),
  z.strictObject({ light: key(fileRef("page"), "On light pages."), dark: key(fileRef("page"), "On dark pages.") }),
]);

export const branding = key(
  z
    .strictObject({
      name: key(text().nullable().prefault(null), "The organisation, in titles."),
      logo: key(logo.nullable().prefault(null), "{ file: PATH }, or one for light and one for dark pages: SVG, PNG, JPEG, WebP or GIF."),
      accent: key(z.string().nullable().prefault(null), "Colour of buttons and links, such as #0b5c55; its contrast is checked (WCAG AA)."),
      support: key(support.nullable().prefault(null), "Who helps, on refusals and errors: { text, url } or { text, email }."),
      footer: key(z.array(link).prefault([]), "Links at the end of each page."),
      css: key(fileRef("page").nullable().prefault(null), "Further style sheet, after the pages' own."),
    })
    .prefault({}),
  "Name, logo, colour and links of the gateway's own pages.",
);
