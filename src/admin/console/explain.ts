import { html } from "hono/html";
import type { DecidedExplanation, Explanation, ReadingExplanation } from "../../core/explanation.ts";
import type { Markup } from "../../pages/layout.ts";
import { fill } from "../../pages/texts/texts.ts";
import { explainInput, refusedQuestion } from "../api/explain.ts";
import { explainRequest } from "../api/schemas.ts";
import { type ConsoleCall, type ConsolePage, checkField, facts, field, listField, stateBadge } from "./page.ts";

const fields = [
  ["method", "explain.method"],
  ["asUser", "explain.asUser"],
  ["provider", "words.provider"],
  ["address", "explain.address"],
  ["acr", "explain.acr"],
] as const;

/**
 * The question of `vestibule explain` as a form; `?request=` fills it in from a refusal, and answers at once. Sent by POST: the groups of
 * one person can be longer than any address. Links may hold the same fields.
 */
export const explainPage: ConsolePage = {
  place: "explain",
  name: "nav.explain",
  takesForm: true,
  show: async (call) => {
    const { texts, given, operations, now } = call;
    const refusal = given.request ? await refusedQuestion(operations, given.request) : null;
    const { groups, websocket, ...texted } = refusal ?? { ...given, groups: groupsIn(given), websocket: given.websocket === "true" };
    const asked: ConsoleCall["given"] = texted;
    const from = !given.request ? null : fill(texts[refusal === null ? "explain.unknown" : "explain.from"], { request: given.request });
    const named = ["url" as const, ...fields.map(([name]) => name)].flatMap((name) => (asked[name] ? [[name, asked[name]]] : []));
    const parsed = asked.url ? explainRequest.safeParse({ ...Object.fromEntries(named), groups, websocket }) : null;
    const problem =
      parsed?.success === false ? parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ") : null;
    return {
      status: problem === null ? 200 : 400,
      title: texts["explain.title"],
      lead: texts["explain.lead"],
      body: html`${from === null ? null : html`<p class="told" role="status" tabindex="-1" autofocus>${from}</p>`}${problem === null ? null : html`<p class="problem" role="alert" tabindex="-1" autofocus>${problem}</p>`}
<form class="fields" method="post" action="/console/explain"><div class="whole">${field("url", texts["explain.url"], asked.url ?? "")}</div>${fields.map(([name, key]) => field(name, texts[key], asked[name] ?? ""))}<div class="whole">${listField("groupLines", texts["explain.groups"], groups.join("\n"))}</div><div class="row whole">${checkField("websocket", texts["explain.websocket"], websocket)}</div><div class="row whole"><button class="button primary" type="submit">${texts["explain.submit"]}</button></div></form>
${parsed?.success === true ? answer(operations.explain(await explainInput(operations, parsed.data, now)), call, from === null) : null}`,
    };
  },
};

/** The form has one to a line, as a group may hold a comma (`CN=Staff,OU=Groups`); a link has `groups`, with commas. */
function groupsIn({ groupLines = "", groups = "" }: ConsoleCall["given"]): readonly string[] {
  const list = [...groupLines.split("\n"), ...groups.split(",")];
  return list.map((group) => group.trim()).filter((group) => group !== "");
}

/** The keyboard is at the answer's beginning, unless something else on the page has it. */
function answer(explanation: Explanation, call: ConsoleCall, hasKeyboard: boolean): Markup {
  const focus = hasKeyboard ? html` tabindex="-1" autofocus` : null;
  const { texts } = call;
  if (!("readings" in explanation))
    return html`<section class="card"><div class="titled"><h2${focus}>${explanation.asked}</h2>${stateBadge("bad", texts["explain.outcome.none"])}</div><p>${explanation.why}</p></section>`;
  const { outcome, asked, why, who, address, app, route, readings, shadow, headers, notes } = explanation;
  const good = outcome === "allow" || outcome === "pass";
  return html`<section class="card"><div class="titled"><h2${focus}>${asked}</h2>${stateBadge(good ? "good" : outcome === "login" ? "plainly" : "bad", texts[`explain.outcome.${outcome}`])}</div>
<p><strong>${why}</strong></p>${shadow === null ? null : html`<p class="problem">${fill(texts["explain.shadow"], { why: shadow })}</p>`}
${facts([
  [texts["explain.visitor"], who],
  [texts["words.address"], address],
  [texts["words.app"], `${app.name} (${app.origin})`],
  [texts["explain.route"], `${route.id} → ${route.upstreams.join(", ")}`],
])}
${readings.map((reading) => readingPart(reading, readings.length > 1, call))}
${headers === null || headers.length === 0 ? null : html`<div><h3>${texts["explain.headers"]}</h3>${facts(headers.map(([name, value]) => [name, value]))}</div>`}
${notes.length === 0 ? null : html`<div><h3>${texts["explain.notes"]}</h3><ul class="causes">${notes.map((note) => html`<li>${note}</li>`)}</ul></div>`}</section>`;
}

function readingPart({ path, access, rules, decision }: ReadingExplanation, several: boolean, { texts }: ConsoleCall): Markup {
  const title = several ? html`<h3>${fill(texts["explain.reading"], { path })}: ${decision}</h3>` : null;
  if (access !== "rules") return html`<div>${title}<p class="reason">${texts[`explain.${access}`]}</p></div>`;
  if (rules.length === 0) return html`<div>${title}<p class="reason">${texts["explain.noRules"]}</p></div>`;
  return html`<div>${title}<ol class="rules">${rules.map(ruleLine(texts))}</ol></div>`;
}

type Rule = DecidedExplanation["readings"][number]["rules"][number];

function ruleLine(texts: ConsoleCall["texts"]): (rule: Rule) => Markup {
  return ({ effect, result, origin, why }) =>
    html`<li class="${result === "not-reached" ? "quiet" : result}"><span>${texts[`explain.${effect}`]}</span><span>${texts[`explain.result.${result}`]}</span><span class="origin">${origin}</span>${result === "not-reached" ? null : html`<span class="why">${why}</span>`}</li>`;
}
