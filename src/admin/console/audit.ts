import { html } from "hono/html";
import type { AuditEntry } from "../../core/audit-events.ts";
import type { Markup } from "../../pages/layout.ts";
import type { ConsoleKey, ConsoleTexts } from "../../pages/texts/console-english.ts";
import { type ConsoleCall, type ConsolePage, timeWords, whoOf } from "./page.ts";
import { explainLink, textSearch, whereOf } from "./refusals.ts";

const mostShown = 200;
const events = [
  ...(["login", "login-failed", "ticket", "step-up", "enter", "logout", "expiry", "refusal", "groups-changed"] as const),
  ...(["personal-token", "revocation", "operator", "directory", "reload"] as const),
];

/** The newest audit events of all instances, filtered by kind and by any text in them. */
export const auditPage: ConsolePage = {
  place: "audit",
  name: "nav.audit",
  show: async (call) => {
    const { texts, given, operations } = call;
    const found = await operations.fleet.find({ event: given.event || null, text: given.text || null, limit: mostShown });
    const kinds = html`<div><label for="f-event">${texts["words.event"]}</label><select class="text" id="f-event" name="event"><option value="">${texts["words.any"]}</option>${events.map((event) => html`<option value="${event}"${given.event === event ? html` selected` : null}>${eventName(event, texts)}</option>`)}</select></div>`;
    return {
      title: texts["audit.title"],
      lead: texts["audit.lead"],
      body: html`${textSearch("audit", call, kinds)}${found.length === 0 ? html`<p class="reason">${texts["audit.none"]}</p>` : html`<section class="card">${eventLog(found, call)}</section>`}`,
    };
  },
};

/** An event of a later version has no name here. */
export function eventName(event: string, texts: ConsoleTexts): string {
  const key = `event.${event}`;
  return Object.hasOwn(texts, key) ? texts[key as ConsoleKey] : event;
}

/** Events one below the other: when, what, who, and everything else behind a click. */
export function eventLog(entries: readonly AuditEntry[], call: ConsoleCall): Markup {
  const { texts } = call;
  return html`<ul class="log">${entries.map((entry) => {
    const { event, at, ...fields } = entry;
    const who = whoOf(entry);
    return html`<li><div class="titled"><span><strong>${eventName(event, texts)}</strong>${who === null ? null : html` · ${who}`} <span class="quiet">${summaryOf(entry)}</span></span>${timeWords(at, call)}</div>
<details><summary>${texts["audit.fields"]}</summary><pre>${fieldsText(fields)}</pre></details>${
      entry.event === "refusal" ? explainLink(entry, call) : null
    }</li>`;
  })}</ul>`;
}

/** The fields as the log has them; characters that the page would leave out are written as in JSON. */
function fieldsText(fields: object): string {
  const escaped = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(fields, null, 2).replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, escaped);
}

/** What one wants to know first. */
function summaryOf(entry: AuditEntry): string {
  switch (entry.event) {
    case "login":
      return [entry.principal.provider, entry.app, entry.client].filter((part) => part !== null).join(", ");
    case "login-failed":
      return `${entry.provider ?? ""} ${entry.code}, ${entry.client}`;
    case "refusal":
      return `${whereOf(entry)}: ${entry.detail}`;
    case "logout":
      return entry.by === undefined ? entry.why : `${entry.why}, ${entry.by}`;
    case "revocation":
      return `${entry.sessions}${entry.by === undefined ? "" : `, ${entry.by}`}`;
    case "reload":
      return entry.outcome;
    case "directory":
      return entry.action;
    case "enter":
      return `${entry.app}, ${entry.client}`;
    case "expiry":
      return entry.why;
    case "personal-token":
      return `${entry.name}: ${entry.action}`;
    case "operator":
      return `${entry.by}: ${entry.act}, ${entry.count}`;
    case "groups-changed":
      return [...entry.added.map((name) => `+${name}`), ...entry.removed.map((name) => `-${name}`)].join(" ");
    default:
      return "";
  }
}
