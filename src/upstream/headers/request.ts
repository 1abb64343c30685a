import type { Incoming } from "../../core/incoming.ts";
import { authorityOf, type Origin } from "../../core/origin.ts";
import type { RequestTrace } from "../../core/ports/tracing.ts";
import type { Secret } from "../../core/secret.ts";
import type { HeaderEdits } from "../../core/settings.ts";
import { stripOwnCookies } from "../../http/cookies.ts";
import { rememberPerName } from "../../lib/collections.ts";
import { gatewayTokenIn } from "../../lib/gateway-token.ts";
import { foldHeaderName, isDeletedFromRequests, isFramingName, isHopByHop, isWrittenAnew } from "../../lib/header-names.ts";
import { formatAddress, parseAddress } from "../../lib/networks.ts";
import type { ForwardPlan } from "../plan.ts";
import type { Upstream } from "../upstreams.ts";
import { webDavFields } from "./answer-addresses.ts";

type NameKind = "pass" | "context" | "baggage" | "drop" | "connection" | "cookie" | "authorization" | "destination" | "if" | "via";

/** Headers of the request to the upstream, name and value alternating, byte strings. Host first, identity last. */
export type BuildRequestHeaders = (
  plan: ForwardPlan,
  target: { readonly host: string; readonly peer: string; readonly edits: CompiledEdits; readonly upstream: Upstream },
) => string[];

/**
 * Rebuilds the header set of a request.
 *
 * Nothing of the client's survives that would be read as ours: hop-by-hop fields and what Connection names, framing, forwarding and
 * identity fields in every spelling that folds to the same name, our own cookies, an Authorization that we consumed, a token of ours
 * even where it was not asked for (an application that saw one could come back with it as its owner). Then ours follow,
 * identity last, so that no order of evaluation upstream could prefer anything else.
 */
export function createBuildRequestHeaders({ cookieName, viaName }: { cookieName: string; viaName: string }): BuildRequestHeaders {
  const kindOf = rememberPerName(classify);
  const fieldsOf = createSiteFields();
  const via = `1.1 ${viaName}`;
  return (plan, { host, peer, edits, upstream }) => {
    const { incoming, identity, identityHeaders } = plan;
    const raw = incoming.rawHeaders;
    const { trace = null } = incoming;
    let connection: string[] | null = null;
    const consumed = identity !== null && identity.via !== "session";
    const headers = ["Host", host];
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const name = raw[at] ?? "";
      const value = raw[at + 1] ?? "";
      const kind = kindOf(name);
      if (kind === "connection") {
        connection ??= [];
        connection.push(value);
      }
      if (
        kind === "drop" ||
        kind === "via" ||
        kind === "connection" ||
        (trace !== null && (kind === "context" || (kind === "baggage" && !incoming.peerTrusted))) ||
        (kind === "authorization" && (consumed || gatewayTokenIn(value) !== null))
      )
        continue;
      if (identityHeaders.removes(name) || edits.drops?.has(foldHeaderName(name))) continue;
      const kept =
        kind === "pass" || kind === "context" || kind === "baggage"
          ? value
          : kind === "cookie"
            ? stripOwnCookies(value, cookieName)
            : rewritten(kind, value, plan, upstream, host);
      if (kept !== null) headers.push(name, kept);
    }
    if (connection !== null) removeNamed(headers, connection);
    if (incoming.body.kind === "length" && incoming.body.bytes > 0) headers.push("Content-Length", String(incoming.body.bytes));
    // By it a request that comes back is recognised (RFC 9110 7.6.3).
    headers.push("Via", incoming.via === null ? via : `${incoming.via}, ${via}`);
    const from = headers.length;
    writeForwardingHeaders(headers, plan, peer, fieldsOf(plan.site.origin));
    if (trace !== null) writeTrace(headers, trace);
    writeOurs(headers, from, plan, edits);
    return headers;
  };
}

/**
 * Our trace context. The caller's was removed, whether it was believed or not: what was believed is in ours, and what was not must not look
 * as if we had said it. Baggage of a stranger would arrive beside it as ours. An operator's edits come after it: `remove: [traceparent]` sends none.
 */
function writeTrace(headers: string[], { traceparent, tracestate }: RequestTrace): void {
  headers.push("traceparent", traceparent);
  if (tracestate !== "") headers.push("tracestate", tracestate);
}

/** Addresses that stand in fields of WebDAV. */
function rewritten(kind: NameKind, value: string, plan: ForwardPlan, upstream: Upstream, host: string): string {
  if (kind === "destination" && plan.destination !== null) return webDavFields(plan, upstream, host).destination ?? value;
  return kind === "if" ? webDavFields(plan, upstream, host).rewriteIf(value) : value;
}

/** The operator's edits and the identity, behind the forwarding fields, which begin at `from`. */
function writeOurs(headers: string[], from: number, plan: ForwardPlan, edits: CompiledEdits): void {
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
  if (lower === "traceparent" || lower === "tracestate") return "context";
  if (lower === "baggage") return lower;
  // Expect is answered here. Of what tells upstreams how a request came here, and for what, nothing of a client's survives.
  return isWrittenAnew(name) || isDeletedFromRequests(name) ? "drop" : "pass";
}

/** What the forwarding fields say of a site, the same for each of its requests. */
interface SiteFields {
  readonly authority: string;
  readonly port: string;
  /** Behind each hop of Forwarded. */
  readonly seen: string;
}

