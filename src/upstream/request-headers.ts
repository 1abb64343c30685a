import { stripOwnCookies } from "../http/cookies.ts";
import { forwardingHeaders, isForwardingName } from "./forwarding-headers.ts";
import type { CompiledEdits } from "./header-edits.ts";
import { foldName, rememberPerName } from "./header-names.ts";
import { isHopByHop, namedByConnection } from "./hop-by-hop.ts";
import type { ForwardPlan } from "./plan.ts";

type NameKind = "pass" | "drop" | "cookie" | "authorization";

/** Headers of the request to the upstream, name and value alternating, byte strings. Host first, identity last. */
export type BuildRequestHeaders = (
  plan: ForwardPlan,
  target: { readonly host: string; readonly peer: string; readonly edits: CompiledEdits },
) => string[];

/**
 * Rebuilds the header set of a request.
 *
 * Nothing of the client's survives that would be read as ours: hop-by-hop fields and what Connection names, framing, forwarding and
 * identity fields in every spelling that folds to the same name, our own cookies, an Authorization that we consumed. Then ours follow,
 * identity last, so that no order of evaluation upstream could prefer anything else.
 */
export function createBuildRequestHeaders({ cookieName }: { cookieName: string }): BuildRequestHeaders {
  const kindOf = rememberPerName(classify);
  return (plan, { host, peer, edits }) => {
    const { incoming, identity, identityHeaders } = plan;
    const raw = incoming.rawHeaders;
    const hidden = namedByConnection(valuesOf(raw, "connection"));
    const consumed = identity?.via === "bearer";
    const headers = ["Host", host];
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const name = raw[at] ?? "";
      const value = raw[at + 1] ?? "";
      const kind = kindOf(name);
      if (kind === "drop" || (kind === "authorization" && consumed)) continue;
      if (identityHeaders.removes(name)) continue;
      if (hidden?.has(name.toLowerCase()) || edits.drops?.has(foldName(name))) continue;
      const kept = kind === "cookie" ? stripOwnCookies(value, cookieName) : value;
      if (kept !== null) headers.push(name, kept);
    }
    if (incoming.body.kind === "length" && incoming.body.bytes > 0) headers.push("Content-Length", String(incoming.body.bytes));
    writeOurs(headers, plan, peer, edits);
    return headers;
  };
}

function writeOurs(headers: string[], plan: ForwardPlan, peer: string, edits: CompiledEdits): void {
  const forwarding = forwardingHeaders(plan.incoming, plan.site, peer);
  for (let at = 0; at + 1 < forwarding.length; at += 2) {
    const name = forwarding[at] ?? "";
    if (!edits.drops?.has(foldName(name))) headers.push(name, forwarding[at + 1] ?? "");
  }
  for (const [name, value] of edits.set) {
    if (name.toLowerCase() === "host") headers[1] = value;
    // Whatever the file says, an identity header holds the identity.
    else if (!plan.identityHeaders.removes(name)) headers.push(name, value);
  }
  for (const [name, value] of plan.identityHeaders.set) headers.push(name, value);
}

function classify(name: string): NameKind {
  const lower = name.toLowerCase();
  if (lower === "cookie") return "cookie";
  if (lower === "authorization") return "authorization";
  // Expect is answered here; Host and Content-Length are written anew. Their `_` and `.` spellings have no honest use.
  const folded = foldName(name);
  if (folded === "host" || folded === "content-length" || folded === "expect" || isHopByHop(folded)) return "drop";
  return isForwardingName(folded) ? "drop" : "pass";
}

function valuesOf(raw: readonly string[], wanted: string): readonly string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    if (name.length === wanted.length && name.toLowerCase() === wanted) values.push(raw[at + 1] ?? "");
  }
  return values;
}
