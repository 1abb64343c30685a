import { GatewayError } from "../core/errors.ts";
import type { Exchange } from "./exchange.ts";
import { mapAddresses } from "./headers/answer-addresses.ts";
import type { Upstream } from "./upstreams.ts";

/** What was passed on of one exchange's interim answers. */
export interface InterimCount {
  hints: number;
  hintBytes: number;
  processingAt: number;
}

/** A page has a few early hints; what is more was not meant for a browser. */
const maxHints = 8;
const maxHintBytes = 16 * 1024;
/** 102 says "still working": once in a while is all that it can say. */
const processingEveryMs = 1_000;

/**
 * Passes early hints (103, RFC 8297) and 102 on, within bounds. Nothing waits for an interim answer to be read, so an application that
 * floods them at a client which does not read would fill memory: while anything is still on its way to the client they are dropped,
 * which costs nothing but the hint. Other interim answers end here. None prolongs the wait for the final answer.
 *
 * Throws `upstream.answer-malformed` for what is not HTTP: 101 to a request that asked for no upgrade, or a status like 099.
 */
export function relayInterim(
  exchange: Exchange,
  upstream: Upstream,
  { status, headers, now }: { status: number; headers: Readonly<Record<string, string | string[] | undefined>>; now: number },
): void {
  if (status < 100 || status === 101) throw new GatewayError("upstream.answer-malformed", `the upstream answered with status ${status}`);
  const { request, response } = exchange;
  if ((status !== 102 && status !== 103) || response.headersSent || request.httpVersionMinor === 0) return;
  if (response.socket === null || response.writableLength > 0) return;
  exchange.interim ??= { hints: 0, hintBytes: 0, processingAt: Number.NEGATIVE_INFINITY };
  if (status === 103) relayHints(exchange, upstream, headers.link ?? []);
  else if (now - exchange.interim.processingAt >= processingEveryMs) {
    exchange.interim.processingAt = now;
    response.writeProcessing();
  }
}

function relayHints(exchange: Exchange, upstream: Upstream, links: string | readonly string[]): void {
  const { interim, response, plan } = exchange;
  const mapped = [links].flat().map((link) => mapAddresses("link", link, { plan, upstream }));
  const bytes = mapped.reduce((sum, link) => sum + link.length, 0);
  if (interim === null || bytes === 0 || interim.hints >= maxHints || interim.hintBytes + bytes > maxHintBytes) return;
  interim.hints += 1;
  interim.hintBytes += bytes;
  try {
    response.writeEarlyHints({ link: mapped });
  } catch {
    // Node is strict about Link. A hint that cannot be passed on is no loss (RFC 8297 section 2).
  }
}
