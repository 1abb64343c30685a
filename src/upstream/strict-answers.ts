import type { Socket } from "node:net";

/** The part of undici's response parser that is looked at here (lib/dispatcher/client-h1.js of the pinned version). */
interface ResponseParser {
  readonly ptr: number;
  readonly llhttp: { llhttp_get_http_major(ptr: number): number; llhttp_get_http_minor(ptr: number): number };
  readonly hasTransferEncoding: boolean;
  onHeadersComplete(status: number, upgrade: boolean, keepAlive: boolean): number;
}

/** An interim status that means nothing, and so ends here. */
const skipped = 199;

/**
 * Corrects what undici's parser makes of a response head, on one connection.
 *
 * An unasked `100 Continue` is skipped like any other interim answer, as RFC 9110 section 15.2 demands; undici takes it for a broken
 * upstream, and some servers send it before every answer to a POST. `HTTP/2.0`, `HTTP/0.9` and `RTSP/1.0` status lines are refused, and
 * so is Transfer-Encoding on HTTP/1.0 (RFC 9112 section 6.1); undici lets them pass.
 *
 * There is no public way to do either. Should the parser not be found, everything works without these corrections; a test watches
 * that it is.
 */
export function insistOnStrictAnswers(socket: Socket): boolean {
  const parser = parserOf(socket);
  if (parser === null) return false;
  const complete = parser.onHeadersComplete;
  parser.onHeadersComplete = (status, upgrade, keepAlive) => {
    const major = parser.llhttp.llhttp_get_http_major(parser.ptr);
    const minor = parser.llhttp.llhttp_get_http_minor(parser.ptr);
    if (major !== 1 || (minor === 0 && parser.hasTransferEncoding)) {
      socket.destroy(Object.assign(new Error(`an answer in HTTP/${major}.${minor}`), { code: "HPE_INVALID_VERSION" }));
      return -1;
    }
    return complete.call(parser, status === 100 ? skipped : status, upgrade, keepAlive);
  };
  return true;
}

function parserOf(socket: Socket): ResponseParser | null {
  const key = Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === "parser");
  if (key === undefined) return null;
  const parser: unknown = Reflect.get(socket, key);
  return isResponseParser(parser) ? parser : null;
}

function isResponseParser(value: unknown): value is ResponseParser {
  return (
    typeof value === "object" &&
    value !== null &&
    "onHeadersComplete" in value &&
    typeof value.onHeadersComplete === "function" &&
    "llhttp" in value &&
    "ptr" in value
  );
}
