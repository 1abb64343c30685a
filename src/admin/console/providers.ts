import { html } from "hono/html";
import type { DomainStatus } from "../../core/ports/domain-proofs.ts";
import type { Markup } from "../../pages/layout.ts";
import { type ProviderSummary, providersOf } from "../fleet/summaries.ts";
import { actButton, type ConsoleCall, type ConsolePage, daysWords, facts, numberWords, stateBadge, timeWords, urlOf } from "./page.ts";

/** Where people sign in: health, the last failed login with what to do about it, documents and certificates, logins by outcome. */
export const providersPage: ConsolePage = {
  place: "providers",
  name: "nav.providers",
  show: async (call) => {
    const { texts, operations } = call;
    const [providers, { domains = [] }] = await Promise.all([providersOf(operations), operations.state()]);
    return {
      title: texts["providers.title"],
      lead: texts["providers.lead"],
      body: html`<ul class="cards">${providers.map((provider) => card(provider, domains, call))}</ul>`,
    };
  },
};

/** A mail domain, with what DNS says of it where it must be proved. */
function domainLine(provider: string, domain: string, domains: readonly DomainStatus[], texts: ConsoleCall["texts"]): Markup {
  const status = domains.find((one) => one.provider === provider && one.domain === domain);
  if (status === undefined) return html`<span>${domain}</span><br>`;
  const { state, detail } = status;
  const badge = stateBadge(state === "proven" ? "good" : "bad", texts[`domains.${state}`]);
  return html`<span>${domain} ${badge}</span>${state === "proven" ? null : html`<span class="more">${detail}; vestibule domains</span>`}<br>`;
}

/** A certificate that ends sooner is in the eye. */
const soonDays = 30;

function card(provider: ProviderSummary, domains: readonly DomainStatus[], call: ConsoleCall): Markup {
  const { texts } = call;
  const { settings, ok, detail, documents, expiries, logins, lastError } = provider;
  const { id, name, protocol, emailDomains } = settings;
  const ends = Object.entries(expiries);
  const outcomes = Object.entries(logins).toSorted(([one], [other]) => Number(other === "ok") - Number(one === "ok"));
  return html`<li class="card"><div class="titled"><h2>${name}</h2>${stateBadge(ok ? "good" : "bad", ok ? texts["words.ok"] : texts["words.trouble"])}</div>
${ok ? null : html`<p class="problem">${detail}</p>`}
${facts([
  [texts["providers.method"], `${protocol.kind} (${id})`],
  [
    texts["providers.domains"],
    emailDomains.length === 0 ? "–" : html`${emailDomains.map((domain) => domainLine(id, domain, domains, texts))}`,
  ],
  [
    texts["providers.documents"],
    documents.length === 0
      ? texts["providers.byHand"]
      : html`${documents.map(({ what, at }) => html`<span>${what}, ${timeWords(at, call)}</span><br>`)}`,
  ],
  [
    texts["providers.certificates"],
    ends.length === 0
      ? null
      : html`${ends.map(([what, days]) => html`<span>${what}: ${days < soonDays ? stateBadge("bad", daysWords(days, texts)) : daysWords(days, texts)}</span><br>`)}`,
  ],
  [
    texts["providers.logins"],
    outcomes.length === 0
      ? texts["providers.noLogins"]
      : html`${outcomes.map(([outcome, count]) => html`<span>${outcome === "ok" ? "ok" : html`<code>${outcome}</code>`}: ${numberWords(count, call)}</span><br>`)}`,
  ],
])}
<div><h3>${texts["providers.lastError"]}</h3>${
    lastError === null
      ? html`<p class="reason">${texts["providers.noError"]}</p>`
      : html`<p><code>${lastError.code}</code> ${timeWords(lastError.at, call)}<span class="more">${lastError.detail}</span></p>${lastError.cure === null ? null : html`<p class="told"><strong>${texts["providers.cure"]}:</strong> ${lastError.cure}</p>`}`
  }</div>
<div class="row"><a class="button plain small" href="${urlOf("sessions", { provider: id })}" aria-label="${texts["providers.sessions"]} (${name})">${texts["providers.sessions"]}</a>${actButton(call, "sessions/count", { provider: id }, texts["sessions.endProvider"], { name: `${texts["sessions.endProvider"]} (${name})` })}</div></li>`;
}
