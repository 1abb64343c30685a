import { html } from "hono/html";
import { type Account, isOut, type Person } from "../../core/person.ts";
import type { PersonExplanation } from "../../core/ports/directory.ts";
import type { Markup } from "../../pages/layout.ts";
import { fill } from "../../pages/texts/texts.ts";
import { callerOf, deskOf, endPerson, type PersonSeen, seePerson } from "../api/people.ts";
import {
  actButton,
  type ConsoleAnswer,
  type ConsoleCall,
  type ConsolePage,
  facts,
  field,
  numberWords,
  stateBadge,
  timeWords,
  urlOf,
} from "./page.ts";
import { sessionTable } from "./sessions.ts";

const pageSize = 50;

/** People of the directory: found, understood, and changed. Each change has reached sessions before the page comes back. */
export const peoplePage: ConsolePage = {
  place: "people",
  name: "nav.people",
  isThere: ({ people }) => people() !== null,
  show: list,
  showOne: one,
  acts: {
    end: (call) => back(call, async (id) => (await endPerson(call.operations, call.operator, id)) >= 0),
    deactivate: (call) => back(call, (id) => deskOf(call.operations).people.setBlocked(id, true, callerOf(call.operator))),
    activate: (call) => back(call, (id) => deskOf(call.operations).people.setBlocked(id, false, callerOf(call.operator))),
    "local-login": (call) =>
      back(call, (id) => {
        const values = call.given.forbid === "true" ? ["forbidden"] : null;
        return deskOf(call.operations).people.setAttribute(id, "localLogin", values, callerOf(call.operator));
      }),
    merge: (call) => back(call, (id) => deskOf(call.operations).people.merge(id, (call.given.from ?? "").trim(), callerOf(call.operator))),
    split: async (call) => {
      const { id = "" } = call.given;
      const parted = await deskOf(call.operations).people.split(id, accountsIn(call.given), callerOf(call.operator));
      return { redirect: urlOf(`people/${encodeURIComponent(parted ?? id)}`, { done: parted === null ? "no" : "yes" }) };
    },
    forget: async (call) => {
      const done = await deskOf(call.operations).people.remove(call.given.id ?? "", callerOf(call.operator));
      return { redirect: urlOf("people", { done: done ? "yes" : "no" }) };
    },
  },
};

/** After an act on one person, that person's page with what became of it. */
async function back({ given }: ConsoleCall, act: (id: string) => Promise<boolean>): Promise<ConsoleAnswer> {
  const { id = "" } = given;
  return { redirect: urlOf(`people/${encodeURIComponent(id)}`, { done: (await act(id)) ? "yes" : "no" }), mayBeOwn: true };
}

