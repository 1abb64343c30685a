import { createHash } from "node:crypto";
import { withCookies } from "../../control/answers.ts";
import type { OwnCookies } from "../../control/browser-state.ts";
import type { Answer } from "../../core/answer.ts";
import type { Incoming } from "../../core/incoming.ts";
import type { KeptFragment, PageContext } from "../../core/ports/pages.ts";
import { onlyCookie } from "../../http/cookies.ts";
import { headerOf } from "../../http/fields.ts";
import type { WantedPage } from "./wanted-page.ts";

/*
 * `#fragment` never reaches a server. Browsers carry it through redirects, so it stands in the address of our first page; a provider's
 * form loses it. A script on that page notes it in a cookie of the auth host, and the last redirect of the login gives it back.
 */

/** What a page of ours needs to note the fragment; nothing for programs, whose pages have no script. */
export function notingFragment(names: Pick<OwnCookies, "fragment">, incoming: Incoming, wanted: WantedPage): Pick<PageContext, "fragment"> {
  return runsScripts(incoming) ? { fragment: fragmentOf(names, wanted) } : {};
}

/** Where the fragment of this wanted page is noted; another tab's page has another key. */
function fragmentOf(names: Pick<OwnCookies, "fragment">, { host, path }: WantedPage): KeptFragment {
  const key = createHash("sha256").update(`${host}${path}`).digest("base64url").slice(0, 12);
  return { cookie: names.fragment, key };
}

/** What browsers send with a navigation of a window, and programs do not: only there a page with a script stands in for a redirect. */
export function runsScripts(incoming: Incoming): boolean {
  return headerOf(incoming, "upgrade-insecure-requests") === "1" && headerOf(incoming, "sec-fetch-mode") === "navigate";
}

/** The login's last redirect with the fragment that was noted for its page. */
export function withFragment(answer: Answer, names: OwnCookies, incoming: Incoming, wanted: WantedPage): Answer {
  const noted = onlyCookie(incoming.cookie, names.fragment);
  if (noted === null) return answer;
  const { key } = fragmentOf(names, wanted);
  const fragment = noted.startsWith(`${key}.`) ? readFragment(noted.slice(key.length + 1)) : null;
  const cleared = withCookies(answer, [names.clear(names.fragment)]);
  if (fragment === null) return cleared;
  const headers = cleared.headers.map(([name, value]) =>
    name === "Location" && !value.includes("#") ? ([name, value + fragment] as const) : ([name, value] as const),
  );
  return { ...cleared, headers };
}

/** A script wrote the cookie, so anything may stand in it: only what a fragment is made of goes into a header (RFC 3986 3.5). */
function readFragment(encoded: string): string | null {
  try {
    const text = decodeURIComponent(encoded);
    return /^#[A-Za-z0-9._~!$&'()*+,;=:@/?%-]{1,1000}$/.test(text) ? text : null;
  } catch {
    return null;
  }
}
