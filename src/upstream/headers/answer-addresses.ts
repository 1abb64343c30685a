import { authorityOf, formatOrigin, upstreamAddress } from "../../core/origin.ts";
import { canonicalHost } from "../../http/host.ts";
import { isUnderPrefix, stripPath } from "../../lib/path.ts";
import type { ForwardPlan } from "../plan.ts";
import { type Upstream, upstreamTarget } from "../upstreams.ts";

/** Whose answer it is: needed to say where the visitor finds what the application names. */
export interface Answering {
  readonly plan: ForwardPlan;
  readonly upstream: Upstream;
}

/** Fields whose value is an address, or holds addresses in a form that is known. */
export type AddressField = "address" | "refresh" | "link";

const fields: ReadonlyMap<string, AddressField> = new Map([
  ["location", "address"],
  ["content-location", "address"],
  ["refresh", "refresh"],
  ["link", "link"],
  // The paths that a service worker may take over: `/` would be the whole host.
  ["service-worker-allowed", "address"],
]);

/** What kind of addresses a field of an answer holds; null for nearly all. `name` is in lower case. */
export function addressFieldOf(name: string): AddressField | null {
  return fields.get(name) ?? null;
}

/**
 * The way back of what `stripPath`, a path in the upstream's URL and `preserveHost: false` do on the way there: an address that an
 * application names is one where it believes itself to be, and the visitor gets the one where it is published. Addresses of others,
 * and paths that are under the route's prefix already (the application heeds `X-Forwarded-Prefix`), stay byte for byte.
 */