/** The boxes that were ticked: each holds its account as JSON. */
function accountsIn(given: ConsoleCall["given"]): readonly { readonly provider: string; readonly subject: string }[] {
  return Object.entries(given).flatMap(([name, value]) => {
    if (!name.startsWith("account.") || value === undefined) return [];
    const pair = parsed(value);
    const [provider, subject] = Array.isArray(pair) ? (pair as unknown[]) : [];
    return typeof provider === "string" && typeof subject === "string" ? [{ provider, subject }] : [];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function notice({ given, texts }: ConsoleCall): Markup | null {
  if (given.done === undefined) return null;
  return html`<p class="told" role="status" tabindex="-1" autofocus>${given.done === "yes" ? texts["people.done"] : texts["people.notDone"]}</p>`;
}

const nameOf = ({ attributes, addresses, accounts, id }: Person) =>
  attributes.name?.values[0] ?? addresses[0] ?? accounts[0]?.email ?? accounts[0]?.user?.userName ?? accounts[0]?.subject ?? id;

function stateOf(person: Person, { texts }: ConsoleCall): Markup {
  if (person.blocked) return stateBadge("bad", texts["people.blocked"]);
  return isOut(person) ? stateBadge("bad", texts["people.out"]) : stateBadge("good", texts["people.active"]);
}

async function list(call: ConsoleCall) {
  const { texts, given, operations } = call;
  const q = given.q ?? "";
  const offset = /^\d{1,6}$/.test(given.offset ?? "") ? Number(given.offset) : 0;
  const { people, total } = await deskOf(operations).people.search(q, { offset, limit: pageSize });
  const more = offset + people.length < total ? urlOf("people", { q, offset: String(offset + pageSize) }) : null;
  return {
    title: texts["people.title"],
    lead: texts["people.lead"],
    body: html`${notice(call)}
<form class="fields" method="get" action="/console/people" role="search">${field("q", texts["people.search"], q, "search")}<div class="row whole"><button class="button primary" type="submit">${texts["words.search"]}</button><a class="button plain" href="${urlOf("people")}">${texts["words.clear"]}</a></div></form>
<div class="titled">${stateBadge("plainly", fill(texts["people.found"], { count: numberWords(total, call) }))}</div>
${people.length === 0 ? html`<p class="reason">${texts["people.none"]}</p>` : table(people, call)}
${more === null ? null : html`<div class="row"><a class="button plain" href="${more}">${texts["words.more"]}</a></div>`}`,
  };
}

function table(people: readonly Person[], call: ConsoleCall): Markup {
  const { texts } = call;
  const headings = ["words.person", "people.accounts", "words.seen", "people.state"] as const;
  return html`<div class="scroll"><table class="stack"><caption>${texts["people.title"]}</caption><thead><tr>${headings.map((key) => html`<th scope="col">${texts[key]}</th>`)}</tr></thead>
<tbody>${people.map((person) => {
    const accounts = person.accounts.map(({ provider, subject, user }) => `${provider}: ${subject ?? user?.userName ?? "–"}`).join(", ");
    const seen = person.seenAt === null ? texts["words.never"] : timeWords(person.seenAt, call);
    return html`<tr><th scope="row"><a href="${urlOf(`people/${encodeURIComponent(person.id)}`)}">${nameOf(person)}</a>${person.addresses.length === 0 ? null : html`<span class="more">${person.addresses.join(", ")}</span>`}</th>
<td data-label="${texts["people.accounts"]}">${accounts}</td><td data-label="${texts["words.seen"]}">${seen}</td><td data-label="${texts["people.state"]}">${stateOf(person, call)}</td></tr>`;
  })}</tbody></table></div>`;
}

async function one(call: ConsoleCall, id: string) {
  const { texts, operations } = call;
  if ((await deskOf(operations).people.person(id)) === null) return null;
  const seen = await seePerson(operations, id);
  const { person, sessions } = seen;
  return {
    title: nameOf(person),
    lead: html`<a href="${urlOf("people")}">${texts["people.title"]}</a>`,
    body: html`${notice(call)}<section class="card">${facts([
      [texts["people.state"], stateOf(person, call)],
      [texts["people.addresses"], person.addresses.join(", ") || texts["words.none"]],
      [texts["words.seen"], person.seenAt === null ? texts["words.never"] : timeWords(person.seenAt, call)],
      [texts["people.since"], timeWords(person.createdAt, call)],
      ...Object.entries(person.attributes).map(([name, { values, from }]) => [name, `${values.join(", ")} (${from})`] as const),
      [texts["people.id"], html`<code>${person.id}</code>`],
    ])}${acts(person, call)}</section>
<section class="card"><h2>${texts["people.accounts"]}</h2>${accountList(seen, call)}</section>
<section class="card"><h2>${texts["sessions.title"]}</h2>${sessions.length === 0 ? html`<p class="reason">${texts["sessions.none"]}</p>` : sessionTable(sessions, call)}</section>`,
  };
}

function acts(person: Person, call: ConsoleCall): Markup | null {
  const { texts } = call;
  const { id, blocked } = person;
  if (!call.operator.mayAct) return null;
  const isForbidden = person.attributes.localLogin !== undefined;
  const button = (act: string, label: string, look: string, more: Readonly<Record<string, string>> = {}) =>
    actButton(call, `people/${act}`, { id, ...more }, label, { look });
  return html`<div class="row">${button("end", texts["people.end"], "danger")}${
    blocked ? button("activate", texts["people.activate"], "plain") : button("deactivate", texts["people.deactivate"], "danger")
  }${button("local-login", isForbidden ? texts["people.allowLocal"] : texts["people.forbidLocal"], "plain", { forbid: String(!isForbidden) })}</div>
<form class="fields" method="post" action="/console/people/merge"><input type="hidden" name="id" value="${id}"><div class="whole">${field("from", texts["people.mergeWith"], "")}</div><div class="row whole"><button class="button plain" type="submit">${texts["people.merge"]}</button></div></form>
<details><summary>${texts["people.forget"]}</summary><p class="reason">${texts["people.forgetWords"]}</p><div class="row">${button("forget", texts["people.forget"], "danger")}</div></details>`;
}

/** Each account with what it gives and why; with a box, where accounts can be parted. */
function accountList({ person, accounts }: PersonSeen, call: ConsoleCall): Markup {
  const { texts, operator } = call;
  const mayPart = operator.mayAct && person.accounts.length > 1;
  const parts = accounts.map(
    ({ account, now }, at) =>
      html`<h3>${account.provider}</h3>${accountFacts(account, now, call)}${
        !mayPart || account.subject === null
          ? null
          : html`<p><label><input type="checkbox" name="account.${at}" value="${JSON.stringify([account.provider, account.subject])}"> ${texts["people.part"]}</label></p>`
      }`,
  );
  if (!mayPart) return html`${parts}`;
  return html`<form method="post" action="/console/people/split"><input type="hidden" name="id" value="${person.id}">${parts}<div class="row"><button class="button plain" type="submit">${texts["people.split"]}</button></div></form>`;
}

function accountFacts(account: Account, now: PersonExplanation | null, call: ConsoleCall): Markup {
  const { texts } = call;
  const { user, removed } = account;
  const scim = removed
    ? texts["people.deleted"]
    : user === null
      ? null
      : `${user.userName}${user.active ? "" : ` – ${texts["people.out"]}`}`;
  const names = (list: readonly string[] | undefined) => (list === undefined || list.length === 0 ? texts["words.none"] : list.join(", "));
  return facts([
    [texts["words.subject"], account.subject ?? texts["words.never"]],
    [texts["words.email"], account.email],
    [texts["people.via"], texts[`people.via.${account.via}`]],
    ["SCIM", scim],
    [texts["words.seen"], account.seenAt === null ? texts["words.never"] : timeWords(account.seenAt, call)],
    [texts["people.roles"], names(now?.roles)],
    [texts["people.teams"], names(now?.teams)],
    [texts["words.groups"], names(now?.groups)],
    [texts["people.manager"], now?.manager ?? null],
    [
      texts["people.why"],
      now === null || now.why.length === 0 ? null : html`<ul>${now.why.map((reason) => html`<li>${reason}</li>`)}</ul>`,
    ],
  ]);
}
