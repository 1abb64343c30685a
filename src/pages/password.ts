import { html } from "hono/html";
import type { PageModel } from "../core/ports/pages.ts";
import { buttonLink, hiddenFields, type PageParts, pageUrl, requestNumber } from "./layout.ts";
import { fill, type Texts } from "./texts/texts.ts";

type Of<Page extends PageModel["page"]> = PageModel & { readonly page: Page };

/**
 * Name and password. Password managers find their way by the labels, the names and `autocomplete`; nothing needs a script. After a wrong
 * password the name stays and the cursor is where the password goes.
 */
export function passwordPage(model: Of<"password">, texts: Texts, requestId: string): PageParts {
  const problem = model.problem === null ? null : texts[`password.problem.${model.problem}`];
  const title = `${texts["password.title"]} · ${model.provider}`;
  const described = problem === null ? null : html` aria-describedby="problem"`;
  const invalid = model.problem === "wrong" ? html` aria-invalid="true"` : null;
  const focus = html` autofocus`;
  return {
    title: texts["password.title"],
    windowTitle: problem === null ? title : `${texts["password.problemPrefix"]}${title}`,
    lead: fill(texts["password.lead"], { provider: model.provider }),
    body: html`${problem === null ? null : html`<p class="problem" id="problem" role="alert">${problem}</p>`}
<form method="post" action="${pageUrl(model.action)}">${hiddenFields(model.fields)}
<label for="username">${texts["password.login"]}</label>
<input class="text" id="username" name="username" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="256" required value="${model.login}"${described}${invalid}${model.login === "" ? focus : null}>
<label class="next" for="password">${texts["password.password"]}</label>
<input class="text" id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required${described}${invalid}${model.login === "" ? null : focus}>
<button class="button primary" type="submit">${texts["password.submit"]}</button></form>
${problem === null ? null : requestNumber(texts.requestId, requestId)}`,
  };
}

/** Goes on once the fragment is noted, and leaves no entry in the browser's history. Without scripts the page's own refresh leads on. */
const onwardScript = `location.replace(document.querySelector("a.button").href)`;

/** Leads on by itself: `refresh` works without a script, in the body of a 401 too. The button is for browsers that do not follow it. */
export function onwardPage(model: Of<"onward">, texts: Texts): PageParts {
  return {
    title: texts["onward.title"],
    lead: texts["onward.lead"],
    refresh: pageUrl(model.url) ?? "/",
    body: html`${buttonLink(model.url, texts["onward.submit"], "primary")}`,
    ...(model.byScript === true ? { script: onwardScript } : {}),
  };
}
