import { isIP, type Socket } from "node:net";
import { buildConnector } from "undici";
import type { UpstreamAddress } from "../core/origin.ts";
import type { ProxySettings } from "../core/settings.ts";

/** Opens one connection, TLS included, within the connect timeout. */
export type Connect = buildConnector.connector;

/**
 * How this upstream is reached. The name it must prove is the configured one, else the upstream URL's own host: never the visitor's
 * Host, which `preserveHost` sends along (undici would take it for SNI and for the certificate check).
 */
export function createConnector(
  { url, socketPath }: UpstreamAddress,
  { connectTimeoutMs, tls }: ProxySettings,
  { allowHalfOpen }: { allowHalfOpen: boolean },
): Connect {
  const name = tls.serverName ?? url.hostname.replace(/^\[|\]$/g, "");
  const proof = {
    // SNI may not hold an address (RFC 6066 section 3); the certificate is then checked against the address itself.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.certificate === null ? {} : { cert: tls.certificate }),
    ...(tls.key === null ? {} : { key: tls.key.reveal() }),
    // Said in either case: otherwise an environment variable could switch verification off.
    rejectUnauthorized: !tls.insecureSkipVerify,
    minVersion: "TLSv1.2" as const,
  };
  // A timeout of 0 means "none" to undici, and to operators.
  const connect = buildConnector({
    ...(url.protocol === "https:" ? proof : {}),
    ...(socketPath === null ? {} : { socketPath }),
    allowH2: false,
    timeout: connectTimeoutMs,
    allowHalfOpen,
  });
  return ({ servername: _visitorsHost, ...options }, callback) => connect(options, callback);
}

/** Two upstreams with equal keys may share connections: same address, same proof of identity in both directions. */
export function connectionKey({ name }: UpstreamAddress, { connectTimeoutMs, keepAliveMs, tls }: ProxySettings): string {
  const { ca, certificate, key, serverName, insecureSkipVerify } = tls;
  return JSON.stringify([name, connectTimeoutMs, keepAliveMs, ca, certificate, key?.reveal() ?? null, serverName, insecureSkipVerify]);
}

/** What became of connections that undici reads answers from; the errors it reports do not say. */
export interface ConnectionTrace {
  /**
   * Whether the connection that broke with this error had carried an answer before: then the upstream closed an idle connection at
   * the moment we used it, and has most likely not seen the request.
   */
  brokeAfterUse(error: Error): boolean;
  /**
   * A connection is being reset at this moment. To undici that is the end of an answer without a length, as a FIN is; a reset is what a
   * crashed application looks like, and an answer that it cut must not look whole.
   */
  isResetting(): boolean;
  /** A connector whose connections are traced, and whose answers are read strictly. */
  traced(connect: Connect): Connect;
}

export function createConnectionTrace(): ConnectionTrace {
  const usedBefore = new WeakSet<Error>();
  let resetting = false;
  const watch = (socket: Socket) => {
    insistOnStrictAnswers(socket);
    const writing = readBeforeFailing(socket);
    // Before and after undici's own listeners, which end the answer in between.
    const before = (error?: NodeJS.ErrnoException) => {
      if (error !== undefined && socket.bytesRead > 0) usedBefore.add(error);
      resetting = writing.failed || (error !== undefined && error.code !== "UND_ERR_INFO");
    };
    const after = () => {
      resetting = false;
    };
    socket.prependListener("error", before).on("error", after);
    socket.prependListener("end", before).on("end", after);
  };
  return {
    brokeAfterUse: (error) => usedBefore.has(error),
    isResetting: () => resetting,
    traced: (connect) => (options, callback) =>
      connect(options, (...outcome) => {
        callback(...outcome);
        // On failure there is no second argument, whatever the types say.
        if (outcome[0] === null) watch(outcome[1]);
      }),
  };
}

/** How long a connection that can no longer be written to may still be read from. */
const lastWordsMs = 1_000;

/**
 * Keeps a write that failed from destroying the connection before its answer was read.
 *
 * An application that refuses an upload answers, closes and lets the rest of the upload run into a reset. Its answer lies in this
 * machine then, and a reader that reads on gets it; Node destroys the socket at the first write that fails, with the answer unread. The
 * reading side comes to its own end soon: the whole answer, or the reset.
 */
function readBeforeFailing(socket: Socket): { readonly failed: boolean } {
  const state = { failed: false };
  const wait = (callback: WriteCallback): WriteCallback => {
    return (error) => {
      const code = error == null ? "" : (error as NodeJS.ErrnoException).code;
      if (code !== "EPIPE" && code !== "ECONNRESET") return callback(error);
      state.failed = true;
      const timer = setTimeout(callback, lastWordsMs, error);
      socket.once("close", () => clearTimeout(timer));
    };
  };
  // A stream brings the same callback each time, so that one function is made for a connection and not for each of its requests.
  let brought: WriteCallback | null = null;
  let waiting: WriteCallback = () => {};
  const patient = (callback: WriteCallback): WriteCallback => {
    if (callback !== brought) [brought, waiting] = [callback, wait(callback)];
    return waiting;
  };
  const { _write: write, _writev: writev } = socket;
  socket._write = (chunk, encoding, callback) => write.call(socket, chunk, encoding, patient(callback));
  if (writev) socket._writev = (chunks, callback) => writev.call(socket, chunks, patient(callback));
  return state;
}

type WriteCallback = (error?: Error | null) => void;

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
function insistOnStrictAnswers(socket: Socket): boolean {
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
