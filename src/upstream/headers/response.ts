import { GatewayError } from "../../core/errors.ts";
import { setsOwnCookie } from "../../http/cookies.ts";
import { foldHeaderName, isHopByHop, rememberPerName } from "../../lib/header-names.ts";
import { type CompiledEdits, removeNamed } from "./rules.ts";

/** The headers of an answer, ready for `writeHead` (name and value alternating), and the length that the upstream declared. */
export interface AnswerHead {
  readonly headers: string[];
  readonly contentLength: number | null;
}
export type BuildResponseHeaders = (
  raw: readonly (string | Buffer)[],
  answer: { readonly status: number; readonly edits: CompiledEdits; readonly setCookie: readonly string[] },
) => AnswerHead;

type NameKind = "pass" | "drop" | "connection" | "content-length" | "transfer-encoding" | "set-cookie";

/**
 * Rebuilds the header set of an upstream's answer: hop-by-hop fields and what Connection names end here, cookies of our own names
 * are dropped (an upstream must not be able to sign anybody in or out), everything else passes in order and byte for byte.
 *
 * Throws `upstream.answer-malformed` for a transfer coding other than `chunked`: it was not decoded, and the bytes would be passed
 * on as something that they are not.
 */
export function createBuildResponseHeaders({ cookieName }: { cookieName: string }): BuildResponseHeaders {
  const kindOf = rememberPerName(classify);
  return (raw, { status, edits, setCookie }) => {
    const headers: string[] = [];
    let contentLength: number | null = null;
    let connection: string[] | null = null;
    let codings = 0;
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
      headers.push(name, value);
    }
    if (contentLength !== null && codings > 0) throw malformed("Content-Length beside Transfer-Encoding");
    // Connection may stand anywhere in the head, so what it names is taken out at the end.
    if (connection !== null) removeNamed(headers, connection);
    for (const [name, value] of edits.set) headers.push(name, value);
    // What an application failed to do (sign somebody out) has not happened: the browser keeps its cookie then.
    if (status < 400) for (const value of setCookie) headers.push("Set-Cookie", value);
    return { headers, contentLength };
  };
}

function classify(name: string): NameKind {
  const lower = name.toLowerCase();
  if (lower === "connection" || lower === "content-length" || lower === "transfer-encoding" || lower === "set-cookie") return lower;
  return isHopByHop(lower) ? "drop" : "pass";
}

function asText(bytes: string | Buffer | undefined): string {
  return typeof bytes === "string" ? bytes : (bytes?.toString("latin1") ?? "");
}

function malformed(why: string): GatewayError {
  return new GatewayError("upstream.answer-malformed", `the upstream's answer has ${why}`);
}
