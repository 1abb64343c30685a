import { stripOwnCookies } from "../../http/cookies.ts";
import { foldHeaderName, isWrittenAnew, rememberPerName } from "../../lib/header-names.ts";
import { isDeletedFromRequests } from "../../lib/known-headers.ts";
import type { ForwardPlan } from "../plan.ts";
import type { Upstream } from "../upstreams.ts";
import { writeForwardingHeaders } from "./forwarding.ts";
import { type CompiledEdits, removeNamed, removeWhere } from "./rules.ts";
import { webDavFields } from "./webdav.ts";

type NameKind = "pass" | "drop" | "connection" | "cookie" | "authorization" | "destination" | "if" | "via";

/** Headers of the request to the upstream, name and value alternating, byte strings. Host first, identity last. */
export type BuildRequestHeaders = (
  plan: ForwardPlan,
  target: { readonly host: string; readonly peer: string; readonly edits: CompiledEdits; readonly upstream: Upstream },
) => string[];

/**
 * Rebuilds the header set of a request.
 *
 * Nothing of the client's survives that would be read as ours: hop-by-hop fields and what Connection names, framing, forwarding and
 * identity fields in every spelling that folds to the same name, our own cookies, an Authorization that we consumed. Then ours follow,
 * identity last, so that no order of evaluation upstream could prefer anything else.
 */
export function createBuildRequestHeaders({ cookieName, viaName }: { cookieName: string; viaName: string }): BuildRequestHeaders {
  const kindOf = rememberPerName(classify);
  const via = `1.1 ${viaName}`;
  return (plan, { host, peer, edits, upstream }) => {
    const { incoming, identity, identityHeaders } = plan;
    const raw = incoming.rawHeaders;
    let connection: string[] | null = null;
    const consumed = identity?.via === "bearer";
    const headers = ["Host", host];
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const name = raw[at] ?? "";
      const value = raw[at + 1] ?? "";
      const kind = kindOf(name);
      if (kind === "connection") {
        connection ??= [];
        connection.push(value);
      }
      if (kind === "drop" || kind === "via" || kind === "connection" || (kind === "authorization" && consumed)) continue;
      if (identityHeaders.removes(name) || edits.drops?.has(foldHeaderName(name))) continue;
      const kept =
        kind === "pass" ? value : kind === "cookie" ? stripOwnCookies(value, cookieName) : rewritten(kind, value, plan, upstream, host);
      if (kept !== null) headers.push(name, kept);
    }
    if (connection !== null) removeNamed(headers, connection);
    if (incoming.body.kind === "length" && incoming.body.bytes > 0) headers.push("Content-Length", String(incoming.body.bytes));
    // By it a request that comes back is recognised (RFC 9110 7.6.3).
    headers.push("Via", incoming.via === null ? via : `${incoming.via}, ${via}`);
    writeOurs(headers, plan, peer, edits);
    return headers;
  };
}

/** Addresses that stand in fields of WebDAV. */
function rewritten(kind: NameKind, value: string, plan: ForwardPlan, upstream: Upstream, host: string): string {
  if (kind === "destination" && plan.destination !== null) return webDavFields(plan, upstream, host).destination ?? value;
  return kind === "if" ? webDavFields(plan, upstream, host).rewriteIf(value) : value;
}

function writeOurs(headers: string[], plan: ForwardPlan, peer: string, edits: CompiledEdits): void {
  const from = headers.length;
  writeForwardingHeaders(headers, plan, peer);
  const { drops } = edits;
  if (drops !== null) removeWhere(headers, from, (name) => drops.has(foldHeaderName(name)));
  for (const [name, value] of edits.set) {
    if (name.toLowerCase() === "host") headers[1] = value;
    // Whatever the file says, an identity header holds the identity.
    else if (!plan.identityHeaders.removes(name)) headers.push(name, value);
  }
  for (const [name, value] of plan.identityHeaders.set) headers.push(name, value);
}

function classify(name: string): NameKind {
  const lower = name.toLowerCase();
  if (lower === "destination" || lower === "if" || lower === "via") return lower;
  if (lower === "cookie" || lower === "authorization" || lower === "connection") return lower;
  // Expect is answered here. Of what tells upstreams how a request came here, and for what, nothing of a client's survives.
  return isWrittenAnew(name) || isDeletedFromRequests(name) ? "drop" : "pass";
}
