import { asGatewayError, type GatewayError } from "../../core/errors.ts";
import type { Question } from "../../core/explanation.ts";
import type { Incoming } from "../../core/incoming.ts";
import { formatOrigin, type Origin } from "../../core/origin.ts";
import { createReadIncoming, requestHead } from "../../http/read-incoming.ts";
import { formatAddress, parseAddress, parseNetworks } from "../../lib/networks.ts";
import type { Rules } from "../judge.ts";

/** A question as the request that it means. */
export interface Asked {
  readonly kind: "asked";
  readonly incoming: Incoming;
  readonly scheme: "http" | "https";
}

/**
 * Reads a question with the very function that reads requests. The URL is cut by hand: a WHATWG URL parser would resolve `..` and `\`
 * before anyone could say that the gateway refuses them. `origin` is the page that asks for a WebSocket.
 */
export function readQuestion(
  rules: Rules,
  question: Question,
  origin: string | null,
): Asked | { readonly kind: "malformed"; readonly why: string } {
  const match = /^(https?):\/\/([^/?#\\]+)([^?#]*)(\?[^#]*)?$/i.exec(question.url);
  if (match === null) return malformed("this is not a URL such as https://wiki.acme.example/page");
  const scheme = match[1]?.toLowerCase() === "http" ? "http" : "https";
  const address = parseAddress(question.address ?? "127.0.0.1");
  if (address === null) return malformed(`${question.address ?? ""} is not an IP address`);
  const kind = question.websocket ? handshake(origin) : [["Accept", "text/html"] as const];
  // What a browser's address bar does to letters that no request may hold.
  const path = (match[3] || "/").replace(/[^!-~]+/gu, (run) => encodeURIComponent(run.toWellFormed()));
  const head = requestHead({
    method: question.method,
    target: path + (match[4] ?? ""),
    fields: [["Host", match[2] ?? ""], ...kind],
    address: formatAddress(address),
    encrypted: scheme === "https",
  });
  const readIncoming = createReadIncoming({
    trusted: parseNetworks([]),
    clock: () => question.at,
    newRequestId: () => "explain",
    takesRawBytes: rules.takesRawBytes,
  });
  try {
    return { kind: "asked", incoming: readIncoming(head), scheme };
  } catch (error) {
    return malformed(spellRefused(asGatewayError(error)));
  }
}

function handshake(origin: string | null): readonly (readonly [string, string])[] {
  const asks = [
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", "ZXhwbGFpbiBleHBsYWluIQ=="],
  ] as const;
  return origin === null ? asks : [...asks, ["Origin", origin]];
}

function spellRefused({ code, message, status }: GatewayError): string {
  if (code === "request.path-ambiguous") return `the path has ${message}: ${status}`;
  if (code === "request.host-malformed") return `the host is malformed: ${status}`;
  return `${message}: ${status}`;
}

function malformed(why: string): { readonly kind: "malformed"; readonly why: string } {
  return { kind: "malformed", why };
}

/** Asks for a WebSocket as a page of the app itself does. */
export function fromOwnPage(rules: Rules, question: Question, { incoming }: Asked, { origin }: { readonly origin: Origin }): Incoming {
  if (!incoming.websocket) return incoming;
  const read = readQuestion(rules, question, formatOrigin(origin));
  return read.kind === "asked" ? read.incoming : incoming;
}
