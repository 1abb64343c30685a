import { page } from "../control/answers.ts";
import { urlOfTarget } from "../control/browser-state.ts";
import { type ControlRequest, type Endpoint, onlyParameter, type SiteTable } from "../control/router.ts";
import type { Answer } from "../core/answer.ts";
import type { Incoming } from "../core/incoming.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Parting } from "../core/session.ts";
import { type LeaveNeeds, leaveProviders } from "./leave-providers.ts";
import { openSignedOutState, type SignedOutState, takeRest } from "./signed-out-state.ts";

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
  // Nobody has signed out: the address was typed, or kept as a bookmark.
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

/** A store that is silent now keeps nobody signed in here: the page says that a provider may still remember. */
async function restOf(parts: LeaveNeeds, incoming: Incoming, { rest }: SignedOutState): Promise<readonly Parting[]> {
  try {
    return await takeRest(parts, incoming, rest);
  } catch (error) {
    parts.log.warn({ request: incoming.id, error }, "the other providers could not be left");
    return [];
  }
}
