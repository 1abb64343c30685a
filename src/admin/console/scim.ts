import { html } from "hono/html";
import { deskOf } from "../api/people.ts";
import { type ConsoleCall, type ConsolePage, field, stateBadge, timeWords, urlOf } from "./page.ts";

const shown = 200;

/** The latest SCIM requests of all instances, with what was answered. */
export const scimPage: ConsolePage = {
  place: "scim",
  name: "nav.scim",
  isThere: ({ people, settings }) => people() !== null && settings().providers.some(({ scim }) => scim !== null),
  show: async (call: ConsoleCall) => {
    const { texts, given, operations } = call;
    const provider = given.provider || null;
    const requests = await deskOf(operations).scimRequests.last(provider, shown);
    const headings = ["words.time", "words.provider", "scim.request", "scim.answer", "words.address"] as const;
    return {
      title: texts["scim.title"],
      lead: texts["scim.lead"],
      body: html`<form class="fields" method="get" action="/console/scim" role="search">${field("provider", texts["words.provider"], provider ?? "", "search")}<div class="row whole"><button class="button primary" type="submit">${texts["words.search"]}</button><a class="button plain" href="${urlOf("scim")}">${texts["words.clear"]}</a></div></form>
${
  requests.length === 0
    ? html`<p class="reason">${texts["scim.none"]}</p>`
    : html`<div class="scroll"><table class="stack"><caption>${texts["scim.title"]}</caption><thead><tr>${headings.map((key) => html`<th scope="col">${texts[key]}</th>`)}</tr></thead>
<tbody>${requests.map(
        (one) => html`<tr><th scope="row">${timeWords(one.at, call)}</th><td data-label="${texts["words.provider"]}">${one.provider}</td>
<td data-label="${texts["scim.request"]}"><code>${one.method} ${one.path}</code><span class="more">${one.request}</span></td>
<td data-label="${texts["scim.answer"]}">${stateBadge(one.status < 400 ? "good" : "bad", String(one.status))}${one.detail === null ? null : html`<span class="more">${one.detail}</span>`}</td>
<td data-label="${texts["words.address"]}">${one.client}</td></tr>`,
      )}</tbody></table></div>`
}`,
    };
  },
};
