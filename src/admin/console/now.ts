import { html } from "hono/html";
import type { Markup } from "../../pages/layout.ts";
import { fill } from "../../pages/texts/texts.ts";
import { percentile } from "../fleet/counts.ts";
import type { Sample } from "../fleet/fleet.ts";
import { isReady, type Now, nowOf, type ProviderSummary, providersOf } from "../fleet/summaries.ts";
import { type ConsoleCall, type ConsolePage, durationWords, facts, numberWords, stateBadge, timeWords, urlOf } from "./page.ts";
import { refusalList } from "./refusals.ts";

/** The gateway at this moment: live by `/console/now/stream`, and again every ten seconds without scripts. */
export const nowPage: ConsolePage = {
  place: "now",
  name: "nav.now",
  show: async (call) => ({
    title: call.texts["now.title"],
    lead: null,
    body: await nowBody(call),
    live: { seconds: 10, stream: "/console/now/stream" },
  }),
};

/** What is live on the page: the stream sends it after each look. */
export async function nowBody(call: ConsoleCall): Promise<Markup> {
  const { texts, operations } = call;
  const [now, providers, refusals] = await Promise.all([
    nowOf(operations),
    providersOf(operations),
    operations.fleet.find({ event: "refusal", text: null, limit: 6 }),
  ]);
  return html`${now.whole ? null : html`<p class="problem" role="status">${texts["foot.partial"]}</p>`}
<ul class="figures">${figures(now, call)}</ul>
<div class="halves">${health(now, providers, call)}
<section class="card"><div class="titled"><h2>${texts["now.latestRefusals"]}</h2><a href="${urlOf("refusals")}">${texts["words.all"]}</a></div>
${refusals.length === 0 ? html`<p class="reason">${texts["now.noRefusals"]}</p>` : refusalList(refusals, call)}</section></div>
<section><h2>${texts["now.instances"]}</h2>${instances(now, call)}</section>`;
}

function figures(now: Now, call: ConsoleCall): readonly Markup[] {
  const { texts } = call;
  const { samples } = now;
  const each = (of: (sample: Sample) => number | null) => samples.map(of);
  const number = (value: number) => numberWords(value, call);
  const ms = (value: number) => durationWords(value, call);
  const p99 = (value: number | null) => (value === null ? null : fill(texts["now.p99"], { ms: durationWords(value, call) }));
  const median = (of: "gateway" | "upstream") => each((sample) => percentile(sample[of], 0.5));
  return [
    figure(texts["now.sessions"], now.sessions === null ? "–" : number(now.sessions), texts["now.everywhere"], null),
    figure(
      texts["now.requests"],
      number(now.requestsPerSecond),
      null,
      graph(
        each(({ requests, seconds }) => requests / seconds),
        number,
        texts["now.requests"],
        call,
      ),
    ),
    figure(
      texts["now.refusals"],
      number(now.refusalsPerMinute),
      null,
      graph(
        each(({ refused, seconds }) => (60 * refused) / seconds),
        number,
        texts["now.refusals"],
        call,
      ),
    ),
    figure(
      texts["now.errors"],
      number(now.errorsPerMinute),
      null,
      graph(
        each(({ errors, seconds }) => (60 * errors) / seconds),
        number,
        texts["now.errors"],
        call,
      ),
      now.errorsPerMinute > 0,
    ),
    figure(
      texts["now.gateway"],
      ms0(now.gateway.p50, call),
      p99(now.gateway.p99),
      graph(median("gateway"), ms, texts["now.gateway"], call),
    ),
    figure(
      texts["now.upstream"],
      ms0(now.upstream.p50, call),
      p99(now.upstream.p99),
      graph(median("upstream"), ms, texts["now.upstream"], call),
    ),
  ];
}

const ms0 = (value: number | null, call: ConsoleCall) => durationWords(value, call);

function figure(label: string, value: string, beside: string | null, drawn: Markup | null, isAlarm = false): Markup {
  return html`<li class="figure${isAlarm ? " alarm" : ""}"><span class="label">${label}</span><span class="value">${value}</span>${beside === null ? null : html`<span class="beside">${beside}</span>`}${drawn}</li>`;
}

const [width, height] = [240, 40];