/** Made once for each published origin of a configuration version. */
function createSiteFields(): (origin: Origin) => SiteFields {
  const known = new WeakMap<Origin, SiteFields>();
  return (origin) => {
    const before = known.get(origin);
    if (before !== undefined) return before;
    const authority = authorityOf(origin);
    const made = { authority, port: String(origin.port), seen: `;host=${quotedIfNeeded(authority)};proto=${origin.scheme}` };
    known.set(origin, made);
    return made;
  };
}

/** Writes our own forwarding fields behind `headers`. `peer` is the address at the other end of the client's connection. */
function writeForwardingHeaders(headers: string[], { incoming, site, route }: ForwardPlan, peer: string, fields: SiteFields): void {
  const { authority, port, seen } = fields;
  const chain = incoming.peerTrusted ? believedChain(incoming, peer) : [peer];
  headers.push("X-Forwarded-For", chain.join(", "), "X-Forwarded-Proto", site.origin.scheme, "X-Forwarded-Host", authority);
  headers.push("X-Forwarded-Port", port, "X-Real-IP", incoming.client);
  headers.push("Forwarded", chain.map((hop) => `for=${forwardedNode(hop)}${seen}`).join(", "), "X-Request-Id", incoming.id);
  // Frameworks put it before the addresses that they make; what others make is mapped on the way back.
  const { stripPath, path } = route.settings;
  if (stripPath && path !== "/") headers.push("X-Forwarded-Prefix", path);
}

/** The peer's address in the spelling used everywhere else; IPv4-mapped IPv6 is IPv4. */
export function peerAddress(incoming: Incoming, remoteAddress: string | undefined): string {
  // No proxy spoke for another: the client is the peer.
  if (!incoming.peerTrusted) return incoming.client;
  const zoneless = (remoteAddress ?? "").replace(/%.*$/, "");
  const parsed = parseAddress(zoneless);
  return parsed === null ? "unknown" : formatAddress(parsed);
}

/**
 * The hops from the client on, each vouched for by a trusted proxy. What stood left of the client was the client's own claim and is
 * not repeated: upstreams that read the leftmost entry would believe it.
 */
function believedChain(incoming: Incoming, peer: string): string[] {
  if (incoming.client === peer) return [peer];
  const hops: string[] = [];
  for (let at = 0; at < incoming.rawHeaders.length; at += 2)
    if (incoming.rawHeaders[at]?.toLowerCase() === "x-forwarded-for")
      for (const part of (incoming.rawHeaders[at + 1] ?? "").split(",")) {
        const address = parseAddress(part.trim());
        if (address !== null) hops.push(formatAddress(address));
      }
  const from = hops.lastIndexOf(incoming.client);
  return from === -1 ? [incoming.client, peer] : [...hops.slice(from), peer];
}

/** RFC 7239 section 6: IPv6 in brackets and therefore in quotes. */
function forwardedNode(address: string): string {
  return address.includes(":") ? `"[${address}]"` : address;
}

/** A port or an IPv6 address makes it more than a token. */
function quotedIfNeeded(authority: string): string {
  return authority.includes(":") ? `"${authority}"` : authority;
}

/** The operator's plain edits of one direction, compiled once per route. */
export interface CompiledEdits {
  /** Folded names that may not pass: those to remove, and those that the gateway sets itself. Null when there are none. */
  readonly drops: ReadonlySet<string> | null;
  readonly set: readonly (readonly [name: string, value: string])[];
}

/** Framing belongs to the gateway: an edit that names it is without effect (`check` refuses it before). */
export function compileEdits(edits: HeaderEdits<string | Secret>): CompiledEdits {
  const set = Object.entries(edits.set)
    .filter(([name]) => !isFramingName(name))
    .map(([name, value]) => [name, asBytes(typeof value === "string" ? value : value.reveal())] as const);
  const names = [...edits.remove, ...set.map(([name]) => name)].map(foldHeaderName).filter((name) => !isFramingName(name));
  return { drops: names.length === 0 ? null : new Set(names), set };
}

/** One char per byte, as Node and undici want header values; text beyond ASCII travels as UTF-8. */
function asBytes(value: string): string {
  return Buffer.from(value, "utf8").toString("latin1");
}

/**
 * Fields that a sender may not have dropped by naming them in Connection: who is calling, for which host, and how the body is
 * framed are not the sender's to hide (the "hop-by-hop abuse" that strips identity or forwarding headers behind a proxy).
 */
const unnameable: ReadonlySet<string> = new Set(["host", "content-length", "cookie", "set-cookie", "authorization"]);

/**
 * Takes out of `headers` (name and value alternating) what the sender's Connection fields name. To be called before anything of ours
 * is in it.
 */
export function removeNamed(headers: string[], connection: readonly string[]): void {
  const named = namedBy(connection);
  if (named !== null) removeWhere(headers, 0, (name) => named.has(name.toLowerCase()));
}

/** Takes the fields out, in place, that `unwanted` says so of. */
function removeWhere(headers: string[], from: number, unwanted: (name: string) => boolean): void {
  let kept = from;
  for (let at = from; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? "";
    if (unwanted(name)) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[at + 1] ?? "";
    kept += 2;
  }
  headers.length = kept;
}

/** Null when they name nothing, which is the usual case. */
function namedBy(connection: readonly string[]): ReadonlySet<string> | null {
  let named: Set<string> | null = null;
  for (const value of connection) {
    if (value === "keep-alive" || value === "close") continue;
    for (const part of value.split(",")) {
      const name = part.trim().toLowerCase();
      if (name === "" || isHopByHop(name) || name === "close" || unnameable.has(name)) continue;
      named ??= new Set();
      named.add(name);
    }
  }
  return named;
}
