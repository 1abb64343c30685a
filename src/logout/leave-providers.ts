import { type Answering, type CookieLine, followStep, page, redirectTo, withCookies } from "../control/answers.ts";
import { isText, type OwnCookies, openJson, sealJson, urlOfTarget } from "../control/browser-state.ts";
import { type ControlRequest, type Endpoint, onlyParameter, type SiteTable } from "../control/router.ts";
import type { Answer } from "../core/answer.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { BrowserStep, LoginProvider } from "../core/ports/login-provider.ts";
import type { Sealer } from "../core/ports/sealer.ts";
import type { Parting } from "../core/session.ts";
import type { Settings } from "../core/settings.ts";
import { onlyCookie } from "../http/cookies.ts";
import { languageTags } from "../lib/browser-hints.ts";

export interface LeaveNeeds extends RestNeeds, Answering {
  readonly providers: ReadonlyMap<string, LoginProvider>;
}

/**
 * The way on: to the first provider that can be left, which sends the browser back to the signed-out page, and from there to the next;
 * there at once when there is none. A provider that is down keeps no session alive here; the page says that it may still remember.
 * The list gets shorter each time, so it comes to an end whatever providers do.
 */
export async function leaveProviders(
  parts: LeaveNeeds,
  incoming: Incoming,
  sessions: readonly Parting[],
  { host, complete }: Pick<SignedOutState, "host" | "complete">,
): Promise<Answer> {
  let passedOver = false;
  for (const [at, session] of sessions.entries()) {
    const state = { host, complete: complete && !passedOver };
    const way = await leave(parts, incoming, session, sessions.slice(at + 1), state);
    if (way !== null) return withCookies(followStep(parts, incoming, way.go), restCookie(parts, incoming, way.rest));
    if (parts.providers.get(session.principal.provider)?.remembersNothing !== true) passedOver = true;
  }
  return withCookies(signedOut(parts, { host, complete: complete && !passedOver, rest: null }), restCookie(parts, incoming, null));
}

/** To the page that says so. */
export function signedOut(parts: Pick<LeaveNeeds, "settings" | "sealer">, state: SignedOutState): Answer {
  return redirectTo(`${formatOrigin(parts.settings.auth.origin)}/_vestibule/signed-out?state=${sealSignedOutState(parts, state)}`);
}

interface Way {
  readonly go: BrowserStep;
  readonly rest: string | null;
}

async function leave(
  parts: LeaveNeeds,
  incoming: Incoming,
  session: Parting,
  others: readonly Parting[],
  { host, complete }: Pick<SignedOutState, "host" | "complete">,
): Promise<Way | null> {
  const provider = parts.providers.get(session.principal.provider);
  if (provider?.leave === undefined) return null;
  try {
    const rest = await parkRest(parts, others);
    const signedOut = { host, complete, rest };
    // A signed answer is held against the request it answers; others merely send the browser back with the state.
    const state =
      provider.answersLogout === true ? await parkPendingLogout(parts, provider.id, signedOut) : sealSignedOutState(parts, signedOut);
    const go = await provider.leave(session, state, languageTags(incoming.acceptLanguage));
    return go === null ? null : { go, rest };
  } catch (error) {
    parts.log.warn({ request: incoming.id, provider: provider.id, error }, "a provider could not be left");
    return null;
  }
}

type SignedOutNeeds = LeaveNeeds & {
  readonly table: SiteTable;
  /** The name of the person that this browser is signed in as; null without one. */
  readonly signedInHere: (incoming: Incoming) => Promise<string | null>;
};

/** Where browsers come back to when they have left a provider. */
export function signedOutEndpoint(parts: SignedOutNeeds): Endpoint {
  const run = (request: ControlRequest) => afterLogout(parts, request);
  return { path: "/signed-out", on: "auth", methods: ["GET", "HEAD"], limited: false, urgent: false, run };
}

/**
 * `GET /_vestibule/signed-out`: the post-logout redirect URI. Leads on to the next provider that this browser's logout has still to
 * leave; changes nothing else, so a made-up `state` gains nothing.
 */
