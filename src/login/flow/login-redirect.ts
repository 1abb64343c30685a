import { redirectTo } from "../../control/answers.ts";
import { createOwnCookies, type OwnCookies, safeReturnPath } from "../../control/browser-state.ts";
import type { Answer } from "../../core/answer.ts";
import type { Clock, Random } from "../../core/clock.ts";
import type { Incoming } from "../../core/incoming.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Facts } from "../../core/ports/facts.ts";
import type { LoginRedirect } from "../../core/ports/login-redirect.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import type { SessionCookies } from "../../core/ports/session-cookies.ts";
import type { Site, Visit } from "../../core/route.ts";
import type { Settings } from "../../core/settings.ts";
import { headerOf } from "../../http/fields.ts";
import { keepForm } from "./kept-form.ts";
import { type Binding, bindBrowser, countRounds, sealWantedPage } from "./wanted-page.ts";

export interface LoginRedirectDeps {
  readonly settings: Pick<Settings, "auth">;
  readonly cookies: Pick<SessionCookies, "name">;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  readonly facts: Pick<Facts, "park" | "count">;
}

/** The way from an app's pages to the login. Nothing of a stranger is stored: a flood of anonymous visitors leaves the store empty. */
export function createLoginRedirect(deps: LoginRedirectDeps): LoginRedirect {
  const names = createOwnCookies(deps.cookies);
  return {
    answer: (visit, { acr }) => {
      const { incoming, site } = visit;
      const rounds = countRounds(deps, names, site.hostname, incoming.cookie);
      const answer = sendToLogin(deps, names, visit, { path: safeReturnPath(incoming.path, incoming.query), acr, rounds, extra: [] });
      return { ...answer, headers: [...answer.headers, ["Cache-Control", "no-store"], ["X-Request-Id", incoming.id]] };
    },
    answerWithForm: async (visit, { acr }, form) => {
      const { incoming, site } = visit;
      const binding = bindBrowser(incoming.cookie, names, deps.random);
      const path = await keepForm(deps, visit, { form, binding: binding.hash });
      if (path === null) return null;
      const rounds = countRounds(deps, names, site.hostname, incoming.cookie);
      const answer = sendToLogin(deps, names, visit, { path, acr, rounds, extra: [], binding });
      return { ...answer, status: 303, headers: [...answer.headers, ["Cache-Control", "no-store"], ["X-Request-Id", incoming.id]] };
    },
    urlFor: ({ incoming, site }) => {
      const wanted = formatOrigin(site.origin) + pageOf(incoming, site);
      return `${formatOrigin(deps.settings.auth.origin)}/_vestibule/login?return=${encodeURIComponent(wanted)}`;
    },
  };
}

/** What is to be remembered, and the choices made before (`provider`, `login_hint`, `another`), passed on as they are. */
interface WantedPageMade {
  readonly path: string;
  readonly acr: readonly string[];
  readonly rounds: number;
  readonly extra: readonly [name: string, value: string][];
  /** This browser's binding where it was made before. */
  readonly binding?: Binding;
}

/** 302 to the auth origin with the wanted page sealed and bound to this browser. */
export function sendToLogin(deps: LoginRedirectDeps, names: OwnCookies, visit: Visit, made: WantedPageMade): Answer {
  const { incoming, site } = visit;
  const binding = made.binding ?? (site.isAuth ? null : bindBrowser(incoming.cookie, names, deps.random));
  const wanted = sealWantedPage(deps.sealer, {
    host: site.hostname,
    path: made.path,
    binding: site.isAuth ? null : (binding?.hash ?? null),
    acr: made.acr,
    rounds: made.rounds,
    at: deps.clock(),
  });
  const query = new URLSearchParams([["wish", wanted], ...made.extra]);
  return redirectTo(`${formatOrigin(deps.settings.auth.origin)}/_vestibule/login?${query}`, {
    status: 302,
    cookies: binding?.cookies ?? [],
  });
}

/** The page to come back to: a script's own URL is no page, so the page it runs in (same origin only) is meant. */
function pageOf(incoming: Incoming, site: Site): string {
  const own = `${formatOrigin(site.origin)}/`;
  const referer = headerOf(incoming, "referer");
  if (!incoming.wantsPage && referer?.startsWith(own)) {
    const page = URL.parse(referer);
    if (page !== null) return safeReturnPath(page.pathname, page.search);
  }
  return incoming.method === "GET" || incoming.method === "HEAD" ? safeReturnPath(incoming.path, incoming.query) : "/";
}
