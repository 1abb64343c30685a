import { controlPrefix } from "../../core/route.ts";
import type { PathSpec } from "../../core/rules.ts";
import { canonicalPattern, isUnderPrefix } from "../../lib/path.ts";
import { didYouMean } from "../problems/suggest.ts";
import { bad, good, type Parsed } from "./amounts.ts";

/** Methods that can reach an upstream (RFC 9110, RFC 5789, WebDAV and its relatives). CONNECT and TRACE never do. */
export const methods = [
  ..."GET HEAD POST PUT PATCH DELETE OPTIONS QUERY".split(" "),
  ..."PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH ACL".split(" "),
  ..."MKCALENDAR MKACTIVITY CHECKOUT MERGE BIND REBIND UNBIND LINK UNLINK".split(" "),
  ..."NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE SOURCE M-SEARCH".split(" "),
];

export function parseMethod(text: string): Parsed<string> {
  if (methods.includes(text)) return good(text);
  if (methods.includes(text.toUpperCase())) return bad(`methods are written in capitals: write ${text.toUpperCase()}`);
  const guess = didYouMean(text, methods);
  return bad(`${JSON.stringify(text)} is not a method that can reach an app${guess === null ? "" : `; ${guess}`}`);
}

/** A glob on the canonical path, in the form that readings have. */
export function parseGlob(text: string): Parsed<string> {
  if (!text.startsWith("/")) return bad(`${JSON.stringify(text)}: a path begins with /: write ${JSON.stringify(`/${text}`)}`);
  if (text.length > 512) return bad("this path is longer than 512 characters");
  if (/[?#]/.test(text)) return bad(`${JSON.stringify(text)}: the query takes no part in rules: write the path alone`);
  if (/[[\]{}]/.test(text)) return bad(`${JSON.stringify(text)}: only * (within a segment) and ** (across segments) are special here`);
  if (/\*{3}/.test(text)) return bad(`${JSON.stringify(text)}: write * (within a segment) or ** (across segments)`);
  if ((text.match(/\*+/g) ?? []).length > 8) return bad(`${JSON.stringify(text)} has more than eight wildcards`);
  const pattern = canonicalPattern(text);
  if (pattern === null || /\/\//.test(text)) {
    return bad(`${JSON.stringify(text)} can match no request: paths have no empty or dot segments, no backslash and no broken % escapes`);
  }
  if (isOwnPath(pattern)) return bad(`${JSON.stringify(text)}: paths under /_vestibule belong to the gateway itself`);
  return good(pattern);
}

/** An entry of `public`, `optional` or `logoutPaths`: a glob, for all methods or for the one in front of it. */
export function parsePathSpec(text: string): Parsed<PathSpec> {
  const match = /^([^/\s]+) +(.*)$/.exec(text);
  if (match === null) {
    const glob = parseGlob(text);
    return glob.ok ? good({ method: null, glob: glob.value }) : glob;
  }
  const method = parseMethod(match[1] ?? "");
  if (!method.ok) return method;
  const glob = parseGlob(match[2] ?? "");
  return glob.ok ? good({ method: method.value, glob: glob.value }) : glob;
}

/** A route's path: a prefix on segment borders, without a slash at its end. */
export function parseRoutePath(text: string): Parsed<string> {
  if (text === "/") return good(text);
  if (text.includes("*")) {
    return bad(
      `${JSON.stringify(text)}: a route is a prefix and covers all below it: write ${JSON.stringify(text.replace(/\/?\*.*$/, "") || "/")}`,
    );
  }
  if (text.endsWith("/"))
    return bad(`${JSON.stringify(text)}: write it without the slash at the end, ${JSON.stringify(text.replace(/\/+$/, "") || "/")}`);
  const glob = parseGlob(text);
  if (!glob.ok) return glob;
  // Servlet-style parameters and escaped slashes have several readings; a prefix must have one.
  if (/;|%2F|%5C|%25|%3B/.test(glob.value)) return bad(`${JSON.stringify(text)}: a route's path has no ; and no encoded /, \\, ; or %`);
  return glob;
}

function isOwnPath(pattern: string): boolean {
  return isUnderPrefix(pattern, controlPrefix);
}
