import { html } from "hono/html";
import type { EndQuery } from "../../core/ports/session-store.ts";
import type { SessionSummary } from "../../core/session.ts";
import { readUserAgent } from "../../lib/browser-hints.ts";
import type { Markup } from "../../pages/layout.ts";
import type { ConsoleTexts } from "../../pages/texts/console-english.ts";
import { fill } from "../../pages/texts/texts.ts";
import { queryOf } from "../api/routes.ts";
import { historyOf } from "../fleet/summaries.ts";
import { endMatching, endOne, endToken } from "../operations.ts";
import { eventLog } from "./audit.ts";
import {
  actButton,
  type ConsoleCall,
  type ConsolePage,
  facts,
  field,
  numberWords,
  stateBadge,
  timeWords,
  urlOf,
  whoWords,
} from "./page.ts";

const pageSize = 50;
const historyShown = 40;

const conditions = ["person", "email", "group", "provider", "address", "app"] as const;

/** Who is signed in, found by any of six conditions, and ended: one, all that match, everyone's. */
export const sessionsPage: ConsolePage = {
  place: "sessions",
  name: "nav.sessions",
  show: list,
  showOne: one,
  acts: {
    end: async (call) => {
      const ended = await endOne(call.operations, call.operator, call.given.handle ?? "");
      return { redirect: urlOf("sessions", { ...wanted(call), ...(ended ? { ended: "1" } : { gone: "1" }) }), mayBeOwn: true };
    },
    "end-token": async (call) => {
      await endToken(call.operations, call.operator, call.given.handle ?? "");
      return { redirect: urlOf(`sessions/${call.given.from ?? ""}`) };
    },
    count: async (call) => confirm(call, await call.operations.sessions.countMatching(endQueryOf(call))),
    "end-all": async (call) => {
      const ended = await endMatching(call.operations, call.operator, endQueryOf(call));
      return { redirect: urlOf("sessions", { ended: String(ended) }), mayBeOwn: true };
    },
  },
};

/** The conditions that the address or the form names. */
function wanted({ given }: ConsoleCall): Readonly<Record<string, string>> {
  return Object.fromEntries(conditions.flatMap((name) => (given[name] ? [[name, given[name]]] : [])));
}

/** Everyone's has a word of its own: a form that lost its conditions must not sign everyone out. */
function endQueryOf(call: ConsoleCall): EndQuery {
  const named = wanted(call);
  return call.given.all === "true" && Object.keys(named).length === 0 ? "everyone" : queryOf(named);
}

async function list(call: ConsoleCall) {
  const { texts, given, operations } = call;
  const named = wanted(call);
  const [page, open] = await Promise.all([
    operations.sessions.list(queryOf(named), { cursor: given.cursor || null, limit: pageSize }),
    operations.sessions.openCount(),
  ]);
  const isNarrowed = Object.keys(named).length > 0;
  const notice = given.ended ? fill(texts["sessions.ended"], { count: given.ended }) : given.gone ? texts["sessions.gone"] : null;
  const endThese = isNarrowed
    ? actButton(call, "sessions/count", named, texts["sessions.endMatching"])
    : actButton(call, "sessions/count", { all: "true" }, texts["sessions.endEveryone"]);
  return {
    title: texts["sessions.title"],
    lead: texts["sessions.lead"],
    body: html`${notice === null ? null : html`<p class="told" role="status" tabindex="-1" autofocus>${notice}</p>`}
<form class="fields" method="get" action="/console/sessions" role="search">${conditions.map((name) => field(name, texts[`words.${name}`], given[name] ?? "", "search"))}<div class="row whole"><button class="button primary" type="submit">${texts["words.search"]}</button><a class="button plain" href="${urlOf("sessions")}">${texts["words.clear"]}</a></div></form>
<div class="titled">${stateBadge("plainly", fill(texts["sessions.open"], { count: numberWords(open, call) }))}${page.sessions.length === 0 ? null : endThese}</div>
${page.sessions.length === 0 ? html`<p class="reason">${texts["sessions.none"]}</p>` : sessionTable(page.sessions, call)}
${page.next === null ? null : html`<div class="row"><a class="button plain" href="${urlOf("sessions", { ...named, cursor: page.next })}">${texts["words.more"]}</a></div>`}`,
  };
}

