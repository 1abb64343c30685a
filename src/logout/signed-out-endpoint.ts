import { page } from "../control/answers.ts";
import { type ControlRequest, onlyParameter } from "../control/control-request.ts";
import type { ControlParts } from "../control/parts.ts";
import { urlOfTarget } from "../control/return-to.ts";
import type { Answer } from "../core/answer.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Parting } from "../core/session.ts";
import { leaveProviders } from "./leave-providers.ts";
import { type Farewell, openFarewell, takeRest } from "./signed-out-state.ts";

/**
 * `GET /_vestibule/signed-out`: the post-logout redirect URI. Leads on to the next provider that this browser's logout has still to
 * leave; changes nothing else, so a made-up `state` gains nothing.
 */
export async function signedOutEndpoint(parts: ControlParts, { visit, query }: ControlRequest): Promise<Answer> {
  const { incoming } = visit;
  const here = visit.site.app === null ? null : visit.site.hostname;
  const farewell = openFarewell(parts, onlyParameter(query, "state")) ?? { host: here, complete: true, rest: null };
  const rest = incoming.method === "HEAD" ? [] : await restOf(parts, incoming, farewell);
  if (rest.length > 0) return leaveProviders(parts, incoming, rest, farewell);
  const site = farewell.host === null ? null : parts.table.findSite(farewell.host);
  return page(parts, incoming, 200, {
    page: "signed-out",
    startAgainUrl: site === null || site.app === null ? null : urlOfTarget({ site, path: "/" }),
    complete: farewell.complete && farewell.rest === null,
  });
}

/** A store that is silent now keeps nobody signed in here: the page says that a provider may still remember. */
async function restOf(parts: ControlParts, incoming: Incoming, { rest }: Farewell): Promise<readonly Parting[]> {
  try {
    return await takeRest(parts, incoming, rest);
  } catch (error) {
    parts.log.warn({ request: incoming.id, error }, "the other providers could not be left");
    return [];
  }
}
