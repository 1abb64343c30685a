import { createHash } from "node:crypto";
import { html } from "hono/html";
import type { Answer } from "../core/answer.ts";
import { type BrandingSettings, noBranding } from "../core/branding.ts";
import type { KeptFragment, PageModel, RenderPage } from "../core/ports/pages.ts";
import type { InsecureSettings, LocaleSettings, ProviderSettings } from "../core/settings.ts";
import { chooserPage, confirmLogoutPage, continuePage, loopPage, signedOutPage, stillSignedInPage } from "./bodies.ts";
import { keptFormPage } from "./kept-form.ts";
import { layOut, type PageParts } from "./layout.ts";
import { errorPage, type NoContext, refusalPage } from "./no-pages.ts";
import { onwardPage, passwordPage } from "./password.ts";
import { ownDataPage, ownSessionsPage, portalPage } from "./portal.ts";
import { newPasskeyPage, secondFactorPage } from "./second-factor.ts";
import { styleOf } from "./style.ts";
import { createChooseLocale } from "./texts/locale.ts";
import type { Texts } from "./texts/texts.ts";

export interface RenderPageDeps {
  readonly locale: LocaleSettings;
  /** Whether a form's way may lead over http://. */
  readonly insecure: Pick<InsecureSettings, "plainHttp" | "httpProviders">;
  /** So that visitors read a provider's name where a page model holds its id. */
  readonly providers?: readonly Pick<ProviderSettings, "id" | "name">[];
  readonly branding?: BrandingSettings;
  /** People sign in over https: browsers are asked to come that way only (RFC 6797). */
  readonly https?: boolean;
  /** Where the auth origin's first page is; pages that know nothing better lead there. */
  readonly home?: string | null;
  /** The app that answers on a host, with the address at which it begins. */
  readonly appOn?: (hostname: string) => { readonly name: string; readonly url: string } | null;
}

/** Renders the gateway's own pages: escaped, kept by no cache, not framed, in the visitor's language. */
export function createRenderPage(deps: RenderPageDeps): RenderPage {
  const schemes = deps.insecure.plainHttp || deps.insecure.httpProviders ? "https: http:" : "https:";
  const chooseLocale = createChooseLocale(deps.locale);
  const nameOf = (id: string) => deps.providers?.find((provider) => provider.id === id)?.name ?? id;
  const branding = deps.branding ?? noBranding;
  const frame = { style: styleOf(branding), branding, logo: logoUrls(branding) };
  const looks = {
    https: deps.https ?? false,
    schemes,
    styleHash: hashOf(frame.style),
    images: frame.logo === null ? "data:" : "'self' data:",
  };
  return (status, given, { requestId, acceptLanguage, hostname, again, fragment }) => {
    const model = given.page === "refusal" ? { ...given, who: { ...given.who, provider: nameOf(given.who.provider) } } : given;
    const { tag, texts } = chooseLocale(acceptLanguage);
    const app = hostname == null ? null : (deps.appOn?.(hostname) ?? null);
    const context = { requestId, support: branding.support, app, again: again ?? null, home: deps.home ?? null };
    const parts = notingFragment(partsOf(model, texts, context, tag), fragment);
    return {
      status,
      headers: [...headersOf(parts, looks), ["Content-Language", tag], ["X-Request-Id", requestId]],
      body: layOut(tag, frame, parts, texts["footer.label"]),
      close: false,
    };
  };
}

/** By their content, so that a changed picture is fetched; the pages themselves are kept by no cache. */
export function logoUrls({ logo }: BrandingSettings): { readonly light: string; readonly dark: string } | null {
  if (logo === null) return null;
  const urlOf = (ground: "light" | "dark") =>
    `/_vestibule/branding/logo-${ground}?v=${createHash("sha256").update(logo[ground].bytes).digest("base64url").slice(0, 12)}`;
  return { light: urlOf("light"), dark: urlOf("dark") };
}

