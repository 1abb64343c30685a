import { html } from "hono/html";
import type { PageModel } from "../core/ports/pages.ts";
import { hiddenFields, type Markup, type PageParts, pageUrl, requestNumber } from "./layout.ts";
import { fill, type Texts } from "./texts/texts.ts";

type Of<Page extends PageModel["page"]> = PageModel & { readonly page: Page };

/**
 * Asks the browser for a passkey, or to make one, and posts its answer (WebAuthn Level 3, 5.1). The form is hidden until the script runs:
 * without scripts there is the code. Constant, so that the CSP names its hash.
 */
const passkeyScript = `
const form = document.getElementById("passkey");
form.hidden = !window.PublicKeyCredential;
form.addEventListener("submit", async (event) => {
  if (form.elements.response.value) return;
  event.preventDefault();
  const failed = document.getElementById("passkey-failed");
  failed.hidden = true;
  try {
    const given = JSON.parse(form.dataset.options);
    const credential = form.dataset.kind === "get"
      ? await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(given) })
      : await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(given) });
    form.elements.response.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch {
    failed.hidden = false;
  }
});
`;

interface PasskeyWords {
  readonly kind: "get" | "create";
  /** What the browser is given, as JSON. */
  readonly options: string;
  readonly label: string;
  readonly failed: string;
}

function passkeyForm(action: string, fields: Readonly<Record<string, string>>, { kind, options, label, failed }: PasskeyWords): Markup {
  return html`<form id="passkey" method="post" action="${pageUrl(action)}" data-kind="${kind}" data-options="${options}" hidden>${hiddenFields(fields)}
<input type="hidden" name="response" value="">
<p class="problem" id="passkey-failed" role="alert" hidden>${failed}</p>
<button class="button primary" type="submit">${label}</button></form>`;
}

/** The second factor: a passkey where the account has one and the browser knows them, and a field for a code. */
export function secondFactorPage(model: Of<"second-factor">, texts: Texts, requestId: string): PageParts {
  const problem = model.problem === null ? null : texts[`secondFactor.problem.${model.problem}`];
  const title = `${texts["secondFactor.title"]} · ${model.provider}`;
  const described = problem === null ? null : html` aria-describedby="problem" aria-invalid="true"`;
  return {
    title: texts["secondFactor.title"],
    windowTitle: problem === null ? title : `${texts["password.problemPrefix"]}${title}`,
    lead: model.code ? texts["secondFactor.lead"] : texts["secondFactor.leadPasskey"],
    body: html`${problem === null ? null : html`<p class="problem" id="problem" role="alert">${problem}</p>`}
${model.passkey === null ? null : passkeyForm(model.action, model.fields, { kind: "get", options: model.passkey, label: texts["secondFactor.passkey"], failed: texts["secondFactor.passkeyFailed"] })}
${
  model.code
    ? html`<form method="post" action="${pageUrl(model.action)}">${hiddenFields(model.fields)}
<label for="code">${texts["secondFactor.code"]}</label>
<input class="text" id="code" name="code" type="text" inputmode="text" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" maxlength="32" required autofocus${described}>
<button class="button ${model.passkey === null ? "primary" : "plain"}" type="submit">${texts["secondFactor.submit"]}</button></form>
<p class="fine">${texts["secondFactor.recovery"]}</p>`
    : html`<noscript><p class="problem">${texts["secondFactor.needsScript"]}</p></noscript>`
}
${problem === null ? null : requestNumber(texts.requestId, requestId)}`,
    ...(model.passkey === null ? {} : { script: passkeyScript }),
  };
}

/** Adds a passkey to an emergency account, or says that it is there. */
export function newPasskeyPage(model: Of<"new-passkey">, texts: Texts): PageParts {
  if (model.done) return { title: texts["newPasskey.doneTitle"], lead: fill(texts["newPasskey.done"], { login: model.login }), body: null };
  const words = {
    kind: "create",
    options: model.options,
    label: texts["newPasskey.submit"],
    failed: texts["secondFactor.passkeyFailed"],
  } as const;
  return {
    title: texts["newPasskey.title"],
    lead: fill(texts["newPasskey.lead"], { login: model.login }),
    body: html`${passkeyForm(model.action, model.fields, words)}
<noscript><p class="problem">${texts["secondFactor.needsScript"]}</p></noscript>`,
    script: passkeyScript,
  };
}