/** Sessions as rows, wherever some are shown. */
export function sessionTable(sessions: readonly SessionSummary[], call: ConsoleCall): Markup {
  const { texts } = call;
  const headings = ["words.person", "words.provider", "words.address", "words.since", "words.seen", "words.apps"] as const;
  return html`<div class="scroll"><table class="stack"><caption>${texts["sessions.title"]}</caption><thead><tr>${headings.map((key) => html`<th scope="col">${texts[key]}</th>`)}${call.operator.mayAct ? html`<th scope="col"><span class="hidden">${texts["words.action"]}</span></th>` : null}</tr></thead>
<tbody>${sessions.map((session) => {
    const { handle, principal, address, startedAt, lastSeenAt, apps } = session;
    const who = whoWords(principal);
    const cell = (key: (typeof headings)[number], value: Markup | string) => html`<td data-label="${texts[key]}">${value}</td>`;
    const end = actButton(call, "sessions/end", { handle, ...wanted(call) }, texts["sessions.end"], {
      name: fill(texts["sessions.endOf"], { who }),
      look: "danger small",
    });
    return html`<tr><th scope="row"><a href="${urlOf(`sessions/${handle}`)}">${who}</a>${principal.email === null || principal.email === who ? null : html`<span class="more">${principal.email}</span>`}</th>
${cell("words.provider", principal.provider)}<td data-label="${texts["words.address"]}">${address ?? texts["words.unknown"]}${session.userAgent === null ? null : html`<span class="more">${deviceWords(session, texts)}</span>`}</td>${cell("words.since", timeWords(startedAt, call))}${cell("words.seen", timeWords(lastSeenAt, call))}${cell("words.apps", appNames(apps, call).join(", ") || "–")}${end === null ? null : html`<td class="act">${end}</td>`}</tr>`;
  })}</tbody></table></div>`;
}

function deviceWords({ userAgent }: SessionSummary, texts: ConsoleTexts): string {
  const { browser, system } = readUserAgent(userAgent);
  return [browser, system].filter((part) => part !== null).join(", ") || texts["words.unknown"];
}

/** As people know them, the latest first. */
function appNames(apps: SessionSummary["apps"], { operations }: ConsoleCall): readonly string[] {
  const names = new Map(operations.settings().apps.map(({ hosts, name }) => [hosts[0], name]));
  return Object.entries(apps)
    .toSorted(([, one], [, other]) => other - one)
    .map(([id]) => names.get(id) ?? id);
}

