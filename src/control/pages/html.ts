import { html } from "hono/html";

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
