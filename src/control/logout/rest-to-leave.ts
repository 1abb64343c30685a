import type { Incoming } from "../../core/incoming.ts";
import type { Parting } from "../../core/session.ts";
import type { CookieLine } from "../answers.ts";
import { onlyCookie } from "../own-cookies.ts";
import type { ControlParts } from "../parts.ts";
import { isText, openJson, sealJson } from "../sealed-json.ts";

const kind = "rest-to-leave";
const limitMs = 10 * 60_000;

/** Remembers what is needed to leave these providers, sessions that have ended by then; answers their handle, null for none. */
export async function parkRest({ sessions }: Pick<ControlParts, "sessions">, rest: readonly Parting[]): Promise<string | null> {
  if (rest.length === 0) return null;
  const packed = rest.map(({ principal, tokens, logoutHandle }) => [principal.provider, tokens?.idToken ?? null, logoutHandle]);
  return sessions.park(kind, JSON.stringify(packed), limitMs);
}

/**
 * Takes them back, once, and only for the browser that logged out. The handle comes by way of a provider, which could ask with it
 * itself, and would be sent on with the visitor's ID token of another one: so the browser's cookie must hold the same.
 */
export async function takeRest(parts: ControlParts, incoming: Incoming, handle: string | null): Promise<readonly Parting[]> {
  if (handle === null || openJson(parts.sealer, purposeOf(parts), onlyCookie(incoming.cookie, parts.names.leaving)) !== handle) return [];
  const text = await parts.sessions.unpark(kind, handle);
  return text === null ? [] : (JSON.parse(text) as unknown[][]).flatMap(unpack);
}

/** Ties the rest to this browser, or unties what was left of a logout before. */
export function restCookie(parts: ControlParts, incoming: Incoming, handle: string | null): readonly CookieLine[] {
  const { names, sealer } = parts;
  if (handle !== null) return [names.set(names.leaving, sealJson(sealer, purposeOf(parts), handle), limitMs / 1_000)];
  return onlyCookie(incoming.cookie, names.leaving) === null ? [] : [names.clear(names.leaving)];
}

const purposeOf = ({ settings }: ControlParts) => `${kind}:${settings.auth.origin.hostname}`;

function unpack([provider, idToken, logoutHandle]: readonly unknown[]): readonly Parting[] {
  if (!isText(provider)) return [];
  const tokens = isText(idToken) ? { idToken } : null;
  return [{ principal: { provider }, tokens, logoutHandle: isText(logoutHandle) ? logoutHandle : null }];
}
