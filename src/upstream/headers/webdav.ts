import { formatOrigin } from "../../core/origin.ts";
import { canonicalHost } from "../../http/host.ts";
import { stripPath } from "../../lib/path.ts";
import type { ForwardPlan } from "../plan.ts";
import { type Upstream, upstreamTarget } from "../upstreams.ts";

/** What two WebDAV fields must say so that the upstream recognises its own addresses in them. */
export interface WebDavFields {
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
