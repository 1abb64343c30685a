import { html } from "hono/html";
import type { OwnDataModel, OwnTokensModel, PageModel } from "../core/ports/pages.ts";
import { buttonLink, fact, hiddenFields, type Markup, type PageParts, pageUrl } from "./layout.ts";
import { fill, type Texts } from "./texts/texts.ts";

type Of<Page extends PageModel["page"]> = PageModel & { readonly page: Page };
type Tile = Of<"portal">["apps"][number];

/** Hides the tiles that do not hold what is typed. Without scripts the field is not shown. Constant, so that the CSP names its hash. */
const searchScript = `const f=document.getElementById("search");if(f){f.parentElement.hidden=false;
f.addEventListener("input",()=>{const t=f.value.trim().toLowerCase();
for(const e of document.querySelectorAll(".tile"))e.hidden=!e.textContent.toLowerCase().includes(t);
for(const g of document.querySelectorAll(".group"))g.hidden=!g.querySelector(".tile:not([hidden])");
document.getElementById("none").hidden=!!document.querySelector(".tile:not([hidden])")})}`;

/** The visitor's apps. */
export function portalPage(model: Of<"portal">, texts: Texts, tag: string): PageParts {
  const categories = [...new Set(model.apps.map(({ category }) => category))].toSorted((one, other) =>
    one === null ? -1 : other === null ? 1 : one.localeCompare(other, tag),
  );
  return {
    title: texts["portal.title"],
    lead: fill(texts["portal.lead"], { who: model.who.name }),
    wide: true,
    body: html`${
      model.apps.length === 0
        ? html`<p class="reason">${texts["portal.none"]}</p>`
        : html`<p class="search" hidden><label for="search">${texts["portal.search"]}</label><input class="text" id="search" type="search" autocomplete="off" spellcheck="false"></p>
<p class="reason" id="none" role="status" hidden>${texts["portal.noMatch"]}</p>
${categories.map((category) => group(category, model.apps, texts, tag))}`
    }
<nav class="row" aria-label="${texts["portal.account"]}">${buttonLink(model.sessionsUrl, texts["portal.sessions"], "plain")}${buttonLink(model.dataUrl, texts["portal.data"], "plain")}${buttonLink(model.logoutUrl, texts["portal.logout"], "plain")}</nav>`,
    script: searchScript,
  };
}

function group(category: string | null, apps: readonly Tile[], texts: Texts, tag: string): Markup {
  const own = apps.filter((app) => app.category === category);
  const tiles = html`<ul class="tiles">${own.map((app) => tile(app, texts, tag))}</ul>`;
  return category === null ? html`<div class="group">${tiles}</div>` : html`<section class="group"><h2>${category}</h2>${tiles}</section>`;
}

function tile({ name, url, description, icon, lastOpenedAt }: Tile, texts: Texts, tag: string): Markup {
  const [initial = ""] = name;
  const picture =
    icon === null ? html`<span class="initial" aria-hidden="true">${initial}</span>` : html`<img class="icon" src="${icon}" alt="">`;
  return html`<li class="tile"><a href="${pageUrl(url)}">${picture}<span class="about"><span class="name clamp">${name}</span>${
    description === null ? null : html`<span class="more clamp">${description}</span>`
  }${lastOpenedAt === null ? null : html`<span class="more">${fill(texts["portal.lastOpened"], { when: dateWords(lastOpenedAt, tag) })}</span>`}</span></a></li>`;
}

/** The visitor's own sessions. */
export function ownSessionsPage(model: Of<"own-sessions">, texts: Texts, tag: string): PageParts {
  const others = model.sessions.filter(({ isHere }) => !isHere).length;
  return {
    title: texts["ownSessions.title"],
    lead: texts["ownSessions.lead"],
    wide: true,
    body: html`${model.ended === null ? null : html`<p class="told" role="status" tabindex="-1" autofocus>${fill(texts["ownSessions.ended"], { count: String(model.ended) })}</p>`}
<ul class="entries">${model.sessions.map((session) => entry(session, model, texts, tag))}</ul>
${
  others === 0
    ? null
    : html`<form method="post" action="${pageUrl(model.action)}" class="row">${hiddenFields({ guard: model.guard, others: "1" })}<button class="button primary" type="submit">${texts["ownSessions.endOthers"]}</button></form>`
}
${model.tokens === null ? null : tokensSection(model.tokens, model, texts, tag)}
<div class="row">${buttonLink(model.homeUrl, texts["ownSessions.home"], "plain")}${buttonLink(model.logoutUrl, texts["portal.logout"], "plain")}</div>`,
  };
}

function entry(session: Of<"own-sessions">["sessions"][number], model: Of<"own-sessions">, texts: Texts, tag: string): Markup {
  const { handle, isHere, browser, system, address, provider, who, startedAt, lastSeenAt, apps } = session;
  const device =
    browser === null && system === null
      ? texts["ownSessions.unknownDevice"]
      : browser !== null && system !== null
        ? fill(texts["ownSessions.device"], { browser, system })
        : (browser ?? system ?? "");
  const facts: readonly (readonly [string, string])[] = [
    [texts["ownSessions.account"], `${who} (${provider})`],
    [texts["ownSessions.address"], address ?? texts["ownSessions.unknown"]],
    [texts["ownSessions.since"], dateWords(startedAt, tag)],
    [texts["ownSessions.seen"], dateWords(lastSeenAt, tag)],
    ...(apps.length === 0 ? [] : ([[texts["ownSessions.apps"], apps.join(", ")]] as const)),
  ];
  return html`<li class="entry"><h2>${device}${isHere ? html` <span class="badge">${texts["ownSessions.here"]}</span>` : null}</h2>
<dl>${facts.map(([name, value]) => fact(name, value))}</dl>
<form method="post" action="${pageUrl(model.action)}">${hiddenFields({ guard: model.guard, end: handle })}<button class="button plain" type="submit" aria-label="${`${texts["ownSessions.end"]}: ${device}`}">${texts["ownSessions.end"]}</button></form></li>`;
}

