import type { CookieLine } from "../control/answers.ts";
import { isText, type OwnCookies, openJson, sealJson } from "../control/browser-state.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { Sealer } from "../core/ports/sealer.ts";
import type { Parting } from "../core/session.ts";
import type { Settings } from "../core/settings.ts";
import { onlyCookie } from "../http/cookies.ts";

/** What the signed-out page is told by way of the provider. */
export interface SignedOutState {
  /** Where to sign in again. */
  readonly host: string | null;
  /** Whether every provider so far was left, too. */
  readonly complete: boolean;
  /** Names those that are still to be left, for the browser that holds the same in a cookie; see `takeRest`. */
  readonly rest: string | null;
}

const purpose = "signed-out";

export function sealSignedOutState(parts: { readonly sealer: Sealer }, state: SignedOutState): string {
  return sealJson(parts.sealer, purpose, packSignedOutState(state));
}

/** Null when it is not ours. */
export function openSignedOutState(parts: { readonly sealer: Sealer }, sealed: string | null): SignedOutState | null {
  const value = openJson(parts.sealer, purpose, sealed);
  return Array.isArray(value) ? unpackSignedOutState(value) : null;
}

function packSignedOutState({ host, complete, rest }: SignedOutState): readonly unknown[] {
  return [host, complete, rest];
}

function unpackSignedOutState([host, complete, rest]: readonly unknown[]): SignedOutState {
  return { host: isText(host) ? host : null, complete: complete === true, rest: isText(rest) ? rest : null };
}

/** A logout on its way to a provider that signs its answer. */
export interface PendingLogout {
  readonly provider: string;
  readonly signedOut: SignedOutState;
}

const pendingKind = "pending-logout";
const pendingLimitMs = 10 * 60_000;

/**
 * Remembers what the visitor is to be told; the handle is the request's id, which the provider's signed answer repeats. Written for
 * living sessions only, so that nobody without one can fill the store.
 */
export function parkPendingLogout(parts: { readonly facts: Facts }, provider: string, state: SignedOutState): Promise<string> {
  return parts.facts.park(pendingKind, JSON.stringify([provider, ...packSignedOutState(state)]), pendingLimitMs);
}

/** Once; null when there is none. */
export async function takePendingLogout(parts: { readonly facts: Facts }, handle: string): Promise<PendingLogout | null> {
  if (!/^[A-Za-z0-9_-]{16,128}$/.test(handle)) return null;
  const text = await parts.facts.unpark(pendingKind, handle);
  const [provider, ...state] = text === null ? [] : (JSON.parse(text) as unknown[]);
  if (!isText(provider)) return null;
  return { provider, signedOut: unpackSignedOutState(state) };
}

/** What it takes to go on leaving providers. */
export interface RestNeeds {
  readonly facts: Facts;
  readonly sealer: Sealer;
  readonly names: OwnCookies;
  readonly settings: Pick<Settings, "auth">;
}

const restKind = "rest-to-leave";
const limitMs = 10 * 60_000;

/** Remembers what is needed to leave these providers, sessions that have ended by then; answers their handle, null for none. */
export async function parkRest({ facts }: { readonly facts: Facts }, rest: readonly Parting[]): Promise<string | null> {
  if (rest.length === 0) return null;
  const packed = rest.map(({ principal, tokens, logoutHandle }) => [principal.provider, tokens?.idToken ?? null, logoutHandle]);
  return facts.park(restKind, JSON.stringify(packed), limitMs);
}

/**
 * Takes them back, once, and only for the browser that logged out. The handle comes by way of a provider, which could ask with it
 * itself, and would be sent on with the visitor's ID token of another one: so the browser's cookie must hold the same.
 */
export async function takeRest(parts: RestNeeds, incoming: Incoming, handle: string | null): Promise<readonly Parting[]> {
  if (handle === null || openJson(parts.sealer, purposeOf(parts), onlyCookie(incoming.cookie, parts.names.leaving)) !== handle) return [];
  const text = await parts.facts.unpark(restKind, handle);
  return text === null ? [] : (JSON.parse(text) as unknown[][]).flatMap(unpack);
}

/** Ties the rest to this browser, or unties what was left of a logout before. */
export function restCookie(parts: RestNeeds, incoming: Incoming, handle: string | null): readonly CookieLine[] {
  const { names, sealer } = parts;
  if (handle !== null) return [names.set(names.leaving, sealJson(sealer, purposeOf(parts), handle), limitMs / 1_000)];
  return onlyCookie(incoming.cookie, names.leaving) === null ? [] : [names.clear(names.leaving)];
}

const purposeOf = ({ settings }: Pick<RestNeeds, "settings">) => `${restKind}:${settings.auth.origin.hostname}`;

function unpack([provider, idToken, logoutHandle]: readonly unknown[]): readonly Parting[] {
  if (!isText(provider)) return [];
  const tokens = isText(idToken) ? { idToken } : null;
  return [{ principal: { provider }, tokens, logoutHandle: isText(logoutHandle) ? logoutHandle : null }];
}