async function one(call: ConsoleCall, handle: string) {
  const { texts, operations } = call;
  const session = await operations.sessions.read(handle);
  if (session === null) return over(call, handle);
  const { principal, address, startedAt, lastSeenAt, expiresAt, apps } = session;
  const { provider, subject, email, groups } = principal;
  const history = await historyOf(operations, session, historyShown);
  const tokens = (await operations.tokens.list({ provider, subject }, { cursor: null, limit: pageSize })).sessions;
  const opened = Object.entries(apps).toSorted(([, at], [, other]) => other - at);
  return {
    title: fill(texts["sessions.one"], { who: whoWords(principal) }),
    lead: html`<a href="${urlOf("sessions")}">${texts["sessions.title"]}</a>`,
    body: html`<section class="card">${facts([
      [texts["words.email"], email],
      [texts["words.subject"], subject],
      [texts["words.provider"], html`<a href="${urlOf("providers")}">${provider}</a>`],
      [texts["words.groups"], groups.kind === "known" ? groups.names.join(", ") || texts["words.none"] : texts["words.unknown"]],
      [texts["words.address"], address ?? texts["words.unknown"]],
      [texts["words.device"], deviceWords(session, texts)],
      [texts["words.since"], timeWords(startedAt, call)],
      [texts["words.seen"], timeWords(lastSeenAt, call)],
      [texts["words.expires"], timeWords(expiresAt, call)],
      [texts["words.handle"], html`<code>${handle}</code>`],
    ])}
${
  call.operator.mayAct
    ? html`<div class="row">${actButton(call, "sessions/end", { handle }, texts["sessions.endThis"], { look: "danger" })}${actButton(call, "sessions/count", { person: subject, provider }, texts["sessions.endPerson"], { look: "plain" })}${address === null ? null : actButton(call, "sessions/count", { address }, texts["sessions.endAddress"], { look: "plain" })}</div>`
    : null
}</section>
<div class="halves"><section class="card"><h2>${texts["sessions.opened"]}</h2>${opened.length === 0 ? html`<p class="reason">${texts["words.none"]}</p>` : facts(opened.map(([id, at]) => [id, timeWords(at, call)]))}</section>
<section class="card"><h2>${texts["sessions.history"]}</h2>${history.length === 0 ? html`<p class="reason">${texts["sessions.noHistory"]}</p>` : eventLog(history, call)}</section></div>
${tokens.length === 0 ? null : tokenCard(tokens, handle, call)}`,
  };
}

/** Ended while its page was open, in another tab, or by itself: what is known of it is in the audit events. */
function over({ texts }: ConsoleCall, handle: string) {
  return {
    status: 404,
    title: texts["sessions.over"],
    lead: html`<a href="${urlOf("sessions")}">${texts["sessions.title"]}</a>`,
    body: html`<p class="told" role="status" tabindex="-1" autofocus>${texts["sessions.gone"]}</p><p><a href="${urlOf("audit", { text: handle })}">${texts["sessions.overEvents"]}</a></p>`,
  };
}

/** The personal tokens of a session's person; ending the person ends them as well. */
function tokenCard(tokens: readonly SessionSummary[], from: string, call: ConsoleCall): Markup {
  const { texts } = call;
  const rows = tokens.map(({ handle, token, startedAt, lastSeenAt, expiresAt }) => {
    const name = token?.name ?? "";
    const button = actButton(call, "sessions/end-token", { handle, from }, texts["sessions.end"], {
      name: fill(texts["tokens.endOf"], { name }),
      look: "danger small",
    });
    return html`<tr><th scope="row">${name}</th><td data-label="${texts["words.since"]}">${timeWords(startedAt, call)}</td><td data-label="${texts["words.seen"]}">${timeWords(lastSeenAt, call)}</td><td data-label="${texts["words.expires"]}">${timeWords(expiresAt, call)}</td>${button === null ? null : html`<td class="act">${button}</td>`}</tr>`;
  });
  return html`<section class="card"><h2>${texts["tokens.title"]}</h2><div class="scroll"><table class="stack"><tbody>${rows}</tbody></table></div></section>`;
}

function confirm(call: ConsoleCall, count: number) {
  const { texts } = call;
  const named = wanted(call);
  const pairs = Object.entries(named) as [(typeof conditions)[number], string][];
  const fields = pairs.length === 0 ? { all: "true" } : named;
  return {
    title: texts["sessions.confirm"],
    lead: texts["sessions.within"],
    body: html`<section class="card"><h2>${fill(texts["sessions.matches"], { count: numberWords(count, call) })}</h2>
${pairs.length === 0 ? html`<p class="reason">${texts["sessions.everyone"]}</p>` : facts(pairs.map(([name, value]) => [texts[`words.${name}`], value]))}
<div class="row">${count === 0 ? null : actButton(call, "sessions/end-all", fields, fill(texts["sessions.confirmEnd"], { count: numberWords(count, call) }), { look: "danger" })}<a class="button plain" href="${urlOf("sessions", named)}">${texts["words.back"]}</a></div></section>`,
  };
}
