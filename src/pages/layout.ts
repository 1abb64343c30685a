import { html, raw } from "hono/html";
import type { BrandingSettings } from "../core/branding.ts";

/** A page before it is laid out. */
export interface PageParts {
  readonly title: string;
  /** The window's title where it says more than the heading. */
  readonly windowTitle?: string;
  /** The app that this is about: it stands in the window's title. */
  readonly app?: string | null;
  readonly lead: string | null;
  /** Where the browser goes by itself, at once. */
  readonly refresh?: string;
  readonly body: Markup | null;
  /** Lists need more room than the doorway has. */
  readonly wide?: boolean;
  /** The one script that the page runs, a constant: the CSP names it by its hash. */
  readonly script?: string;
}

/** A doorway with light falling out of it: the product's mark, drawn here so that nothing has to be fetched. */
export const mark = html`<svg class="mark" viewBox="0 0 48 48" fill="none" aria-hidden="true" focusable="false">
<path class="spill" d="M14 40h20l6 6.5H8z"/><path class="light" d="M14 40V16a10 10 0 0 1 20 0v24z"/>
<path class="leaf" d="M14 40V16a10 10 0 0 1 10-10v38z"/><path d="M14 40V16a10 10 0 0 1 20 0v24" stroke="currentColor" stroke-width="3" stroke-linecap="round"/>
<circle class="knob" cx="20.5" cy="25" r="1.5"/>
</svg>`;

/** The same for the browser's tab, in the pages' own colour. */
export const iconIn = (accent: string) =>
  `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 48 48'%3E%3Cpath d='M10 44V22a14 14 0 0 1 28 0v22z' fill='%23${accent.slice(1)}'/%3E%3Cpath d='M17 44V23a7 7 0 0 1 14 0v21z' fill='%23f4c97b'/%3E%3C/svg%3E`;

/** What all pages of one configuration have in common. */
export interface Frame {
  readonly style: string;
  readonly branding: BrandingSettings;
  /** Addresses of the logo, relative to the host that is asked; null without one. */
  readonly logo: { readonly light: string; readonly dark: string } | null;
}

function picture({ logo, branding }: Frame): Markup {
  if (logo === null) return mark;
  return html`<picture><source srcset="${logo.dark}" media="(prefers-color-scheme: dark)"><img class="logo" src="${logo.light}" alt="${branding.name ?? ""}"></picture>`;
}

/** Where a script leads on, the refresh is for browsers without: two ways at once would ask the provider twice. */
function refreshOf({ refresh, script }: PageParts): Markup | null {
  if (refresh === undefined) return null;
  const meta = html`<meta http-equiv="refresh" content="0; url=${refresh}">`;
  return script?.includes("location.replace") === true ? html`<noscript>${meta}</noscript>` : meta;
}

/** The frame that all pages share: one landmark, one heading, one card in the shape of a doorway. */
export function layOut(lang: string, frame: Frame, parts: PageParts, footerLabel: string): string {
  const { title, lead, body } = parts;
  const { name, footer, accent } = frame.branding;
  const windowTitle = [parts.windowTitle ?? title, parts.app ?? null, name].filter((part) => part !== null).join(" · ");
  const page = html`<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
${refreshOf(parts)}
<title>${windowTitle}</title>
<link rel="icon" href="${iconIn(accent ?? "#0b5c55")}">
<style>${raw(frame.style)}</style>
</head>
<body>
<main aria-labelledby="title"${parts.wide === true ? html` class="wide"` : null}>
${picture(frame)}
<h1 id="title">${title}</h1>
${lead === null ? null : html`<p class="lead">${lead}</p>`}
${body === null ? null : html`<div class="body">${body}</div>`}
</main>
${
  footer.length === 0
    ? null
    : html`<footer aria-label="${footerLabel}"><ul>${footer.map(({ text, url }) => html`<li><a href="${url}">${text}</a></li>`)}</ul></footer>`
}
${parts.script === undefined ? null : html`<script>${raw(parts.script)}</script>`}
</body>
</html>
`;
  return inOneDirection(page.toString());
}

const turnsLine = /[\u202a-\u202e\u2066-\u2069]/g;

/**
 * The page without the characters that turn the direction of a line, but for values of attributes: a form sends those as they are. With them a
 * name or an address could rewrite what stands beside it ("Trojan Source", CVE-2021-42574). Texts of ours need none; marks (U+200E, U+200F) stay.
 */
export function inOneDirection(page: string): string {
  // Every `>` and `<` of a value is escaped: what stands between two tags is text.
  return page.search(turnsLine) === -1 ? page : page.replace(/>[^<>]+</g, (text) => text.replace(turnsLine, ""));
}

/** Markup whose parts were escaped. */
export type Markup = ReturnType<typeof html>;

/**
 * The URL when it leads to a page, else null: `javascript:` and its relatives never become a link or a form's address, from any
 * source.
 */
export function pageUrl(url: string | null): string | null {
  if (url === null) return null;
  const local = url.startsWith("/") && !url.startsWith("//") && !url.startsWith("/\\");
  return local || /^https?:\/\/[^/]/i.test(url) ? url : null;
}

/** A link that looks like a button; nothing when there is nowhere to go. */
export function buttonLink(url: string | null, label: string, look: "primary" | "plain"): Markup | null {
  const href = pageUrl(url);
  return href === null ? null : html`<a class="button ${look}" href="${href}">${label}</a>`;
}

export function hiddenFields(fields: Readonly<Record<string, string>>): readonly Markup[] {
  return Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);
}

/** From here on a value has a line of its own and scrolls: lists of groups come in any length. */
const longValue = 300;

/** A name and its value in a `dl`. */
export function fact(name: string, value: Markup | string): Markup {
  if (typeof value === "string" && value.length > longValue)
    return html`<div class="full"><dt>${name}</dt><dd class="long" tabindex="0">${value}</dd></div>`;
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

/** The number by which operators find this page's story in their logs. */
export function requestNumber(label: string, requestId: string): Markup {
  return html`<p class="number"><span>${label}</span> <code>${requestId}</code></p>`;
}
