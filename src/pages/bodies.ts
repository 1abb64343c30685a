import { html } from "hono/html";
import type { ErrorCode } from "../core/errors.ts";
import type { PageModel } from "../core/ports/pages.ts";
import { buttonLink, hiddenFields, type Markup, type PageParts, pageUrl, requestNumber } from "./layout.ts";
import { type ErrorKind, errorWords, fill, type Texts } from "./texts/texts.ts";

type Of<Page extends PageModel["page"]> = PageModel & { readonly page: Page };

/** The refusal, error, loop, logout and continue pages; the chooser has a file of its own. */
export function refusalPage(model: Of<"refusal">, texts: Texts, requestId: string): PageParts {
  const { who } = model;
  const shown = who.name ?? who.email ?? who.subject;
  return {
    title: texts["refusal.title"],
    lead: fill(texts["refusal.lead"], { app: model.app }),
    body: html`<p class="reason">${texts[`refusal.reason.${model.reason}`]}</p>
<dl class="who"><dt>${texts["refusal.signedInAs"]}</dt><dd class="name">${shown}</dd>
${who.email === null || who.email === shown ? null : html`<dd class="more">${who.email}</dd>`}
<dd class="more">${fill(texts["refusal.via"], { provider: who.provider })}</dd></dl>
${buttonLink(model.anotherAccountUrl, texts["refusal.anotherAccount"], "primary")}
${buttonLink(model.logoutUrl, texts["refusal.logout"], "plain")}
<p class="fine">${texts["refusal.help"]}</p>
${requestNumber(texts.requestId, requestId)}`,
  };
}

export function errorPage(model: Of<"error">, texts: Texts, requestId: string): PageParts {
  return {
    title: texts[`error.title.${errorKind(model.code)}`],
    lead: errorWords(texts, model.code),
    body: html`${buttonLink(model.startAgainUrl, texts["error.startAgain"], "primary")}
${requestNumber(texts.requestId, requestId)}`,
  };
}

export function loopPage(model: Of<"loop">, texts: Texts, requestId: string): PageParts {
  return {
    title: texts["loop.title"],
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

/** The only script there is: posts the form at once. Without scripts the button does. Constant, so that the CSP names its hash. */
export const continueScript = "document.forms[0].submit()";

export function continuePage(model: Of<"continue">, texts: Texts): PageParts {
  return {
    title: texts["continue.title"],
    lead: texts["continue.lead"],
    body: html`<form method="post" action="${pageUrl(model.action)}">${hiddenFields(model.fields)}<button class="button primary" type="submit">${texts["continue.submit"]}</button></form>`,
    tail: html`<script>${continueScript}</script>`,
  };
}

type Chooser = PageModel & { readonly page: "chooser" };

/** Where to sign in: by e-mail address, or by name. A GET form and links, so that nothing needs a script. */
export function chooserPage(model: Chooser, texts: Texts, requestId: string): PageParts {
  const problem = model.problem === null ? null : texts[`chooser.problem.${model.problem}`];
  const title = problem === null ? texts["chooser.title"] : `${texts["chooser.problemPrefix"]}${texts["chooser.title"]}`;
  return {
    title: texts["chooser.title"],
    windowTitle: model.app === null ? title : `${title} · ${model.app}`,
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

const refusedLogins: readonly ErrorCode[] = [
  "login.provider-refused",
  "login.email-domain",
  "login.identity-incomplete",
  "saml.status",
  "saml.attribute-missing",
];
const passing: readonly ErrorCode[] = [
  "login.provider-unavailable",
  "saml.metadata-unusable",
  "store.unavailable",
  "gateway.overloaded",
  "login.too-many",
  "gateway.draining",
];

/** The heading under which a failure is told. */
function errorKind(code: ErrorCode): ErrorKind {
  if (code === "request.not-found" || code === "request.host-unknown" || code === "login.provider-unknown") return "not-found";
  if (refusedLogins.includes(code)) return "not-let-in";
  if (passing.includes(code)) return "later";
  const [area] = code.split(".");
  if (code === "saml.logout-rejected") return "logout";
  if (area === "login" || area === "bearer" || area === "saml") return "login";
  if (area === "logout") return "logout";
  if (area === "upstream") return "app-down";
  return area === "request" ? "request" : "internal";
}
