import { GatewayError } from "../core/errors.ts";

/** A request target taken apart (RFC 9112 3.2), nothing decoded. */
export interface Target {
  readonly path: string;
  /** `?…`, or empty. */
  readonly query: string;
  /** `host[:port]` of an absolute-form target; null for the origin form. */
  readonly authority: string | null;
}

const maxTargetBytes = 8 * 1024;

/** Throws `request.*` for every form that has no path of its own, and for targets that two parsers would cut differently. */
export function readTarget(target: string, method: string): Target {
  if (target.length > maxTargetBytes) throw new GatewayError("request.target-too-long", `${target.length} bytes of target`);
  // A fragment is never sent by a client; servers disagree whether the path ends there.
  if (target.includes("#")) throw new GatewayError("request.path-ambiguous", "a fragment in the target");
  if (target.charCodeAt(0) === 0x2f) return cutQuery(target, null);
  if (target === "*" && method === "OPTIONS")
    throw new GatewayError("request.method-not-allowed", "OPTIONS * asks about the server, not about an application");
  const absolute = /^https?:\/\/([^/?]+)(.*)$/i.exec(target);
  if (absolute === null) throw new GatewayError("request.malformed", "a request target without a path");
  const [, authority = "", rest = ""] = absolute;
  return cutQuery(rest.startsWith("/") ? rest : `/${rest}`, authority);
}

function cutQuery(target: string, authority: string | null): Target {
  const mark = target.indexOf("?");
  return mark === -1 ? { path: target, query: "", authority } : { path: target.slice(0, mark), query: target.slice(mark), authority };
}
