import { createHash } from "node:crypto";
import type { Answer } from "../core/answer.ts";
import type { PageModel, RenderPage } from "../core/ports/pages.ts";
import type { InsecureSettings, LocaleSettings, ProviderSettings } from "../core/settings.ts";
import { chooserPage, confirmLogoutPage, continuePage, continueScript, errorPage, loopPage, refusalPage, signedOutPage } from "./bodies.ts";
import { layOut, type PageParts } from "./layout.ts";
import { style } from "./style.ts";
import { createChooseLocale } from "./texts/locale.ts";
import type { Texts } from "./texts/texts.ts";

export interface RenderPageDeps {
  readonly locale: LocaleSettings;
  /** Whether a form's way may lead over http://. */
  readonly insecure: Pick<InsecureSettings, "plainHttp" | "httpProviders">;
  /** So that visitors read a provider's name where a page model holds its id. */
  readonly providers?: readonly Pick<ProviderSettings, "id" | "name">[];
}

/** Renders the gateway's own pages: escaped, kept by no cache, framed by nobody, in the visitor's language. */
export function createRenderPage(deps: RenderPageDeps): RenderPage {
  const schemes = deps.insecure.plainHttp || deps.insecure.httpProviders ? "https: http:" : "https:";
  const chooseLocale = createChooseLocale(deps.locale);
  const nameOf = (id: string) => deps.providers?.find((provider) => provider.id === id)?.name ?? id;
  return (status, given, { requestId, acceptLanguage }) => {
    const model = given.page === "refusal" ? { ...given, who: { ...given.who, provider: nameOf(given.who.provider) } } : given;
    const { tag, texts } = chooseLocale(acceptLanguage);
    return {
      status,
      headers: [...headersOf(model, schemes), ["Content-Language", tag], ["X-Request-Id", requestId]],
      body: layOut(tag, partsOf(model, texts, requestId)),
      close: false,
    };
  };
}

function partsOf(model: PageModel, texts: Texts, requestId: string): PageParts {
  switch (model.page) {
    case "chooser":
      return chooserPage(model, texts, requestId);
    case "refusal":
      return refusalPage(model, texts, requestId);
    case "error":
      return errorPage(model, texts, requestId);
    case "loop":
      return loopPage(model, texts, requestId);
    case "confirm-logout":
      return confirmLogoutPage(model, texts);
    case "signed-out":
      return signedOutPage(model, texts);
    case "continue":
      return continuePage(model, texts);
  }
}

function headersOf(model: PageModel, schemes: string): Answer["headers"] {
  return [
    ["Content-Type", "text/html; charset=utf-8"],
    ["Cache-Control", "no-store"],
    ["Content-Security-Policy", policyOf(model, schemes)],
    ["Cross-Origin-Resource-Policy", "same-origin"],
    // Not no-referrer: with it browsers send `Origin: null` with our own forms, and logging out checks Origin and Referer.
    ["Referrer-Policy", "same-origin"],
    ["Vary", "Accept-Language"],
    ["X-Content-Type-Options", "nosniff"],
    ["X-Frame-Options", "DENY"],
  ];
}

/**
 * Nothing is loaded from anywhere; the one style is named by its hash. Chromium applies `form-action` to the redirects after a
 * form as well, and ours lead to providers whose addresses are theirs to choose: so a page with a form names schemes, others none.
 */
function policyOf(model: PageModel, schemes: string): string {
  const hasForm = model.page === "chooser" || model.page === "confirm-logout" || model.page === "continue";
  const script = model.page === "continue" ? [`script-src ${hashOf(continueScript)}`] : [];
  return [
    "default-src 'none'",
    `style-src ${styleHash}`,
    ...script,
    "img-src data:",
    "base-uri 'none'",
    `form-action ${hasForm ? `'self' ${schemes}` : "'none'"}`,
    "frame-ancestors 'none'",
  ].join("; ");
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

const styleHash = hashOf(style);
