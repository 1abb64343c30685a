import { isIP, type Socket } from "node:net";
import { buildConnector, Pool } from "undici";
import type { Log } from "../core/ports/log.ts";
import type { ProxySettings } from "../core/settings.ts";

/** Heads of answers beyond this are refused; applications do set large cookies, so it is more than the 16 KiB we accept ourselves. */
export const maxAnswerHeadBytes = 64 * 1024;

/** Connections to upstreams, shared by all routes and configuration versions that would open the same ones. */
export interface Pools {
  /** The pool for this upstream; opened on first use. */
  open(url: URL, proxy: ProxySettings): Pool;
  /** Closes every pool that is not among `keys`, each once its last exchange is over. */
  retainOnly(keys: ReadonlySet<string>): void;
  /**
   * Whether the connection that broke with this error had carried an answer before: then the upstream closed an idle connection at
   * the moment we used it, and has most likely not seen the request.
   */
  brokeAfterUse(error: Error): boolean;
  /** Closes gracefully; what is still open after `graceMs` is cut. */
  close(graceMs: number): Promise<void>;
}

export function createPools({ log }: { log: Log }): Pools {
  const pools = new Map<string, Pool>();
  const closing = new Set<Promise<void>>();
  const usedBefore = new WeakSet<Error>();

  const retire = (key: string, pool: Pool) => {
    pools.delete(key);
    const done = pool.close().catch((error: unknown) => log.warn({ error }, "an upstream pool did not close cleanly"));
    closing.add(done);
    void done.finally(() => closing.delete(done));
  };

  return {
    open(url, proxy) {
      const key = connectionKey(url.origin, proxy);
      const known = pools.get(key);
      if (known !== undefined) return known;
      const pool = openPool(url, proxy, usedBefore);
      pools.set(key, pool);
      return pool;
    },
    retainOnly(keys) {
      for (const [key, pool] of [...pools]) if (!keys.has(key)) retire(key, pool);
    },
    brokeAfterUse: (error) => usedBefore.has(error),
    async close(graceMs) {
      const open = [...pools.values()];
      for (const [key, pool] of [...pools]) retire(key, pool);
      let timer: NodeJS.Timeout | undefined;
      const graceOver = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([Promise.all(closing), graceOver]);
      clearTimeout(timer);
      await Promise.all(open.map((pool) => pool.destroy()));
    },
  };
}

function openPool(url: URL, proxy: ProxySettings, usedBefore: WeakSet<Error>): Pool {
  return new Pool(url.origin, {
    connect: watchedConnector(url, proxy, usedBefore),
    allowH2: false,
    pipelining: 1,
    maxHeaderSize: maxAnswerHeadBytes,
    // The exchange keeps its own time: undici's timers are coarse, and do not see a client that stopped reading.
    headersTimeout: 0,
    bodyTimeout: 0,
    // Shorter than what servers commonly keep (5 s in Node), so that it is us who close idle connections.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 60_000,
  });
}

function watchedConnector(url: URL, proxy: ProxySettings, usedBefore: WeakSet<Error>): Connect {
  const connect = createConnector(url, proxy, { allowHalfOpen: false });
  return (options, callback) =>
    connect(options, (...outcome) => {
      callback(...outcome);
      // On failure there is no second argument, whatever the types say.
      if (outcome[0] === null) watch(outcome[1], usedBefore);
    });
}

function watch(socket: Socket, usedBefore: WeakSet<Error>): void {
  insistOnStrictAnswers(socket);
  socket.prependListener("error", (error) => {
    if (socket.bytesRead > 0) usedBefore.add(error);
  });
}

/** Opens one connection, TLS included, within the connect timeout. */
export type Connect = buildConnector.connector;

/**
 * How this upstream is reached. The name it must prove is the configured one, else the upstream URL's own host: never the visitor's
 * Host, which `preserveHost` sends along (undici would take it for SNI and for the certificate check).
 */
export function createConnector(
  url: URL,
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
  const connect = buildConnector({ ...(url.protocol === "https:" ? proof : {}), allowH2: false, timeout: connectTimeoutMs, allowHalfOpen });
  return ({ servername: _visitorsHost, ...options }, callback) => connect(options, callback);
}

/** Two upstreams with equal keys may share connections: same address, same proof of identity in both directions. */
export function connectionKey(origin: string, { connectTimeoutMs, tls }: ProxySettings): string {
  const { ca, certificate, key, serverName, insecureSkipVerify } = tls;
  return JSON.stringify([origin, connectTimeoutMs, ca, certificate, key?.reveal() ?? null, serverName, insecureSkipVerify]);
}

/** The part of undici's response parser that is looked at here (lib/dispatcher/client-h1.js of the pinned version). */
interface ResponseParser {
  readonly ptr: number;
  readonly llhttp: { llhttp_get_http_major(ptr: number): number; llhttp_get_http_minor(ptr: number): number };
  readonly hasTransferEncoding: boolean;
  onHeadersComplete(status: number, upgrade: boolean, keepAlive: boolean): number;
}

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
    return complete.call(parser, status === 100 ? 102 : status, upgrade, keepAlive);
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
