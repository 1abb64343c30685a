import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { pageGrounds } from "../../src/core/branding.ts";
import type { Settings } from "../../src/core/settings.ts";
import { contrast, formatColour, parseColour } from "../../src/lib/contrast.ts";
import { english } from "../../src/pages/texts/english.ts";
import { env } from "./environment.ts";
import { aFolder } from "./write-config.ts";

const pixel = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

interface Loaded {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  readonly settings: Settings | null;
}

/** The least that loads, with these lines for auth.locale and branding, and these files beside it. */
function load({ locale = "{}", branding = "{}" }, files: Readonly<Record<string, string | Uint8Array>> = {}): Loaded {
  const folder = aFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  writeFileSync(
    join(folder, "vestibule.yaml"),
    `listen: [{ address: 0.0.0.0:443 }]
auth: { origin: https://auth.acme.example, locale: ${locale} }
branding: ${branding}
providers: { one: { oidc: { issuer: https://one.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } } }
apps: [{ host: wiki.acme.example, upstream: "http://10.0.0.5:8080", access: [{ allow: { anyone: true } }] }]
`,
  );
  const result = loadSettings(join(folder, "vestibule.yaml"), env);
  const words = (list: readonly { key: string; message: string; hint: string | null }[]) =>
    list.map(({ key, message, hint }) => `${key}: ${message}${hint === null ? "" : `; ${hint}`}`);
  return {
    problems: result.ok ? [] : words(result.problems),
    notes: result.ok ? words(result.notes) : [],
    settings: result.ok ? result.settings : null,
  };
}

test("a colour that cannot be read on the pages is refused with its ratio and a shade that passes", () => {
  const { problems } = load({ branding: '{ accent: "#ff9900" }' });
  expect(problems).toEqual([
    expect.stringMatching(
      /^branding\.accent: #ff9900 has a contrast of 2\.1 to 1 with the page, and WCAG AA asks for 4\.5: write #[0-9a-f]{6}$/,
    ),
  ]);
  const better = problems[0]?.slice(-7) ?? "";
  expect(load({ branding: `{ accent: "${better}" }` }).problems).toEqual([]);
  expect(contrast(parseColour(better) ?? [0, 0, 0], [255, 255, 255])).toBeLessThan(5);
});

test("whatever the colour, it can be read on the page, or the shade that is offered loads and can be", () => {
  const channel = fc.integer({ min: 0, max: 255 });
  const page = parseColour(pageGrounds.light) ?? [255, 255, 255];
  fc.assert(
    fc.property(fc.tuple(channel, channel, channel), (colour) => {
      const { problems } = load({ branding: `{ accent: "${formatColour(colour)}" }` });
      const better = problems.length === 0 ? colour : (parseColour(problems[0]?.slice(-7) ?? "") ?? [255, 255, 255]);
      expect(contrast(better, page)).toBeGreaterThanOrEqual(4.5);
      // White words stand on it, in buttons.
      expect(contrast(better, [255, 255, 255])).toBeGreaterThanOrEqual(4.5);
      expect(load({ branding: `{ accent: "${formatColour(better)}" }` }).problems).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test.each(["teal", "#12345", "rgb(1,2,3)", "#0b5c55;}"])("%s is no colour", (accent) => {
  expect(load({ branding: `{ accent: "${accent}" }` }).problems).toEqual([expect.stringContaining("is not a colour: write #rrggbb")]);
});

test("a logo is told by how it begins, and anything else is refused", () => {
  const svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>';
  const { settings } = load({ branding: "{ logo: { light: { file: l.svg }, dark: { file: d.png } } }" }, { "l.svg": svg, "d.png": pixel });
  expect([settings?.branding.logo?.light.type, settings?.branding.logo?.dark.type]).toEqual(["image/svg+xml", "image/png"]);
  expect(load({ branding: "{ logo: { file: l.svg } }" }, { "l.svg": "<html><script>" }).problems).toEqual([
    expect.stringContaining("branding.logo.file: this is no picture that browsers show"),
  ]);
  expect(load({ branding: "{ logo: { file: none.svg } }" }).problems).toEqual([expect.stringContaining("there is no such file")]);
});

test("links lead to pages and mail addresses only", () => {
  expect(load({ branding: '{ footer: [{ text: x, url: "javascript:alert(1)" }] }' }).problems).toEqual([
    expect.stringContaining("a link leads to https://"),
  ]);
  expect(load({ branding: "{ support: { text: Help } }" }).problems).toEqual([expect.stringContaining("exactly one of url and email")]);
  const { settings } = load({ branding: "{ support: { text: Help, email: help@acme.example } }" });
  expect(settings?.branding.support).toEqual({ text: "Help", url: "mailto:help@acme.example" });
});

test("a style sheet that would load something is refused, another is taken", () => {
  expect(load({ branding: "{ css: { file: x.css } }" }, { "x.css": "@import 'https://evil.example/x.css';" }).problems).toEqual([
    expect.stringContaining("branding.css.file: @import, url() and </style have no place here"),
  ]);
  expect(load({ branding: "{ css: { file: x.css } }" }, { "x.css": "h1{color:red}" }).settings?.branding.css).toBe("h1{color:red}");
});

test("a language file adds a language, nested or written out, and `check` lists what it lacks", () => {
  const { problems, notes, settings } = load(
    { locale: "{ files: { de: { file: de.yaml } } }" },
    { "de.yaml": "chooser: { title: Anmelden, lead: 'Weiter zu {app}' }\nerror.login.stale: Diese Anmeldung ist abgelaufen.\n" },
  );
  expect(problems).toEqual([]);
  expect(settings?.auth.locale).toMatchObject({ default: "en", available: ["en", "fr", "de"] });
  expect(settings?.auth.locale.sentences?.de?.["error.login.stale"]).toBe("Diese Anmeldung ist abgelaufen.");
  const all = Object.keys(english).length;
  expect(notes).toEqual([
    expect.stringMatching(`^auth\\.locale\\.files\\.de\\.file: ${all - 3} of ${all} sentences are missing and are shown in en: `),
  ]);
  expect(notes[0]).toContain("chooser.submit");
  expect(notes[0]).not.toContain("chooser.title");
});

test("other words for a language that is there lack nothing", () => {
  expect(load({ locale: "{ files: { fr: { file: fr.yaml } } }" }, { "fr.yaml": "chooser.title: Bienvenue\n" }).notes).toEqual([]);
});

test.each([
  { text: "chooser.titel: x", why: "it has a sentence chooser.titel that no page knows; did you mean 'chooser.title'?" },
  { text: "chooser.title: '{app}'", why: "the sentence chooser.title has an unknown placeholder {app}; this sentence has none" },
  { text: "chooser.lead: '{application}'", why: "unknown placeholder {application}; known here: {app}" },
  { text: "chooser.title: 3", why: "chooser.title is no text" },
  { text: "chooser: [", why: "cannot be read: line 1" },
])("a language file with a mistake is refused: $text", ({ text, why }) => {
  expect(load({ locale: "{ files: { de: { file: de.yaml } } }" }, { "de.yaml": text }).problems).toEqual([expect.stringContaining(why)]);
});

test("a language without words is refused with what to write", () => {
  expect(load({ locale: "{ available: [en, de] }" }).problems).toEqual([
    "auth.locale.available[1]: there is no language de here: write one of en, fr, or name its file under auth.locale.files",
  ]);
});
