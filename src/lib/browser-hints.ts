/** One language that a visitor reads, in lower case, and how gladly: between 0 and 1. */
interface LanguageRange {
  readonly range: string;
  readonly quality: number;
}

/** Accept-Language (RFC 9110 12.5.4), most wanted first; among equals the order in the header counts. Bounded: twenty languages at most. */
export function languageRanges(header: string | null): readonly LanguageRange[] {
  const parts = (header ?? "").slice(0, 512).split(",", 20);
  const ranges = parts.map((part) => {
    const [range = "", ...parameters] = part.toLowerCase().split(";");
    const weight = parameters.map((parameter) => /^\s*q\s*=\s*(\d(?:\.\d{0,3})?)\s*$/.exec(parameter)?.[1]).find((q) => q !== undefined);
    return { range: range.trim(), quality: weight === undefined ? 1 : Number(weight) };
  });
  return ranges.filter(({ range, quality }) => range !== "" && quality > 0).sort((one, other) => other.quality - one.quality);
}

/** The same as language tags for others to read (OpenID Connect Core 3.1.2.1, `ui_locales`): five at most, and nothing that is no tag. */
export function languageTags(header: string | null): readonly string[] {
  const tags = languageRanges(header).map(({ range }) => range);
  return [...new Set(tags.filter((tag) => /^[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}$/.test(tag)))].slice(0, 5);
}

/** What people call the browser and the system that a User-Agent names; null for what is not recognised. For reading, never for deciding. */
export function readUserAgent(text: string | null): { readonly browser: string | null; readonly system: string | null } {
  if (text === null) return { browser: null, system: null };
  return { browser: nameOf(browsers, text), system: nameOf(systems, text) };
}

// Each names those before it as well: the most particular comes first.
const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:Headless)?(?:Chrome|CriOS|Chromium)\//, "Chrome"],
  [/\bVersion\/[\d.]+.*\bSafari\//, "Safari"],
  [/^curl\//, "curl"],
];
const systems: readonly (readonly [RegExp, string])[] = [
  [/\b(?:iPhone|iPad|iPod)\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bLinux\b/, "Linux"],
];

const nameOf = (table: typeof browsers, text: string) => table.find(([pattern]) => pattern.test(text))?.[1] ?? null;
