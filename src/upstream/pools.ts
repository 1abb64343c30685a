import { Client, type Dispatcher, Pool } from "undici";
import type { UpstreamAddress } from "../core/origin.ts";
import type { Log } from "../core/ports/log.ts";
import type { ProxySettings } from "../core/settings.ts";
import { within } from "../lib/timing.ts";
import { type ConnectionTrace, connectionKey, createConnector } from "./connector.ts";

/** Heads of answers beyond this are refused; applications do set large cookies, so it is more than the 16 KiB we accept ourselves. */
export const maxAnswerHeadBytes = 64 * 1024;

/** How long a connection that belongs to one client connection is kept while that client says nothing. */
const ownIdleMs = 75_000;

/** One connection that is shared with nothing; opened when it is first used, and again when the upstream closed it. */
export interface OwnConnection {
  /** It was closed, by its user or by a reload: what is dispatched now would fail. */
  readonly closed: boolean;
  dispatch(options: Omit<Dispatcher.DispatchOptions, "origin">, handler: Dispatcher.DispatchHandler): void;
  /** Once its last exchange is over. */
  close(): void;
  /** At once. */
  destroy(): void;
}

/** Connections to upstreams, shared by all routes and configuration versions that would open the same ones. */
export interface Pools {
  /** The pool for this upstream; opened on first use. */
  open(address: UpstreamAddress, proxy: ProxySettings): Pool;
  openOwn(address: UpstreamAddress, proxy: ProxySettings): OwnConnection;
  /** Closes every pool that is not among `keys`, each once its last exchange is over. */
  retainOnly(keys: ReadonlySet<string>): void;
  /** Closes gracefully; what is still open after `graceMs` is cut. */
  close(graceMs: number): Promise<void>;
}

export function createPools({ log, trace }: { log: Log; trace: ConnectionTrace }): Pools {
  const pools = new Map<string, Pool>();
  const owned = new Map<Client, string>();
  const closing = new Set<Promise<void>>();

  const retire = (dispatcher: Pool | Client) => {
    const done = dispatcher.close().catch((error: unknown) => log.warn({ error }, "an upstream pool did not close cleanly"));
    closing.add(done);
    void done.finally(() => closing.delete(done));
  };

  return {
    open(address, proxy) {
      const key = connectionKey(address, proxy);
      const known = pools.get(key);
      if (known !== undefined) return known;
      const pool = new Pool(address.url.origin, { ...clientOptions(address, proxy, trace), ...idleLimits(Math.max(1, proxy.keepAliveMs)) });
      pools.set(key, pool);
      return pool;
    },
    openOwn(address, proxy) {
      const client = new Client(address.url.origin, { ...clientOptions(address, proxy, trace), ...idleLimits(ownIdleMs) });
      owned.set(client, connectionKey(address, proxy));
      return {
        get closed() {
          return client.closed || client.destroyed;
        },
        dispatch: (options, handler) => void client.dispatch(options, handler),
        close() {
          if (owned.delete(client)) retire(client);
        },
        destroy() {
          owned.delete(client);
          void client.destroy();
        },
      };
    },
    retainOnly(keys) {
      for (const [key, pool] of [...pools]) {
        if (keys.has(key)) continue;
        pools.delete(key);
        retire(pool);
      }
      for (const [client, key] of [...owned]) {
        if (keys.has(key)) continue;
        owned.delete(client);
        retire(client);
      }
    },
    async close(graceMs) {
      const open = [...pools.values(), ...owned.keys()];
      pools.clear();
      owned.clear();
      for (const one of open) retire(one);
      await within(graceMs, Promise.all(closing), () => {});
      await Promise.all(open.map((one) => one.destroy()));
    },
  };
}

function clientOptions(address: UpstreamAddress, proxy: ProxySettings, trace: ConnectionTrace): Client.Options {
  return {
    connect: trace.traced(createConnector(address, proxy, { allowHalfOpen: false })),
    allowH2: false,
    pipelining: 1,
    maxHeaderSize: maxAnswerHeadBytes,
    // The exchange keeps its own time: undici's timers are coarse, and do not see a client that stopped reading.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
}

/** An upstream that announces less (`Keep-Alive: timeout=5`) is believed; one that announces more is not. */
function idleLimits(ms: number): Client.Options {
  return { keepAliveTimeout: ms, keepAliveMaxTimeout: ms };
}
