import type { BrandImage, BrandingSettings } from "../../core/branding.ts";
import type { LocaleSettings } from "../../core/settings.ts";
import { formatColour, parseColour } from "../../lib/contrast.ts";
import type { ConfigFile } from "../schema/file.ts";
import type { References } from "../values/references.ts";
import { readSentences } from "../yaml/sentences.ts";
import { bareRecord } from "./context.ts";

export function localeSettings({ locale }: ConfigFile["auth"], references: References): LocaleSettings {
  const own = Object.entries(locale.files).map(([tag, reference]) => {
    const read = readSentences(references.text(reference));
    return [tag, bareRecord(read.ok ? read.sentences : [])] as const;
  });
  const available = [...new Set([...locale.available, ...Object.keys(locale.files)])];
  return { default: locale.default, available, sentences: bareRecord(own) };
}

export function brandingSettings(branding: ConfigFile["branding"], references: References): BrandingSettings {
  const { name, logo, accent, support, footer, css } = branding;
  const image = (reference: Parameters<References["bytes"]>[0]) => brandImage(references.bytes(reference));
  const [light, dark] = logo === null ? [null, null] : "light" in logo ? [image(logo.light), image(logo.dark)] : [image(logo), image(logo)];
  const colour = accent === null ? null : parseColour(accent);
  return {
    name,
    logo: light === null || dark === null ? null : { light, dark },
    accent: colour === null ? null : formatColour(colour),
    support: support === null ? null : { text: support.text, url: support.url ?? `mailto:${support.email ?? ""}` },
    footer,
    css: css === null ? null : references.text(css),
  };
}

const svg = /^(?:\u00ef\u00bb\u00bf)?\s*<(?:\?xml|!--|!DOCTYPE svg|svg)/i;
const begins: readonly (readonly [BrandImage["type"], string])[] = [
  ["image/png", "\u0089PNG\r\n"],
  ["image/jpeg", "\u00ff\u00d8\u00ff"],
  ["image/gif", "GIF8"],
];

/** The picture with its type, known by its first bytes, or null: what is served must be what it is called. */
export function brandImage(bytes: Uint8Array): BrandImage | null {
  const text = Buffer.from(bytes).toString("latin1");
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return { type: "image/webp", bytes };
  if (svg.test(text)) return /<svg[\s>]/i.test(text) ? { type: "image/svg+xml", bytes } : null;
  const type = begins.find(([, start]) => text.startsWith(start))?.[0];
  return type === undefined ? null : { type, bytes };
}
