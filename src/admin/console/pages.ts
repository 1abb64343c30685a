import { createHash } from "node:crypto";
import { html } from "hono/html";
import type { AuditEntry } from "../../core/audit-events.ts";
import type { SessionSummary } from "../../core/session.ts";
import type { Settings } from "../../core/settings.ts";
import { readUserAgent } from "../../lib/browser-hints.ts";
import { layOut, type Markup } from "../../pages/layout.ts";
import { styleOf } from "../../pages/style.ts";

const places = [
  ["/console/now", "Now"],
  ["/console/sessions", "Sessions"],
  ["/console/refusals", "Refusals"],
  ["/console/explain", "Explain"],
  ["/console/audit", "Audit"],
  ["/console/config", "Configuration"],
] as const;

/** One page of the console with its protective fields: no script, one style by its hash, framed by no other page. */
export function consolePage(
  settings: Settings,
  status: number,
  title: string,
  body: Markup,
  options: { readonly isSignedIn: boolean },
): Response {
  const style = styleOf(settings.branding);
  const nav = html`<nav class="row" aria-label="Console">${places.map(([url, name]) => html`<a href="${url}">${name}</a>`)}</nav>`;
  const text = layOut(
    "en",
    { style, branding: settings.branding, logo: null },
    { title, app: "Console", lead: null, wide: true, body: options.isSignedIn ? html`${nav}${body}` : body },
    "Links",
  );
  const hash = createHash("sha256").update(style).digest("base64");
  return new Response(text, {
    status,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "no-store",
      "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
      "Referrer-Policy": "same-origin",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
      "Cross-Origin-Resource-Policy": "same-origin",
    },
  });
}

const when = (at: number) => `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export function signInBody(problem: string | null): Markup {
  return html`${problem === null ? null : html`<p class="problem" role="alert">${problem}</p>`}
<form method="post" action="/console/sign-in"><label for="token">Token</label><input class="text" id="token" name="token" type="password" autocomplete="current-password" required autofocus><button class="button primary" type="submit">Sign in</button></form>`;
}

const field = (name: string, label: string, value: string) =>
  html`<div><label for="${name}">${label}</label><input class="text" id="${name}" name="${name}" value="${value}" autocomplete="off" spellcheck="false"></div>`;

export const sessionFields = ["person", "email", "group", "provider", "address", "app"] as const;
const sessionLabels = {
  person: "Person",
  email: "E-mail",
  group: "Group",
  provider: "Provider",
  address: "Address",
  app: "Application",
} as const;

export function sessionsBody(
  given: Readonly<Record<string, string>>,
  sessions: readonly SessionSummary[],
  next: string | null,
  told: string | null,
): Markup {
  const conditions = Object.entries(given).filter(([, value]) => value !== "");
  const hidden = conditions.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);
  return html`${told === null ? null : html`<p class="told" role="status">${told}</p>`}
<form class="fields" method="get" action="/console/sessions" role="search">${sessionFields.map((name) => field(name, sessionLabels[name], given[name] ?? ""))}<button class="button primary" type="submit">Search</button></form>
${conditions.length === 0 ? null : html`<form method="post" action="/console/sessions/count">${hidden}<button class="button plain" type="submit">End all that match…</button></form>`}
<ul class="entries">${sessions.map(sessionEntry)}</ul>
${sessions.length === 0 ? html`<p class="reason">No session matches.</p>` : null}
${next === null ? null : html`<div class="row"><a class="button plain" href="/console/sessions?${new URLSearchParams([...conditions, ["cursor", next]]).toString()}">More</a></div>`}`;
}

function sessionEntry({ handle, principal, address, userAgent, startedAt, lastSeenAt, apps }: SessionSummary): Markup {
  const { browser, system } = readUserAgent(userAgent);
  const facts = [
    ["Provider", principal.provider],
    ["Subject", principal.subject],
    ["Groups", principal.groups.kind === "known" ? principal.groups.names.join(", ") : "unknown"],
    ["Address", address ?? "-"],
    ["Device", [browser, system].filter((part) => part !== null).join(", ") || "-"],
    ["Signed in", when(startedAt)],
    ["Last seen", when(lastSeenAt)],
    ["Apps", Object.keys(apps).join(", ") || "-"],
    ["Handle", handle],
  ] as const;
  const who = principal.email ?? principal.name ?? principal.subject;
  return html`<li class="entry"><h2>${who}</h2><dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
<form method="post" action="/console/sessions/end"><input type="hidden" name="handle" value="${handle}"><button class="button plain" type="submit" aria-label="End the session of ${who}">End</button></form></li>`;
}

export function countBody(given: Readonly<Record<string, string>>, count: number): Markup {
  const words = Object.entries(given).map(([name, value]) => html`<li>${name}: ${value}</li>`);
  return html`<p class="reason">${count} ${count === 1 ? "session matches" : "sessions match"}:</p><ul class="causes">${words}</ul>
<form method="post" action="/console/sessions/end-all">${Object.entries(given).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}<button class="button primary" type="submit">End ${count}</button></form>
<div class="row"><a class="button plain" href="/console/sessions">Back</a></div>`;
}

/** Audit events, each with its fields; a refusal leads to its explanation. */
export function eventsBody(events: readonly AuditEntry[], filter: Markup | null): Markup {
  return html`${filter}<ul class="entries">${events.map(eventEntry)}</ul>${events.length === 0 ? html`<p class="reason">Nothing yet.</p>` : null}`;
}

function eventEntry({ event, at, ...fields }: AuditEntry): Markup {
  const shown = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  return html`<li class="entry"><h2>${event}, ${when(at)}</h2><dl>${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${text(value)}</dd></div>`)}</dl>${
    event === "refusal" && "request" in fields
      ? html`<form class="fields" method="get" action="/console/explain"><input type="hidden" name="request" value="${String(fields.request)}"><button class="button plain" type="submit">Explain</button></form>`
      : null
  }</li>`;
}

export const explainFields = [
  ["url", "URL"],
  ["method", "Method"],
  ["asUser", "Subject or e-mail address"],
  ["groups", "Groups, with commas"],
  ["provider", "Provider"],
  ["address", "Client address"],
] as const;

export function explainBody(given: Readonly<Record<string, string>>, answer: object | null, problem: string | null): Markup {
  return html`${problem === null ? null : html`<p class="problem" role="alert">${problem}</p>`}
<form method="get" action="/console/explain">${explainFields.map(([name, label]) => field(name, label, given[name] ?? ""))}<button class="button primary" type="submit">Explain</button></form>
${answer === null ? null : dataBody(answer)}`;
}

/** Plain data as people read it. */
export function dataBody(value: object): Markup {
  return html`<pre tabindex="0">${JSON.stringify(value, null, 2)}</pre>`;
}
