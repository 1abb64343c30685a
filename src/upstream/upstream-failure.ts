import { type ErrorCode, GatewayError } from "../core/errors.ts";

/**
 * What a failed exchange with an upstream means for the visitor: 502, or 504 when it was too slow. The original stays as the cause,
 * for the log.
 */
export function upstreamFailure(cause: Error, upstream: string): GatewayError {
  if (cause instanceof GatewayError) return cause;
  const code = codeOf(cause);
  return new GatewayError(classify(code, cause.message), `${upstream}: ${cause.message}${code === "" ? "" : ` (${code})`}`, { cause });
}

/** The connection ended without a word: what an idle connection looks like that the upstream had closed just before. */
export function isSilentClose(cause: Error): boolean {
  const code = codeOf(cause);
  return code === "ECONNRESET" || code === "EPIPE" || (code === "UND_ERR_SOCKET" && !/^bad /.test(cause.message));
}

export function codeOf(cause: Error): string {
  const code: unknown = "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : "";
}

function classify(code: string, message: string): ErrorCode {
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT" || code.endsWith("_TIMEOUT")) return "upstream.timeout";
  // undici says "bad response" and "bad upgrade" with the code of an ordinary disconnect.
  if (code === "UND_ERR_SOCKET") return /^bad /.test(message) ? "upstream.answer-malformed" : "upstream.unreachable";
  if (/^HPE_|^UND_ERR_(?:HEADERS_OVERFLOW|RES_|PRX)|^ERR_ASSERTION$/.test(code)) return "upstream.answer-malformed";
  if (/does not match the HTTP/.test(message)) return "upstream.answer-malformed";
  if (/^ERR_(?:TLS|SSL|OSSL)|^EPROTO$|CERT|^UNABLE_TO|^HOSTNAME_MISMATCH$|^INVALID_(?:CA|PURPOSE)/.test(code)) return "upstream.tls-failed";
  if (/^UND_ERR_(?:INVALID_ARG|NOT_SUPPORTED)$|^ERR_INVALID_/.test(code)) return "gateway.internal";
  return "upstream.unreachable";
}
