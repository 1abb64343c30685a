import { html } from "hono/html";
import type { AuditEntry } from "../../core/audit-events.ts";
import type { Markup } from "../../pages/layout.ts";
import type { ConsoleTexts } from "../../pages/texts/console-english.ts";
import { fill } from "../../pages/texts/texts.ts";
import { reloadAs } from "../operations.ts";
import { actButton, type ConsoleCall, type ConsolePage, stateBadge, timeWords, urlOf } from "./page.ts";

const reloadsShown = 10;

/** What is in force, line by line; the last reloads, what they changed, and the problems of those that were refused. */
export const configurationPage: ConsolePage = {
  place: "config",
  name: "nav.config",
  show: async (call) => {
    const { texts, given, operations } = call;
    const reloads = await operations.fleet.find({ event: "reload", text: null, limit: reloadsShown });
    const configuration = operations.configuration();
    const notice = given.outcome === "applied" ? "config.applied" : given.outcome === "rejected" ? "config.refused" : null;
    return {
      title: texts["config.title"],
      lead: texts["config.lead"],
      body: html`${notice === null ? null : html`<p class="${notice === "config.applied" ? "told" : "problem"}" role="status">${texts[notice]}</p>`}
<section class="card"><div class="titled"><h2>${texts["config.reloads"]}</h2>${actButton(call, "config/reload", {}, texts["config.reload"])}</div>
${reloads.length === 0 ? html`<p class="reason">${texts["now.noReload"]}</p>` : html`<ul class="log">${reloads.map((entry) => reload(entry, call))}</ul>`}</section>
${configuration === null ? null : html`<section><h2>${texts["config.effective"]}: <code>${configuration.file}</code></h2><div class="file" role="region" aria-label="${texts["config.effective"]}" tabindex="0"><table><tbody>${configuration.lines.map(({ text, from }) => html`<tr><td>${text}</td><td>${fromWords(from, texts)}</td></tr>`)}</tbody></table></div></section>`}`,
    };
  },
  acts: {
    reload: async ({ operations, operator }) => ({
      redirect: urlOf("config", { outcome: (await reloadAs(operations, operator)).outcome }),
    }),
  },
};

/** `line 12`, `default`, `from apps[0].access`. */
function fromWords(from: string, texts: ConsoleTexts): string {
  if (from === "default") return texts["config.default"];
  return from.startsWith("line ") ? fill(texts["config.line"], { line: from.slice(5) }) : from;
}

function reload(entry: AuditEntry, call: ConsoleCall): Markup | null {
  if (entry.event !== "reload") return null;
  const { texts } = call;
  const applied = entry.outcome === "applied";
  return html`<li><div class="titled">${stateBadge(applied ? "good" : "bad", texts[applied ? "now.applied" : "now.rejected"])}${timeWords(entry.at, call)}</div>${
    applied ? changes(entry.changes, entry.detail, texts) : html`<pre tabindex="0">${entry.detail.trim()}</pre>`
  }</li>`;
}

function changes(found: Extract<AuditEntry, { readonly event: "reload" }>["changes"], detail: string, texts: ConsoleTexts): Markup {
  const kinds = (["added", "removed", "changed"] as const).flatMap((kind) => (found?.[kind].length ? [[kind, found[kind]] as const] : []));
  return html`<span class="more">${detail}; ${
    kinds.length === 0
      ? texts["config.noChange"]
      : kinds.map(([kind, names]) => `${texts[`config.${kind}`]}: ${names.join(", ")}`).join("; ")
  }</span>`;
}