/** A line over the last minutes, drawn here: nothing is fetched, and no script draws. Holes are what was not measured. */
export function graph(
  values: readonly (number | null)[],
  words: (value: number) => string,
  what: string,
  { texts }: Pick<ConsoleCall, "texts">,
): Markup | null {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return null;
  const most = Math.max(...known);
  const x = (at: number) => Math.round((at * width * 10) / Math.max(1, values.length - 1)) / 10;
  const y = (value: number) => Math.round((height - 2 - (most === 0 ? 0 : (value / most) * (height - 6))) * 10) / 10;
  const points = values.flatMap((value, at) => (value === null ? [] : [`${x(at)},${y(value)}`]));
  const [first = "0,0", last = "0,0"] = [points[0], points.at(-1)];
  const label = fill(texts["now.graph"], { what, now: words(known.at(-1) ?? 0), most: words(most) });
  return html`<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${label}"><title>${label}</title><line class="base" x1="0" y1="${height - 1}" x2="${width}" y2="${height - 1}"/><polygon class="area" points="${first.split(",", 1)[0]},${height - 1} ${points.join(" ")} ${last.split(",", 1)[0]},${height - 1}"/><polyline class="stroke" points="${points.join(" ")}"/></svg>`;
}

function health(now: Now, providers: readonly ProviderSummary[], call: ConsoleCall): Markup {
  const { texts } = call;
  const [own] = now.instances;
  const store = own?.state.store;
  const audit = own?.state.audit;
  const { lastReload } = now;
  const reload =
    lastReload === null
      ? texts["now.noReload"]
      : html`${timeWords(lastReload.at, call)}: ${lastReload.outcome === "applied" ? texts["now.applied"] : stateBadge("bad", texts["now.rejected"])} <a href="${urlOf("config")}">${texts["nav.config"]}</a>`;
  return html`<section class="card"><h2>${texts["now.health"]}</h2>${facts([
    [
      texts["now.store"],
      store === undefined
        ? null
        : html`${stateBadge(store.reachable ? "good" : "bad", store.reachable ? texts["words.ok"] : texts["words.trouble"])}<span class="more">${store.kind}, ${store.detail}</span><span class="more">${now.breakerOpen ? texts["now.breakerOpen"] : texts["now.breakerClosed"]}</span>`,
    ],
    [
      texts["now.providers"],
      html`<span class="lines">${providers.map(({ settings, ok }) => html`<span><a href="${urlOf("providers")}">${settings.name}</a> ${stateBadge(ok ? "good" : "bad", ok ? texts["words.ok"] : texts["words.trouble"])}</span>`)}</span>`,
    ],
    [texts["now.lastReload"], html`${reload}`],
    [
      texts["now.auditFile"],
      audit === undefined
        ? null
        : html`${stateBadge(audit.ok ? "good" : "bad", audit.ok ? texts["words.ok"] : texts["words.trouble"])}<span class="more">${audit.detail}</span>`,
    ],
  ])}</section>`;
}

function instances({ instances: all }: Now, call: ConsoleCall): Markup {
  const { texts } = call;
  const headings = ["words.instance", "now.ready", "now.workers", "now.version", "now.started"] as const;
  return html`<div class="scroll"><table class="stack"><caption>${texts["now.instances"]}</caption><thead><tr>${headings.map((key) => html`<th scope="col">${texts[key]}</th>`)}</tr></thead>
<tbody>${all.map(({ name, version, startedAt, state }, at) => {
    const ready = isReady(state);
    const words = state.draining ? texts["now.draining"] : ready ? texts["now.ready"] : texts["now.notReady"];
    return html`<tr><th scope="row">${name}${at === 0 ? html` <span class="more">${texts["now.here"]}</span>` : null}</th><td data-label="${texts["now.ready"]}">${stateBadge(ready ? "good" : "bad", words)}</td><td data-label="${texts["now.workers"]}">${state.workers === undefined ? "1" : `${state.workers.ready} / ${state.workers.wanted}`}</td><td data-label="${texts["now.version"]}">${version}</td><td data-label="${texts["now.started"]}">${timeWords(startedAt, call)}</td></tr>`;
  })}</tbody></table></div>`;
}