export function mapAddresses(field: AddressField, value: string, answering: Answering): string {
  switch (field) {
    case "refresh":
      return value.replace(/^([\d.\s]*[;,]\s*(?:url\s*=\s*)?)(["']?)(.+?)\2(\s*)$/i, (_, before: string, quote: string, url: string) => {
        return before + quote + mapAddress(url, answering) + quote;
      });
    case "link":
      return value.replace(/<([^<>]*)>/g, (_, url: string) => `<${mapAddress(url, answering)}>`);
    default:
      return mapAddress(value, answering);
  }
}

function mapAddress(value: string, answering: Answering): string {
  const { plan, upstream } = answering;
  if (!isMoved(answering) && !/^(?:https?:)?[/\\]{2}/i.test(value)) return value;
  // Bytes beyond ASCII are written as escapes before anything decodes them as something else.
  const reference = value.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  const url = URL.parse(reference, `${upstream.url.protocol}//application.invalid${upstreamTarget(plan, upstream)}`);
  if (url === null || !/^https?:$/.test(url.protocol)) return value;
  const rest = url.search + url.hash;
  if (url.hostname === "application.invalid") {
    return /^[?#]|^$/.test(value) ? value : mapPath(url.pathname, answering) + rest;
  }
  const isVisitors = url.hostname === plan.incoming.hostname || url.hostname === plan.site.origin.hostname;
  const internal = internalPlace(url, "host", answering) ?? (isVisitors ? null : internalPlace(url, "hostname", answering));
  if (internal !== null) return formatOrigin(plan.site.origin) + mapPath(url.pathname, internal) + rest;
  return isVisitors && isMoved(answering) ? url.origin + mapPath(url.pathname, answering) + rest : value;
}

/** Whether paths differ between the visitor and the application. */
function isMoved({ plan, upstream }: Answering): boolean {
  return prefixOf(plan) !== "" || upstream.basePath !== "";
}

function prefixOf({ route: { settings } }: ForwardPlan): string {
  return settings.stripPath && settings.path !== "/" ? settings.path : "";
}

function mapPath(path: string, { plan, upstream: { basePath } }: Answering): string {
  const prefix = prefixOf(plan);
  if (basePath === "") return prefix === "" || isUnderPrefix(path, prefix) ? path : path === "/" ? `${prefix}/` : prefix + path;
  if (!isUnderPrefix(path, basePath)) return path;
  const inner = path.slice(basePath.length);
  return prefix + (inner.startsWith("/") ? inner : `/${inner}`);
}

/**
 * The upstream of this app that an address names by its internal host, and the route that leads there; this route's first. Another port
 * of the same host (`http` that redirects to its own `https`) is no less internal.
 */
function internalPlace(url: URL, same: "host" | "hostname", { plan, upstream }: Answering): Answering | null {
  if (url.host === authorityOf(plan.site.origin)) return null;
  if (upstream.url[same] === url[same]) return { plan, upstream };
  for (const route of [plan.route, ...plan.route.app.routes])
    for (const configured of route.settings.upstreams) {
      const { url: other } = upstreamAddress(configured.url);
      if (other[same] !== url[same]) continue;
      return { plan: { ...plan, route }, upstream: { ...upstream, url: other, basePath: other.pathname.replace(/\/$/, "") } };
    }
  return null;
}

/** A Set-Cookie with its Path as the browser sees it, and without a Domain that is the upstream's internal host. */
export function mapCookieScope(cookie: string, answering: Answering): string {
  const { hostname } = answering.upstream.url;
  const namesHost = /;\s*domain\s*=/i.test(cookie);
  if (!namesHost && !isMoved(answering)) return cookie;
  const [pair = "", ...attributes] = cookie.split(";");
  const mapped = attributes.flatMap((attribute) => {
    const [, before = "", name = "", value = ""] = /^(\s*(path|domain)\s*=\s*)(.*?)\s*$/i.exec(attribute) ?? [];
    if (name.toLowerCase() === "domain") return value.replace(/^\./, "").toLowerCase() === hostname ? [] : [attribute];
    // The browser takes a cookie of this name prefix with `Path=/` alone.
    if (name === "" || !value.startsWith("/") || /^\s*__host-/i.test(pair)) return [attribute];
    const path = mapPath(value, answering);
    return [before + (path.length > 1 ? path.replace(/\/$/, "") : path)];
  });
  return [pair, ...mapped].join(";");
}

/** What stands for the upstream's internal address in a field of any other kind, with `preserveHost: false`. */
export function createHideUpstream(upstream: Upstream): (value: string, plan: ForwardPlan) => string {
  const host = upstream.authority.toLowerCase();
  const named = new RegExp(`(https?://)?(?<![\\w.-])${host.replace(/[.[\]]/g, "\\$&")}(?![\\w.:-])`, "gi");
  return (value, { site }) => {
    if (!value.toLowerCase().includes(host)) return value;
    return value.replace(named, (_, scheme?: string) => (scheme === undefined ? authorityOf(site.origin) : formatOrigin(site.origin)));
  };
}

/** What two WebDAV fields must say so that the upstream recognises its own addresses in them. */
interface WebDavFields {
  /** Null leaves the client's own bytes. */
  readonly destination: string | null;
  /** The If field with its resource tags rewritten (RFC 4918 10.4). */
  rewriteIf(value: string): string;
}

const asReceived: WebDavFields = { destination: null, rewriteIf: (value) => value };

/**
 * Addresses inside fields, as the upstream knows them: its own scheme (mod_dav answers 502 to `https` when it is reached over `http`), the
 * Host that it gets, the path without what `stripPath` takes away. `host` is that Host.
 */
export function webDavFields(plan: ForwardPlan, upstream: Upstream, host: string): WebDavFields {
  const { destination, route } = plan;
  const { rewriteDestination } = route.settings.proxy;
  const own = rewriteDestination ? `${upstream.url.protocol}//${host}` : formatOrigin(plan.site.origin);
  const isPlain = !rewriteDestination && !route.settings.stripPath;
  if (isPlain && destination?.route.settings.stripPath !== true) return asReceived;
  return {
    destination: destination === null ? null : own + upstreamTarget({ ...plan, ...destination }, upstream),
    rewriteIf: (value) => rewriteTags(value, (tag) => own + strip(plan, upstream, tag), plan),
  };
}

/** A resource tag is a `<URL>` that a list follows; what stands inside lists are tokens. */
function rewriteTags(value: string, rewrite: (path: string) => string, { incoming, site }: ForwardPlan): string {
  return value.replace(/<(https?):\/\/([^/>]+)(\/[^>]*)>(?=[ \t]*\()/gi, (tag, _scheme: string, authority: string, path: string) => {
    const hostname = canonicalHost(authority)?.hostname;
    return hostname === incoming.hostname || hostname === site.origin.hostname ? `<${rewrite(path)}>` : tag;
  });
}

function strip(plan: ForwardPlan, upstream: Upstream, path: string): string {
  const { stripPath: strips, path: prefix } = plan.route.settings;
  return upstream.basePath + ((strips ? stripPath(path, prefix) : null) ?? path);
}
