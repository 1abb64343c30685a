import { html, raw } from "hono/html";
import { style } from "./style.ts";

/** A page before it is laid out. */
export interface PageParts {
  readonly title: string;
  /** The window's title where it says more than the heading. */
  readonly windowTitle?: string;
  readonly lead: string | null;
  readonly body: Markup | null;
  /** Markup at the end of the document: the one script there is. */
  readonly tail?: Markup;
}

/** A doorway with light falling out of it: the product's mark, drawn here so that nothing has to be fetched. */
const mark = html`<svg class="mark" viewBox="0 0 48 48" fill="none" aria-hidden="true" focusable="false">
<path class="spill" d="M14 40h20l6 6.5H8z"/><path class="light" d="M14 40V16a10 10 0 0 1 20 0v24z"/>
<path class="leaf" d="M14 40V16a10 10 0 0 1 10-10v38z"/><path d="M14 40V16a10 10 0 0 1 20 0v24" stroke="currentColor" stroke-width="3" stroke-linecap="round"/>
<circle class="knob" cx="20.5" cy="25" r="1.5"/>
</svg>`;

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 48 48'%3E%3Cpath d='M10 44V22a14 14 0 0 1 28 0v22z' fill='%230b5c55'/%3E%3Cpath d='M17 44V23a7 7 0 0 1 14 0v21z' fill='%23f4c97b'/%3E%3C/svg%3E";

/** The frame that all pages share: one landmark, one heading, one card in the shape of a doorway. */
export function layOut(lang: string, parts: PageParts): string {
  const { title, lead, body } = parts;
  const page = html`<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<title>${parts.windowTitle ?? title}</title>
<link rel="icon" href="${icon}">
<style>${raw(style)}</style>
</head>
<body>
<main aria-labelledby="title">
${mark}
<h1 id="title">${title}</h1>
${lead === null ? null : html`<p class="lead">${lead}</p>`}
${body === null ? null : html`<div class="body">${body}</div>`}
</main>
${parts.tail ?? null}
</body>
</html>
`;
  return page.toString();
}

/** Markup whose parts were escaped. */
export type Markup = ReturnType<typeof html>;

/**
 * The URL when it leads to a page, else null: `javascript:` and its relatives never become a link or a form's address, whoever
 * supplied them.
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

/** The number by which operators find this page's story in their logs. */
export function requestNumber(label: string, requestId: string): Markup {
  return html`<p class="number"><span>${label}</span> <code>${requestId}</code></p>`;
}
