import { html } from "hono/html";
import type { PageModel } from "../core/ports/pages.ts";
import { buttonLink, hiddenFields, type Markup, type PageParts, pageUrl, requestNumber } from "./layout.ts";
import { fill, type Texts } from "./texts/texts.ts";

type Of<Page extends PageModel["page"]> = PageModel & { readonly page: Page };

/** The pages on the way in and out; those that say no are in `no-pages.ts`. */

export function loopPage(model: Of<"loop">, texts: Texts, requestId: string): PageParts {
  return {
    title: texts["loop.title"],
    app: model.app,
    lead: model.app === null ? texts["loop.leadWithoutApp"] : fill(texts["loop.lead"], { app: model.app }),
    body: html`<ul class="causes">${model.causes.map((cause) => html`<li>${texts[`loop.cause.${cause}`]}</li>`)}</ul>
${buttonLink(model.startAgainUrl, texts["loop.startAgain"], "primary")}
${requestNumber(texts.requestId, requestId)}`,
  };
}

export function confirmLogoutPage(model: Of<"confirm-logout">, texts: Texts): PageParts {
  return {
    title: texts["confirmLogout.title"],
    lead: model.who === null ? texts["confirmLogout.leadWithoutName"] : fill(texts["confirmLogout.lead"], { who: model.who }),
    body: html`<form method="post" action="${pageUrl(model.action)}"><button class="button primary" type="submit">${texts["confirmLogout.submit"]}</button></form>
${buttonLink(model.backUrl, texts["confirmLogout.back"], "plain")}`,
  };
}

export function signedOutPage(model: Of<"signed-out">, texts: Texts): PageParts {
  return {
    title: texts["signedOut.title"],
    lead: model.complete ? texts["signedOut.complete"] : texts["signedOut.incomplete"],
    body: pageUrl(model.startAgainUrl) === null ? null : html`${buttonLink(model.startAgainUrl, texts["signedOut.startAgain"], "primary")}`,
  };
}

export function stillSignedInPage(model: Of<"still-signed-in">, texts: Texts): PageParts {
  return {
    title: texts["stillSignedIn.title"],
    lead: fill(texts["stillSignedIn.lead"], { who: model.who }),
    body: html`${buttonLink(model.logoutUrl, texts["stillSignedIn.submit"], "primary")}`,
  };
}

/** The only script there is: posts the form at once. Without scripts the button does. Constant, so that the CSP names its hash. */
export const continueScript = "document.forms[0].submit()";

export function continuePage(model: Of<"continue">, texts: Texts): PageParts {
  return {
    title: texts["continue.title"],
    lead: texts["continue.lead"],
    body: html`<form method="post" action="${pageUrl(model.action)}">${hiddenFields(model.fields)}<button class="button primary" type="submit">${texts["continue.submit"]}</button></form>`,
    script: continueScript,
  };
}

type Chooser = PageModel & { readonly page: "chooser" };

/** Where to sign in: by e-mail address, or by name. A GET form and links, so that nothing needs a script. */
export function chooserPage(model: Chooser, texts: Texts, requestId: string): PageParts {
  const problem = model.problem === null ? null : texts[`chooser.problem.${model.problem}`];
  const title = problem === null ? texts["chooser.title"] : `${texts["chooser.problemPrefix"]}${texts["chooser.title"]}`;
  return {
    title: texts["chooser.title"],
    windowTitle: title,
    app: model.app,
    lead: model.app === null ? texts["chooser.leadWithoutApp"] : fill(texts["chooser.lead"], { app: model.app }),
    body: html`${problem === null ? null : html`<p class="problem" id="problem" role="alert">${problem}</p>`}
<form method="get" action="${pageUrl(model.action)}">${hiddenFields(model.fields)}
<label for="email">${texts["chooser.email"]}</label>
${emailField(model)}
<button class="button primary" type="submit">${texts["chooser.submit"]}</button></form>
${
  model.providers.length === 0
    ? null
    : html`<p class="or">${texts["chooser.or"]}</p>
<nav aria-label="${texts["chooser.providers"]}"><ul class="choices">${model.providers.map(({ url, name }) => choice(url, fill(texts["chooser.continueWith"], { provider: name })))}</ul></nav>`
}
${problem === null ? null : requestNumber(texts.requestId, requestId)}`,
  };
}

/** `type=email` would refuse what the server explains better, and in the page's own language. */
function emailField({ email, problem }: Chooser): Markup {
  const described = problem === null ? "" : "problem";
  const invalid = problem === "invalid" || problem === "unknown-domain";
  return html`<input class="text" id="email" name="login_hint" type="text" inputmode="email" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="254" required autofocus value="${email}"${described === "" ? null : html` aria-describedby="${described}"`}${invalid ? html` aria-invalid="true"` : null}>`;
}

function choice(url: string, label: string): Markup {
  return html`<li><a class="button plain" href="${pageUrl(url) ?? "/"}">${label}</a></li>`;
}
