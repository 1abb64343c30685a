import type { Answer } from "../../core/answer.ts";
import { type ControlRequest, onlyParameter } from "../control-request.ts";
import { page } from "../failure.ts";
import type { ControlParts } from "../parts.ts";
import { urlOfTarget } from "../return-to.ts";
import { isText, openJson, sealJson } from "../sealed-json.ts";

/** What the signed-out page is told by way of the provider: where to sign in again, and whether the provider was left, too. */
export interface Farewell {
  readonly host: string | null;
  readonly complete: boolean;
}

const purpose = "signed-out";

export function sealFarewell(parts: Pick<ControlParts, "sealer">, { host, complete }: Farewell): string {
  return sealJson(parts.sealer, purpose, [host, complete]);
}

/** `GET /_vestibule/signed-out`: the post-logout redirect URI. Changes nothing, so a made-up `state` gains nothing. */
export function signedOutEndpoint(parts: ControlParts, { visit, query }: ControlRequest): Answer {
  const value = openJson(parts.sealer, purpose, onlyParameter(query, "state"));
  const [host, complete] = Array.isArray(value) ? (value as unknown[]) : [visit.site.app === null ? null : visit.site.hostname, true];
  const site = isText(host) ? parts.table.findSite(host) : null;
  return page(parts, visit.incoming, 200, {
    page: "signed-out",
    startAgainUrl: site === null || site.app === null ? null : urlOfTarget({ site, path: "/" }),
    complete: complete === true,
  });
}
