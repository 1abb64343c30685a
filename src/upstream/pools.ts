import type { Socket } from "node:net";
import { Pool } from "undici";
import type { Log } from "../core/ports/log.ts";
import type { ProxySettings } from "../core/settings.ts";
import { type Connect, connectionKey, createConnector } from "./connector.ts";
import { insistOnStrictAnswers } from "./strict-answers.ts";

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
