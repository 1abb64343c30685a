import { html } from "hono/html";
import type { PageModel } from "../../core/ports/pages.ts";
import { hiddenFields, type Markup, pageUrl, requestNumber } from "./html.ts";
import type { PageParts } from "./layout.ts";
import type { Texts } from "./texts.ts";

type Chooser = PageModel & { readonly page: "chooser" };

/** Where to sign in: by e-mail address, or by name. A GET form and links, so that nothing needs a script. */
export function chooserPage(model: Chooser, texts: Texts, requestId: string): PageParts {
  const words = texts.chooser;
  const problem = model.problem === null ? null : words.problems[model.problem];
  const title = problem === null ? words.title : `${words.problemPrefix}${words.title}`;
  return {
    title: words.title,
    windowTitle: model.app === null ? title : `${title} · ${model.app}`,
    lead: words.lead(model.app),
    body: html`${problem === null ? null : html`<p class="problem" id="problem" role="alert">${problem}</p>`}
<form method="get" action="${pageUrl(model.action)}">${hiddenFields(model.fields)}
<label for="email">${words.email}</label>
${emailField(model)}
<button class="button primary" type="submit">${words.submit}</button></form>
${
  model.providers.length === 0
    ? null
    : html`<p class="or">${words.or}</p>
<nav aria-label="${words.providers}"><ul class="choices">${model.providers.map(({ url, name }) => choice(url, words.continueWith(name)))}</ul></nav>`
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
