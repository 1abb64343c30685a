import type { Sealer } from "../../core/ports/sealer.ts";
import type { CookieLine } from "../answers.ts";
import { type OwnCookies, onlyCookie } from "../own-cookies.ts";
import { isText, openJson, sealJson } from "../sealed-json.ts";

/** One of this browser's sessions, as its auth cookie names it. */
export interface BrowserSession {
  readonly provider: string;
  readonly id: string;
}

const maxSessions = 8;

/**
 * The auth cookie: this browser's sessions, one per provider, the newest first. Sealed for the auth host, so that nobody can
 * add a session to it, and an id read there opens nothing elsewhere.
 */
export interface BrowserSessions {
  read(cookieHeader: string | null): readonly BrowserSession[];
  /** The list with `added` in front; what had its provider, or no longer fits, is `dropped` and must be ended. */
  add(
    present: readonly BrowserSession[],
    added: BrowserSession,
  ): { readonly cookie: CookieLine; readonly replaced: readonly BrowserSession[]; readonly dropped: readonly BrowserSession[] };
  clear(): CookieLine;
}

export function createBrowserSessions(deps: {
  readonly sealer: Sealer;
  readonly names: OwnCookies;
  readonly authHost: string;
}): BrowserSessions {
  const { names, sealer } = deps;
  const purpose = `browser-sessions:${deps.authHost}`;
  return {
    read: (cookieHeader) => {
      const value = openJson(sealer, purpose, onlyCookie(cookieHeader, names.auth));
      return Array.isArray(value) ? value.flatMap(unpack) : [];
    },
    add: (present, added) => {
      const others = present.filter((one) => one.provider !== added.provider);
      const kept = [added, ...others.slice(0, maxSessions - 1)];
      const packed = kept.map((one) => [one.provider, one.id]);
      return {
        cookie: names.set(names.auth, sealJson(sealer, purpose, packed)),
        replaced: present.filter((one) => one.provider === added.provider && one.id !== added.id),
        dropped: others.slice(maxSessions - 1),
      };
    },
    clear: () => names.clear(names.auth),
  };
}

function unpack(value: unknown): BrowserSession[] {
  const [provider, id] = Array.isArray(value) ? (value as unknown[]) : [];
  return isText(provider) && isText(id) ? [{ provider, id }] : [];
}
