import { GatewayError } from "../../core/errors.ts";
import { setsOwnCookie } from "../../http/cookies.ts";
import { rememberPerName } from "../../lib/collections.ts";
import { foldHeaderName, isHopByHop } from "../../lib/header-names.ts";
import type { ForwardPlan } from "../plan.ts";
import type { Upstream } from "../upstreams.ts";
import { type AddressField, type Answering, addressFieldOf, createHideUpstream, mapAddresses, mapCookieScope } from "./answer-addresses.ts";
import { type CompiledEdits, removeNamed } from "./request.ts";

/** The headers of an answer, ready for `writeHead` (name and value alternating), and the length that the upstream declared. */
export interface AnswerHead {
  readonly headers: string[];
  readonly contentLength: number | null;
}
export type BuildResponseHeaders = (
  raw: readonly (string | Buffer)[],
  answer: Answering & { readonly status: number; readonly edits: CompiledEdits },
) => AnswerHead;

type NameKind =
  | "pass"
  | "drop"
  | "connection"
  | "content-length"
  | "transfer-encoding"
  | "set-cookie"
  | "clear-site-data"
  | CachingKind
  | AddressField;

/**
 * Rebuilds the header set of an upstream's answer: hop-by-hop fields and what Connection names end here, cookies of our own names
 * are dropped (an upstream must not be able to sign anyone in or out, nor Clear-Site-Data all cookies), what was made for one caller is
 * private (see `privateFields`), addresses are mapped to where the visitor finds them (see `mapAddresses`), everything else passes in
 * order and byte for byte.
 *
 * Throws `upstream.answer-malformed` for a transfer coding other than `chunked`: it was not decoded, and the bytes would be passed
 * on as something that they are not.
 */
export function createBuildResponseHeaders({ cookieName }: { cookieName: string }): BuildResponseHeaders {
  const kindOf = rememberPerName(classify);
  const hidings = new WeakMap<Upstream, Hide>();
  const hidingOf = (upstream: Upstream) => {
    const hide = hidings.get(upstream) ?? createHideUpstream(upstream);
    hidings.set(upstream, hide);
    return hide;
  };
  return (raw, answer) => {
    const { status, edits, plan, upstream } = answer;
    const audience = audienceOf(plan);
    const hide = plan.route.settings.proxy.preserveHost ? null : hidingOf(upstream);
    const headers: string[] = [];
    let contentLength: number | null = null;
    let connection: string[] | null = null;
    let codings = 0;
    // What the operator writes counts as written.
    const isOwn = audience !== "everyone" && status !== 101 && edits.drops?.has("cache-control") !== true;
    let said: string[] = none;
    let varies: string[] = none;
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const name = asText(raw[at]);
      const value = asText(raw[at + 1]);
      const kind = kindOf(name);
      if (kind === "drop") continue;
      if (kind === "transfer-encoding") {
        codings += 1;
        if (codings > 1 || value.trim().toLowerCase() !== "chunked") throw malformed(`transfer coding ${JSON.stringify(value)}`);
        continue;
      }
      if (kind === "connection") {
        connection ??= [];
        connection.push(value);
        continue;
      }
      if (kind === "set-cookie" && setsOwnCookie(value, cookieName)) continue;
      if (kind === "content-length") {
        // RFC 9110 section 8.6: no Content-Length on 204.
        if (status === 204) continue;
        contentLength = Number(value);
      } else if (edits.drops?.has(foldHeaderName(name))) continue;
      if (isOwn && kind === "shared-cache") continue;
      if (isOwn && kind === "cache-control") {
        said = [...said, value];
        continue;
      }
      if (isOwn && kind === "vary") varies = [...varies, value];
      const kept = kind === "pass" && hide === null ? value : valueFor(kind, value, answer, hide);
      if (kept !== null) headers.push(name, kept);
    }
    if (contentLength !== null && codings > 0) throw malformed("Content-Length beside Transfer-Encoding");
    // Connection may stand anywhere in the head, so what it names is taken out at the end.
    if (connection !== null) removeNamed(headers, connection);
    // Nearly every answer: an application that says nothing of caches, behind a login.
    if (isOwn && audience === "identity" && said.length === 0) headers.push("Cache-Control", "private");
    else if (isOwn) headers.push(...privateFields(audience, said, varies));
    for (const [name, value] of edits.set) headers.push(name, value);
    // A logout that the application failed to do has not happened: the browser keeps its cookie then.
    if (status < 400) for (const value of plan.setCookie) headers.push("Set-Cookie", value);
    return { headers, contentLength };
  };
}