/** Personal tokens: the one just made, shown this once, those that there are, and the form for a new one. */
function tokensSection(tokens: OwnTokensModel, { action, guard }: Of<"own-sessions">, texts: Texts, tag: string): Markup {
  const { made, problem, ended, accounts, items, most } = tokens;
  const days = String(tokens.lifetimeDays);
  return html`<section class="group" aria-labelledby="tokens"><h2 id="tokens">${texts["ownTokens.title"]}</h2>
<p class="more">${fill(texts["ownTokens.lead"], { days })}</p>
${ended === null ? null : html`<p class="told" role="status" tabindex="-1" autofocus>${fill(texts["ownTokens.ended"], { count: String(ended) })}</p>`}
${made === null ? null : html`<div class="told" role="status" tabindex="-1" autofocus><p>${fill(texts["ownTokens.made"], { name: made.name })}</p><pre tabindex="0">${made.token}</pre><p class="fine">${texts["ownTokens.use"]}</p></div>`}
${items.length === 0 ? null : html`<ul class="entries">${items.map((item) => tokenEntry(item, { action, guard }, texts, tag))}</ul>`}
<form method="post" action="${pageUrl(action)}">${hiddenFields({ guard })}${
    problem === null
      ? null
      : html`<p class="problem" role="alert">${fill(texts[`ownTokens.problem.${problem}`], { most: String(most) })}</p>`
  }${
    accounts.length < 2
      ? null
      : html`<p><label for="account">${texts["ownSessions.account"]}</label><select class="text" id="account" name="account">${accounts.map(({ key, who, provider }) => html`<option value="${key}">${`${who} (${provider})`}</option>`)}</select></p>`
  }<p><label for="name">${texts["ownTokens.name"]}</label><input class="text" id="name" name="name" maxlength="60" required autocomplete="off"></p>
<button class="button plain" type="submit">${texts["ownTokens.make"]}</button></form></section>`;
}

function tokenEntry(
  { handle, name, who, provider, startedAt, expiresAt, lastUsedAt, apps }: OwnTokensModel["items"][number],
  { action, guard }: { readonly action: string; readonly guard: string },
  texts: Texts,
  tag: string,
): Markup {
  const facts: readonly (readonly [string, string])[] = [
    [texts["ownSessions.account"], `${who} (${provider})`],
    [texts["ownTokens.since"], dateWords(startedAt, tag)],
    [texts["ownTokens.used"], lastUsedAt === null ? texts["ownTokens.never"] : dateWords(lastUsedAt, tag)],
    [texts["ownTokens.until"], dateWords(expiresAt, tag)],
    ...(apps.length === 0 ? [] : ([[texts["ownSessions.apps"], apps.join(", ")]] as const)),
  ];
  return html`<li class="entry"><h3>${name}</h3>
<dl>${facts.map(([term, value]) => fact(term, value))}</dl>
<form method="post" action="${pageUrl(action)}">${hiddenFields({ guard, endToken: handle })}<button class="button plain" type="submit" aria-label="${`${texts["ownTokens.end"]}: ${name}`}">${texts["ownTokens.end"]}</button></form></li>`;
}

/** What the gateway knows of the visitor: each fact with its name, and why a person has a role or a team. */
export function ownDataPage(model: Of<"own-data">, texts: Texts, tag: string): PageParts {
  return {
    title: texts["ownData.title"],
    lead: texts["ownData.lead"],
    wide: true,
    body: html`<ul class="entries">${model.people.map((known) => html`<li class="entry">${knownFacts(known, texts, tag)}</li>`)}</ul>
<div class="row">${buttonLink(model.homeUrl, texts["ownSessions.home"], "plain")}${buttonLink(model.sessionsUrl, texts["portal.sessions"], "plain")}</div>`,
  };
}

function knownFacts({ name, email, groups, attributes, accounts, person }: OwnDataModel, texts: Texts, tag: string): Markup {
  const list = (values: readonly string[]) => values.join(", ") || texts["ownData.none"];
  const facts: readonly (readonly [string, string | null])[] = [
    [texts["ownData.email"], email ?? texts["ownSessions.unknown"]],
    ...accounts.map(
      (one) => [fill(texts["ownData.account"], { provider: one.provider }), [one.subject, one.email].filter(Boolean).join(", ")] as const,
    ),
    [texts["ownData.groups"], groups === null ? texts["ownSessions.unknown"] : list(groups)],
    ...attributes.map(({ name: attribute, values }) => [attribute, list(values)] as const),
    ...(person === null
      ? []
      : ([
          [texts["ownData.roles"], list(person.roles)],
          [texts["ownData.teams"], list(person.teams)],
          [texts["ownData.manager"], person.manager],
          [texts["ownData.addresses"], list(person.addresses)],
          [texts["ownData.since"], dateWords(person.since, tag)],
          [texts["ownData.id"], person.id],
        ] as const)),
  ];
  const why =
    person === null || person.why.length === 0
      ? null
      : html`<p class="fine">${texts["ownData.why"]}</p><ul class="fine">${person.why.map((reason) => html`<li>${reason}</li>`)}</ul>`;
  return html`<h2>${name}</h2><dl>${facts.map(([term, value]) => (value === null ? null : fact(term, value)))}</dl>${why}`;
}

/** In UTC, and said so: where the visitor is, the server does not know. */
function dateWords(at: number, tag: string): string {
  return new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC", ...{} }).format(at).concat(" UTC");
}
