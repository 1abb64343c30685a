import type { z } from "zod";
import { formatOrigin } from "../../core/origin.ts";
import type { ExplainInput, Operations } from "../operations.ts";
import { ApiProblem } from "./problem.ts";
import type { explainRequest } from "./schemas.ts";

/** What a refused request asked, in the words of `explain`. */
export type RefusedQuestion = Pick<ExplainInput, "url" | "method" | "groups" | "websocket"> & {
  readonly asUser?: string;
  readonly provider?: string;
  readonly address: string;
};

/** The refusal with this request number as a question; the groups are those that it turned on. Null when it is none of the latest events. */
export async function refusedQuestion({ fleet, settings }: Operations, request: string): Promise<RefusedQuestion | null> {
  const found = await fleet.find({ event: "refusal", text: request, limit: 10 });
  const refusal = found.find((entry) => entry.event === "refusal" && entry.request === request);
  if (refusal?.event !== "refusal") return null;
  const { host, path, client, principal } = refusal;
  const site = settings().apps.find(({ hosts }) => hosts.includes(host))?.origin;
  const groups = principal !== null && "groups" in principal && Array.isArray(principal.groups) ? principal.groups.map(String) : [];
  return {
    url: `${formatOrigin(site ?? { ...settings().auth.origin, hostname: host })}${path}`,
    // An instance of an earlier version shared its events without these two.
    method: (refusal as Partial<typeof refusal>).method ?? "GET",
    websocket: (refusal as Partial<typeof refusal>).websocket ?? false,
    address: client,
    groups,
    ...(principal === null ? {} : { asUser: principal.email ?? principal.subject, provider: principal.provider }),
  };
}

/** What the form and the API ask, as the question that the command asks. Throws `refusal.unknown` for a number that no late refusal has. */
export async function explainInput(
  operations: Operations,
  { request, ...given }: z.output<typeof explainRequest>,
  now: number,
): Promise<ExplainInput> {
  const refused = request === undefined ? {} : await refusedQuestion(operations, request);
  if (refused === null) throw new ApiProblem("refusal.unknown", `none of the latest refusals has the number ${request}`);
  const {
    url = "",
    method = "GET",
    groups = [],
    asUser,
    email,
    name,
    provider,
    acr,
    address,
    at,
    claims,
    websocket = false,
  } = { ...refused, ...given };
  return {
    ...{ url, groups, claims, websocket },
    method: method.toUpperCase(),
    asUser: asUser ?? null,
    email: email ?? null,
    name: name ?? null,
    provider: provider ?? null,
    acr: acr ?? null,
    address: address ?? null,
    at: at === undefined ? now : Date.parse(at),
  };
}