async function afterLogout(parts: SignedOutNeeds, { visit, query }: ControlRequest): Promise<Answer> {
  const { incoming } = visit;
  const here = visit.site.app === null ? null : visit.site.hostname;
  const state = openSignedOutState(parts, onlyParameter(query, "state")) ?? { host: here, complete: true, rest: null };
  const rest = incoming.method === "HEAD" ? [] : await restOf(parts, incoming, state);
  if (rest.length > 0) return leaveProviders(parts, incoming, rest, state);
  // No session has ended: the address was typed, or kept as a bookmark.
  const still = onlyParameter(query, "state") === null ? await parts.signedInHere(incoming) : null;
  if (still !== null) {
    const logoutUrl = `${formatOrigin(visit.site.origin)}/_vestibule/logout`;
    return page(parts, incoming, 200, { page: "still-signed-in", who: still, logoutUrl });
  }
  const site = state.host === null ? null : parts.table.findSite(state.host);
  return page(parts, incoming, 200, {
    page: "signed-out",
    startAgainUrl: site === null || site.app === null ? `${formatOrigin(visit.site.origin)}/` : urlOfTarget({ site, path: "/" }),
    complete: state.complete && state.rest === null,
  });
}

/** A store that is silent now keeps no session alive here: the page says that a provider may still remember. */
async function restOf(parts: LeaveNeeds, incoming: Incoming, { rest }: SignedOutState): Promise<readonly Parting[]> {
  try {
    return await takeRest(parts, incoming, rest);
  } catch (error) {
    parts.log.warn({ request: incoming.id, error }, "the other providers could not be left");
    return [];
  }
}

/** What the signed-out page gets by way of the provider. */
interface SignedOutState {
  /** Where to sign in again. */
  readonly host: string | null;
  /** Whether every provider so far was left, too. */
  readonly complete: boolean;
  /** Names those that are still to be left, for the browser that holds the same in a cookie; see `takeRest`. */
  readonly rest: string | null;
}

const purpose = "signed-out";

function sealSignedOutState(parts: { readonly sealer: Sealer }, state: SignedOutState): string {
  return sealJson(parts.sealer, purpose, packSignedOutState(state));
}

/** Null when it is not ours. */
function openSignedOutState(parts: { readonly sealer: Sealer }, sealed: string | null): SignedOutState | null {
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
interface PendingLogout {
  readonly provider: string;
  readonly signedOut: SignedOutState;
}

const pendingKind = "pending-logout";
const pendingLimitMs = 10 * 60_000;

/**
 * Remembers what the visitor will read; the handle is the request's id, which the provider's signed answer repeats. Written for
 * living sessions only, so that the store cannot be filled without one.
 */
function parkPendingLogout(parts: { readonly facts: Facts }, provider: string, state: SignedOutState): Promise<string> {
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
interface RestNeeds {
  readonly facts: Facts;
  readonly sealer: Sealer;
  readonly names: OwnCookies;
  readonly settings: Pick<Settings, "auth">;
}

const restKind = "rest-to-leave";
const limitMs = 10 * 60_000;

/** Remembers what is needed to leave these providers, sessions that have ended by then; answers their handle, null for none. */
async function parkRest({ facts }: { readonly facts: Facts }, rest: readonly Parting[]): Promise<string | null> {
  if (rest.length === 0) return null;
  const packed = rest.map(({ principal, tokens, logoutHandle }) => [principal.provider, tokens?.idToken ?? null, logoutHandle]);
  return facts.park(restKind, JSON.stringify(packed), limitMs);
}

/**
 * Takes them back, once, and only for the browser that logged out. The handle comes by way of a provider, which could ask with it
 * itself, and would be sent on with the visitor's ID token of another one: so the browser's cookie must hold the same.
 */
async function takeRest(parts: RestNeeds, incoming: Incoming, handle: string | null): Promise<readonly Parting[]> {
  if (handle === null || openJson(parts.sealer, purposeOf(parts), onlyCookie(incoming.cookie, parts.names.leaving)) !== handle) return [];
  const text = await parts.facts.unpark(restKind, handle);
  return text === null ? [] : (JSON.parse(text) as unknown[][]).flatMap(unpack);
}

/** Ties the rest to this browser, or unties what was left of a logout before. */
function restCookie(parts: RestNeeds, incoming: Incoming, handle: string | null): readonly CookieLine[] {
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
