import { html } from "hono/html";
import type { AuditEntry } from "../../core/audit-events.ts";
import type { Markup } from "../../pages/layout.ts";
import type { ConsoleKey } from "../../pages/texts/console-english.ts";
import { fill } from "../../pages/texts/texts.ts";
import { type ConsoleCall, type ConsolePage, field, timeWords, urlOf, whoOf } from "./page.ts";

type Refused = Extract<AuditEntry, { readonly event: "refusal" }>;
const mostShown = 200;

/** The latest refusals with the rule that decided and what it wanted; each leads to its explanation. */
export const refusalsPage: ConsolePage = {
  place: "refusals",
  name: "nav.refusals",
  show: async (call) => {
    const { texts, given, operations } = call;
    const found = await operations.fleet.find({ event: "refusal", text: given.text || null, limit: mostShown });
    return {
      title: texts["refusals.title"],
      lead: texts["refusals.lead"],
      body: html`${textSearch("refusals", call)}${found.length === 0 ? html`<p class="reason">${texts["refusals.none"]}</p>` : refusalTable(found, call)}`,
    };
  },
};

/** One field that looks into all fields of events. */
export function textSearch(place: string, { texts, given }: ConsoleCall, more: Markup | null = null): Markup {
  return html`<form class="fields" method="get" action="/console/${place}" role="search">${field("text", texts["words.text"], given.text ?? "", "search")}${more}<div class="row whole"><button class="button primary" type="submit">${texts["words.search"]}</button><a class="button plain" href="${urlOf(place)}">${texts["words.clear"]}</a></div></form>`;
}

const refusedOf = (entries: readonly AuditEntry[]) => entries.filter((entry): entry is Refused => entry.event === "refusal");
/** What was asked, where. An event that an earlier version shared has no method, and does not say whether it was a WebSocket. */
export const whereOf = ({ host, method = "", path, websocket = false }: Partial<Refused>) =>
  `${websocket ? "WebSocket" : method} ${host}${path}`.trim();

/** By name a link of its own for those who hear all links of a page. */
export function explainLink(entry: Refused, { texts }: ConsoleCall, look: "button plain small" | null = null): Markup {
  const name = fill(texts["refusals.explainThis"], { who: whoOf(entry) ?? texts["words.anonymous"], where: whereOf(entry) });
  return html`<a${look === null ? null : html` class="${look}"`} href="${urlOf("explain", { request: entry.request })}" aria-label="${name}">${texts["refusals.explain"]}</a>`;
}

function ruleWords({ rule, enforced }: Refused, { texts }: ConsoleCall): Markup {
  return html`${rule ?? texts["refusals.noRule"]}${enforced ? null : html` <span class="more">${texts["refusals.shadow"]}</span>`}`;
}

function refusalTable(entries: readonly AuditEntry[], call: ConsoleCall): Markup {
  const { texts } = call;
  const headings = ["words.time", "words.who", "words.where", "words.rule"] as const;
  return html`<div class="scroll"><table class="stack"><caption>${texts["refusals.title"]}</caption><thead><tr>${headings.map((key: ConsoleKey) => html`<th scope="col">${texts[key]}</th>`)}<th scope="col"><span class="hidden">${texts["words.action"]}</span></th></tr></thead>
<tbody>${refusedOf(entries).map(
    (entry) =>
      html`<tr><td data-label="${texts["words.time"]}">${timeWords(entry.at, call)}</td><th scope="row">${whoOf(entry) ?? texts["words.anonymous"]}<span class="more">${entry.client}</span></th><td data-label="${texts["words.where"]}"><span class="clamp">${whereOf(entry)}</span></td><td data-label="${texts["words.rule"]}">${ruleWords(entry, call)}<span class="more">${entry.detail}</span></td><td class="act">${explainLink(entry, call, "button plain small")}</td></tr>`,
  )}</tbody></table></div>`;
}

/** The same in short, for the page of the moment. */
export function refusalList(entries: readonly AuditEntry[], call: ConsoleCall): Markup {
  return html`<ul class="log">${refusedOf(entries).map(
    (entry) =>
      html`<li><div class="titled"><span><strong>${whoOf(entry) ?? call.texts["words.anonymous"]}</strong> <span class="clamp">${whereOf(entry)}</span></span>${timeWords(entry.at, call)}</div><span class="more">${entry.detail}${entry.rule === null ? null : html` (${ruleWords(entry, call)})`} ${explainLink(entry, call)}</span></li>`,
  )}</ul>`;
}
