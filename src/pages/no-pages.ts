import { html } from "hono/html";
import type { BrandingSettings } from "../core/branding.ts";
import type { RefusalReason } from "../core/decision.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { PageModel } from "../core/ports/pages.ts";
import { buttonLink, type Markup, type PageParts, pageUrl, requestNumber } from "./layout.ts";
import { type ErrorKind, errorWords, fill, type Texts } from "./texts/texts.ts";

type Of<Page extends PageModel["page"]> = PageModel & { readonly page: Page };

/** What a page that says no knows beside its model. */
export interface NoContext {
  readonly requestId: string;
  readonly support: BrandingSettings["support"];
  /** Where the visitor may go on: the app that was asked, the same address once more, the start page. */
  readonly app: { readonly name: string; readonly url: string } | null;
  readonly again: string | null;
  readonly home: string | null;
}

/** Reasons that another account would not meet: of a rule with a group, one may be in it. */
const accountMayHelp: readonly RefusalReason[] = ["no-rule-matched", "membership-unknown", "denied-by-rule", "identity-unfit-for-header"];

/** Who you are, which page, why not, and where to go from here. The loudest button is the one that most likely helps. */
export function refusalPage(model: Of<"refusal">, texts: Texts, { requestId, support }: NoContext): PageParts {
  const { who, reason } = model;
  const shown = who.name ?? who.email ?? who.subject;
  const elsewhere = model.path !== "/";
  const anotherUrl = accountMayHelp.includes(reason) ? model.anotherAccountUrl : null;
  const anotherFirst = !elsewhere && reason !== "denied-by-rule";
  const another = buttonLink(anotherUrl, texts["refusal.anotherAccount"], anotherFirst ? "primary" : "plain");
  const openApp = elsewhere ? buttonLink(model.appUrl, fill(texts["refusal.openApp"], { app: model.app }), "primary") : null;
  return {
    title: texts["refusal.title"],
    app: model.app,
    lead: fill(texts["refusal.lead"], { app: model.app }),
    body: html`<p class="reason">${texts[`refusal.reason.${reason}`]}</p>
<dl class="who"><dt>${texts["refusal.signedInAs"]}</dt><dd class="name">${shown}</dd>
${who.email === null || who.email === shown ? null : html`<dd class="more">${who.email}</dd>`}
<dd class="more">${fill(texts["refusal.via"], { provider: who.provider })}</dd>
${elsewhere ? html`<dt>${texts["refusal.page"]}</dt><dd class="more">${model.path.slice(0, 200)}</dd>` : null}</dl>
${openApp}
${another}
${buttonLink(model.logoutUrl, texts["refusal.logout"], "plain")}
${support === null ? html`<p class="fine">${texts["refusal.help"]}</p>` : helpFrom(texts["refusal.helpFrom"], support)}
${requestNumber(texts.requestId, requestId)}`,
  };
}

/** What went wrong, in one sentence, and at least one way on. */
export function errorPage(model: Of<"error">, texts: Texts, context: NoContext): PageParts {
  const { requestId, support, app, again, home } = context;
  const kind = errorKind(model.code);
  const ways = [
    { url: model.startAgainUrl, label: texts["error.startAgain"] },
    { url: kind === "app-down" || kind === "later" ? again : null, label: texts["error.tryAgain"] },
    { url: model.startAgainUrl === null ? (app?.url ?? null) : null, label: fill(texts["error.openApp"], { app: app?.name ?? "" }) },
    { url: app === null ? home : null, label: texts["error.home"] },
  ].filter(({ url }) => pageUrl(url) !== null);
  return {
    title: texts[`error.title.${kind}`],
    app: app?.name ?? null,
    lead: errorWords(texts, model.code),
    body: html`${ways.map(({ url, label }, at) => buttonLink(url, label, at === 0 ? "primary" : "plain"))}
${support === null ? null : helpFrom(texts["error.helpFrom"], support)}
${requestNumber(texts.requestId, requestId)}`,
  };
}

/** The sentence with the operators' contact in its place, as a link. */
function helpFrom(sentence: string, support: NonNullable<BrandingSettings["support"]>): Markup {
  const [before = "", after = ""] = sentence.split("{support}");
  return html`<p class="fine">${before}<a href="${support.url}">${support.text}</a>${after}</p>`;
}

const refusedLogins: readonly ErrorCode[] = [
  "login.account-disabled",
  "login.account-expired",
  "login.account-locked",
  "login.account-not-now",
  "login.password-expired",
  "login.provider-refused",
  "login.email-domain",
  "login.identity-incomplete",
  "saml.status",
  "saml.attribute-missing",
];
const passing: readonly ErrorCode[] = [
  "ldap.unreachable",
  "ldap.tls",
  "ldap.service-account",
  "ldap.answer",
  "ldap.busy",
  "kerberos.library",
  "kerberos.busy",
  "kerberos.keytab",
  "login.provider-unavailable",
  "login.provider-busy",
  "saml.metadata-unusable",
  "store.unavailable",
  "gateway.overloaded",
  "login.too-many",
  "gateway.draining",
];

/** The heading above a failure. */
function errorKind(code: ErrorCode): ErrorKind {
  if (
    code === "request.not-found" ||
    code === "request.not-proxied" ||
    code === "request.host-unknown" ||
    code === "login.provider-unknown"
  )
    return "not-found";
  if (refusedLogins.includes(code)) return "not-let-in";
  if (passing.includes(code)) return "later";
  const [area] = code.split(".");
  if (code === "saml.logout-rejected") return "logout";
  if (area === "login" || area === "bearer" || area === "saml" || area === "kerberos" || area === "setup") return "login";
  if (area === "logout") return "logout";
  if (area === "upstream") return "app-down";
  return area === "request" ? "request" : "internal";
}
