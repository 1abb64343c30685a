import { html } from "hono/html";
import type { PageModel } from "../../core/ports/pages.ts";
import { errorKind } from "./error-kind.ts";
import { buttonLink, hiddenFields, pageUrl, requestNumber } from "./html.ts";
import type { PageParts } from "./layout.ts";
import type { Texts } from "./texts.ts";

type Of<Page extends PageModel["page"]> = PageModel & { readonly page: Page };

/** The refusal, error, loop, logout and continue pages; the chooser has a file of its own. */
export function refusalPage(model: Of<"refusal">, texts: Texts, requestId: string): PageParts {
  const words = texts.refusal;
  const { who } = model;
  const shown = who.name ?? who.email ?? who.subject;
  return {
    title: words.title,
    lead: words.lead(model.app),
    body: html`<p class="reason">${words.reasons[model.reason]}</p>
<dl class="who"><dt>${words.signedInAs}</dt><dd class="name">${shown}</dd>
${who.email === null || who.email === shown ? null : html`<dd class="more">${who.email}</dd>`}
<dd class="more">${words.via(who.provider)}</dd></dl>
${buttonLink(model.anotherAccountUrl, words.anotherAccount, "primary")}
${buttonLink(model.logoutUrl, words.logout, "plain")}
<p class="fine">${words.help}</p>
${requestNumber(texts.requestId, requestId)}`,
  };
}

export function errorPage(model: Of<"error">, texts: Texts, requestId: string): PageParts {
  return {
    title: texts.error.titles[errorKind(model.code)],
    lead: texts.error.words[model.code],
    body: html`${buttonLink(model.startAgainUrl, texts.error.startAgain, "primary")}
${requestNumber(texts.requestId, requestId)}`,
  };
}

export function loopPage(model: Of<"loop">, texts: Texts, requestId: string): PageParts {
  return {
    title: texts.loop.title,
    lead: texts.loop.lead(model.app),
    body: html`<ul class="causes">${model.causes.map((cause) => html`<li>${texts.loop.causes[cause]}</li>`)}</ul>
${buttonLink(model.startAgainUrl, texts.loop.startAgain, "primary")}
${requestNumber(texts.requestId, requestId)}`,
  };
}

export function confirmLogoutPage(model: Of<"confirm-logout">, texts: Texts): PageParts {
  const words = texts.confirmLogout;
  return {
    title: words.title,
    lead: words.lead(model.who),
    body: html`<form method="post" action="${pageUrl(model.action)}"><button class="button primary" type="submit">${words.submit}</button></form>
${buttonLink(model.backUrl, words.back, "plain")}`,
  };
}

export function signedOutPage(model: Of<"signed-out">, texts: Texts): PageParts {
  const words = texts.signedOut;
  return {
    title: words.title,
    lead: model.complete ? words.complete : words.incomplete,
    body: pageUrl(model.startAgainUrl) === null ? null : html`${buttonLink(model.startAgainUrl, words.startAgain, "primary")}`,
  };
}

/** The only script there is: posts the form at once. Without scripts the button does. Constant, so that the CSP names its hash. */
export const continueScript = "document.forms[0].submit()";

export function continuePage(model: Of<"continue">, texts: Texts): PageParts {
  const words = texts.continue;
  return {
    title: words.title,
    lead: words.lead,
    body: html`<form method="post" action="${pageUrl(model.action)}">${hiddenFields(model.fields)}<button class="button primary" type="submit">${words.submit}</button></form>`,
    tail: html`<script>${continueScript}</script>`,
  };
}