/**
 * Notes the fragment of the page's address before anything else runs. The script is constant, so that the CSP names its hash; the cookie's
 * name and key stand in the page. Without scripts the page works, and the fragment is lost.
 */
const fragmentScript = `
const kept = document.getElementById("fragment").dataset;
if (location.hash.length > 1 && location.hash.length < 1000) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = kept.cookie + "=" + kept.key + "." + encodeURIComponent(location.hash) + "; Path=/; Max-Age=600; SameSite=Lax" + secure;
}
`;

function notingFragment(parts: PageParts, fragment: KeptFragment | undefined): PageParts {
  if (fragment === undefined) return parts;
  const note = html`${parts.body}<span id="fragment" hidden data-cookie="${fragment.cookie}" data-key="${fragment.key}"></span>`;
  return { ...parts, body: note, script: fragmentScript + (parts.script ?? "") };
}

function partsOf(model: PageModel, texts: Texts, context: NoContext, tag: string): PageParts {
  switch (model.page) {
    case "chooser":
      return chooserPage(model, texts, context.requestId);
    case "password":
      return passwordPage(model, texts, context.requestId);
    case "onward":
      return onwardPage(model, texts);
    case "refusal":
      return refusalPage(model, texts, context);
    case "error":
      return errorPage(model, texts, context);
    case "loop":
      return loopPage(model, texts, context.requestId);
    case "confirm-logout":
      return confirmLogoutPage(model, texts);
    case "signed-out":
      return signedOutPage(model, texts);
    case "still-signed-in":
      return stillSignedInPage(model, texts);
    case "kept-form":
      return keptFormPage(model, texts);
    case "second-factor":
      return secondFactorPage(model, texts, context.requestId);
    case "new-passkey":
      return newPasskeyPage(model, texts);
    case "portal":
      return portalPage(model, texts, tag);
    case "own-sessions":
      return ownSessionsPage(model, texts, tag);
    case "own-data":
      return ownDataPage(model, texts, tag);
    case "continue":
      return continuePage(model, texts);
  }
}

/** What the Content-Security-Policy of one configuration allows. */
interface Looks {
  readonly https: boolean;
  readonly schemes: string;
  readonly styleHash: string;
  readonly images: string;
}

function headersOf(parts: PageParts, looks: Looks): Answer["headers"] {
  return [
    ["Content-Type", "text/html; charset=utf-8"],
    ["Cache-Control", "no-store"],
    ["Content-Security-Policy", policyOf(parts, looks)],
    ["Cross-Origin-Resource-Policy", "same-origin"],
    // Not no-referrer: with it browsers send `Origin: null` with our own forms, and logging out checks Origin and Referer.
    ["Referrer-Policy", "same-origin"],
    ["Vary", "Accept-Language"],
    ["X-Content-Type-Options", "nosniff"],
    ["X-Frame-Options", "DENY"],
    // For this host alone: what lives below it is not ours to decide about.
    ...(looks.https ? [["Strict-Transport-Security", "max-age=31536000"] as const] : []),
  ];
}

/**
 * Nothing is loaded from anywhere but the operators' logo; the one style is named by its hash. Chromium applies `form-action` to the redirects after a
 * form as well, and ours lead to providers whose addresses are theirs to choose: so a page with a form names schemes, others none.
 */
function policyOf({ body, script }: PageParts, { schemes, styleHash, images }: Looks): string {
  // Whatever visitors and operators write is escaped: markup is the page's own.
  const hasForm = String(body ?? "").includes("<form");
  return [
    "default-src 'none'",
    `style-src ${styleHash}`,
    ...(script === undefined ? [] : [`script-src ${hashOf(script)}`]),
    `img-src ${images}`,
    "base-uri 'none'",
    `form-action ${hasForm ? `'self' ${schemes}` : "'none'"}`,
    "frame-ancestors 'none'",
  ].join("; ");
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
