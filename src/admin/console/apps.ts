import { html } from "hono/html";
import type { Markup } from "../../pages/layout.ts";
import { fill } from "../../pages/texts/texts.ts";
import { type AppSummary, appsOf, type Latency } from "../fleet/summaries.ts";
import { type ConsoleCall, type ConsolePage, durationWords, facts, numberWords, stateBadge, timeWords, urlOf } from "./page.ts";
import { sessionTable } from "./sessions.ts";

const openersShown = 20;

/** The published apps: upstreams, rates, errors and latencies of the last minutes; one by one with who has it open. */
export const appsPage: ConsolePage = { place: "apps", name: "nav.apps", show: list, showOne: one };

function leadOf(apps: readonly AppSummary[], call: ConsoleCall): string {
  const minutes = Math.max(1, Math.round((apps[0]?.windowSeconds ?? 60) / 60));
  return fill(call.texts["apps.lead"], { minutes: numberWords(minutes, call) });
}

async function list(call: ConsoleCall) {
  const { texts, operations, now } = call;
  const apps = await appsOf(operations, now);
  const headings = [
    "words.app",
    "apps.upstreams",
    "apps.requests",
    "apps.refused",
    "apps.errors",
    "apps.gateway",
    "apps.upstream",
    "apps.people",
  ] as const;
  return {
    title: texts["apps.title"],
    lead: leadOf(apps, call),
    body: html`<div class="scroll"><table class="stack"><caption>${texts["apps.title"]}</caption><thead><tr>${headings.map((key, at) => html`<th scope="col"${at > 1 ? html` class="number"` : null}>${texts[key]}</th>`)}</tr></thead>
<tbody>${apps.map((app) => {
      const { id, settings, counts } = app;
      const number = (key: (typeof headings)[number], value: Markup | string) =>
        html`<td class="number" data-label="${texts[key]}">${value}</td>`;
      return html`<tr><th scope="row"><a href="${urlOf(`apps/${id}`)}">${settings.name}</a><span class="more">${settings.hosts.join(", ")}</span></th><td data-label="${texts["apps.upstreams"]}">${upstreams(app, call)}</td>${number("apps.requests", numberWords(counts.requests / app.windowSeconds, call, 2))}${number("apps.refused", numberWords(counts.refused, call))}${number("apps.errors", counts.errors === 0 ? "0" : stateBadge("bad", numberWords(counts.errors, call)))}${number("apps.gateway", latency(app.gateway, call))}${number("apps.upstream", latency(app.upstream, call))}${number("apps.people", app.people === null ? "–" : numberWords(app.people, call))}</tr>`;
    })}</tbody></table></div>`,
  };
}

function latency({ p50, p99 }: Latency, call: ConsoleCall): Markup | string {
  return p50 === null ? "–" : html`${durationWords(p50, call)}<span class="more">99 %: ${durationWords(p99, call)}</span>`;
}

function upstreams({ upstreams: all }: AppSummary, call: ConsoleCall): Markup {
  const { texts } = call;
  return html`<span class="lines">${all.map(
    ({ url, unreachableAt }) =>
      html`<span>${url}${unreachableAt === null ? null : html` ${stateBadge("bad", texts["words.trouble"])}<span class="more">${texts["apps.unreachable"]} ${timeWords(unreachableAt, call)}</span>`}</span>`,
  )}</span>`;
}

async function one(call: ConsoleCall, id: string) {
  const { texts, operations, now } = call;
  const apps = await appsOf(operations, now);
  const app = apps.find((known) => known.id === id);
  if (app === undefined) return null;
  const { settings, counts } = app;
  const { sessions } = await operations.sessions.list({ app: id }, { cursor: null, limit: openersShown });
  const failures = Object.entries(counts.failures);
  return {
    title: settings.name,
    lead: html`<a href="${urlOf("apps")}">${texts["apps.title"]}</a> · ${leadOf(apps, call)}`,
    body: html`<section class="card">${facts([
      [texts["words.where"], settings.hosts.join(", ")],
      [texts["words.provider"], settings.providers.join(", ")],
      [texts["apps.upstreams"], upstreams(app, call)],
      [texts["apps.requests"], numberWords(counts.requests / app.windowSeconds, call, 2)],
      [
        texts["apps.refused"],
        html`${numberWords(counts.refused, call)} <a href="${urlOf("refusals", { text: id })}">${texts["nav.refusals"]}</a>`,
      ],
      [texts["apps.errors"], numberWords(counts.errors, call)],
      [texts["apps.gateway"], latency(app.gateway, call)],
      [texts["apps.upstream"], latency(app.upstream, call)],
      [texts["apps.people"], app.people === null ? "–" : numberWords(app.people, call)],
      [
        texts["apps.failures"],
        failures.length === 0
          ? null
          : html`${failures.map(([code, count]) => html`<code>${code}</code>: ${numberWords(count, call)}<br>`)}`,
      ],
    ])}</section>
<section><div class="titled"><h2>${texts["apps.openedBy"]}</h2><a href="${urlOf("sessions", { app: id })}">${texts["apps.all"]}</a></div>${sessions.length === 0 ? html`<p class="reason">${texts["apps.nobody"]}</p>` : sessionTable(sessions, call)}</section>
<section class="card"><h2>${texts["apps.routes"]}</h2><ul class="log">${settings.routes.map(
      ({ path, access, enforce }) =>
        html`<li><strong>${path}</strong>${enforce ? null : html` ${stateBadge("bad", texts["apps.shadow"])}`}<ul class="rules">${access.map(
          ({ effect, origin }) => html`<li><span>${texts[`explain.${effect}`]}</span><span class="origin">${origin}</span></li>`,
        )}</ul></li>`,
    )}</ul></section>`,
  };
}