const none: string[] = [];

function classify(name: string): NameKind {
  const lower = name.toLowerCase();
  if (lower === "connection" || lower === "content-length" || lower === "transfer-encoding" || lower === "set-cookie") return lower;
  if (lower === "clear-site-data") return lower;
  // RFC 7838: the application's other address leads past the gateway, for days.
  if (lower === "alt-svc") return "drop";
  return cachingKind(lower) ?? addressFieldOf(lower) ?? (isHopByHop(lower) ? "drop" : "pass");
}

type Hide = ReturnType<typeof createHideUpstream>;

/** What a field that may pass says to the visitor; null when nothing is left of it. */
function valueFor(kind: NameKind, value: string, answer: Answering, hide: Hide | null): string | null {
  if (kind === "set-cookie") return mapCookieScope(value, answer);
  if (kind === "address" || kind === "refresh" || kind === "link") return mapAddresses(kind, value, answer);
  const kept = kind === "clear-site-data" ? withoutCookies(value) : value;
  return hide === null || kept === null ? kept : hide(kept, answer.plan);
}

function asText(bytes: string | Buffer | undefined): string {
  return typeof bytes === "string" ? bytes : (bytes?.toString("latin1") ?? "");
}

function malformed(why: string): GatewayError {
  return new GatewayError("upstream.answer-malformed", `the upstream's answer has ${why}`);
}

/** For whom shared caches must take the answer to be. */
function audienceOf({ audience, route }: ForwardPlan): Audience {
  return route.settings.proxy.sharedCaches ? "everyone" : audience;
}

/** For whom an answer was made: for everyone, for this caller, or for each caller, where being known makes a difference. */
export type Audience = "everyone" | "optional" | "identity";

/** What concerns caches in the head of one answer. */
type CachingKind = "cache-control" | "shared-cache" | "vary";

/** Null for fields that are none of theirs. `name` is in lower case. */
function cachingKind(name: string): CachingKind | null {
  if (name === "cache-control" || name === "vary") return name;
  // These speak to shared caches alone and count for more there than Cache-Control (RFC 9213; nginx, Varnish, Akamai, Fastly).
  const isShared =
    name.endsWith("cdn-cache-control") || name === "surrogate-control" || name === "x-accel-expires" || name === "edge-control";
  return isShared ? "shared-cache" : null;
}

/**
 * Keeps an answer that was made for one caller out of shared caches (RFC 9111 3.5, 5.2.2.7).
 *
 * A cache in front sees one address and many visitors: what it keeps of one it serves to all. So `private` is said where the application
 * says nothing or `public`, what tells caches to look away from Cache-Control ends here, and where anonymous visitors get another answer
 * under the same address, `Vary: Cookie` says so. `said` are the Cache-Control values, `varies` the Vary values that the answer has.
 */
function privateFields(audience: Audience, said: readonly string[], varies: readonly string[]): string[] {
  const fields = ["Cache-Control", said.length === 0 ? "private" : privately(said.flatMap(splitDirectives))];
  const isVaried = varies.some((value) => /(?:^|,)\s*(?:\*|cookie)\s*(?:,|$)/i.test(value));
  if (audience === "optional" && !isVaried) fields.push("Vary", "Cookie");
  return fields;
}

function privately(directives: readonly string[]): string {
  const own = directives.filter((directive) => !/^(?:public|s-maxage\s*=.*|private\s*=.*|)$/i.test(directive));
  const isPrivate = own.some((directive) => /^(?:private|no-store)$/i.test(directive));
  return (isPrivate ? own : ["private", ...own]).join(", ");
}

/** At commas, but not at those in a quoted list of field names. */
function splitDirectives(value: string): readonly string[] {
  return (value.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? []).map((directive) => directive.trim());
}

/**
 * What is left of a Clear-Site-Data value: the application may clear its own caches and storage. `"cookies"` (and `"*"`, which includes
 * them) reaches every host of the domain, and would sign the visitor out of all of them and of the place where people sign in. Null when
 * nothing is left.
 */
function withoutCookies(clearSiteData: string): string | null {
  const types = clearSiteData.split(",").map((type) => type.trim());
  const kept = types.filter((type) => type !== "" && !/cookies|\*/i.test(type));
  return kept.length === 0 ? null : kept.join(", ");
}
