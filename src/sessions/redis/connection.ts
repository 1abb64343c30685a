import { Cluster, Redis, type RedisOptions } from "ioredis";
import { GatewayError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Address, RedisSettings } from "../../core/settings.ts";
import { storeCure } from "../../lib/connection-cures.ts";
import { backOffMs } from "../../lib/timing.ts";
import { createLeaveReplica, plainError } from "./guard.ts";

/** The longest that one command may keep a caller waiting. */
export const commandTimeoutMs = 500;
const connectTimeoutMs = 1_000;
/** A connection on which nothing has come back for three looks is replaced: its peer may be gone without a word. */
const lookEveryMs = 300;
const silentLooks = 3;

/**
 * A connection that keeps reconnecting and never makes a request wait: no queue while it is away, no resending, a timeout
 * on each command. With ioredis's defaults a command stays pending without end.
 */
export function openRedis(settings: RedisSettings, name: string, log: Log): Redis {
  const reconnectOnError = createLeaveReplica(performance.now.bind(performance), (reply) =>
    log.warn({ connection: name, reply }, "redis takes no writes: it is a replica, or cut off from its primary"),
  );
  return connect({ ...optionsFor(settings), reconnectOnError, connectionName: `vestibule-${name}` }, name, log);
}

/** Such a connection to one node of a cluster. */
export function openNode(settings: RedisSettings, { host, port }: Address, name: string, log: Log): Redis {
  return connect({ ...commonOptions(settings), host, port, connectionName: `vestibule-${name}` }, `${name} ${host}:${port}`, log);
}

function connect(options: ConnectionOptions, name: string, log: Log): Redis {
  const client = new Redis(options);
  replaceWhenSilent(client);
  writeTogether(client);
  tellReach(client, name, options.tls !== undefined, log);
  return client;
}

/** One line when it is lost, with the cure where there is one, and one when it is there again. */
function tellReach(client: Redis | Cluster, connection: string, secure: boolean, log: Log): void {
  let complained = false;
  client.on("error", (error: unknown) => {
    const plain = plainError(error);
    if (!complained) log.warn({ connection, cure: storeCure(plain.message, secure), error: plain }, "redis is not reachable");
    complained = true;
  });
  client.on("ready", () => {
    log.info({ connection }, "connected to redis");
    complained = false;
  });
}

/** The commands of one turn of the event loop leave in one write: each write of its own costs as much as all else about a command. */
function writeTogether(client: Redis): void {
  client.on("connect", () => {
    const { stream } = client;
    const { write } = stream;
    let isHeld = false;
    const letGo = () => {
      isHeld = false;
      stream.uncork();
    };
    const together = (...args: unknown[]): unknown => {
      if (!isHeld) {
        isHeld = true;
        stream.cork();
        setImmediate(letGo);
      }
      return Reflect.apply(write, stream, args);
    };
    Object.assign(stream, { write: together });
  });
}

/** Looks are counted, not milliseconds: while this process itself stands still there are none, and that is no silence of Redis. */
function replaceWhenSilent(client: Redis): void {
  let [stream, read, writtenBefore, silent] = [client.stream, 0, 0, 0];
  const look = () => {
    if (client.stream !== stream || (stream?.bytesRead ?? 0) !== read) {
      stream = client.stream;
      read = stream?.bytesRead ?? 0;
      writtenBefore = stream?.bytesWritten ?? 0;
      silent = 0;
      return;
    }
    // While it is being greeted, an answer is owed already: a server that hangs accepts connections, and says nothing.
    const isOwed = client.status === "connect" || (stream?.bytesWritten ?? 0) > writtenBefore;
    silent = stream !== undefined && isOwed ? silent + 1 : 0;
    if (silent < silentLooks) return;
    silent = 0;
    stream.destroy(new Error(`redis has not answered for ${silentLooks * lookEveryMs} ms`));
  };
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  client.once("end", () => clearInterval(timer));
}

/** The options of ioredis. `replyMapping` belongs to RESP3. */
export type ConnectionOptions = Omit<RedisOptions, "replyMapping">;

export function optionsFor(settings: RedisSettings): ConnectionOptions {
  const own: ConnectionOptions = { ...addressOf(settings), ...commonOptions(settings) };
  if (own.tls !== undefined && settings.target.kind === "sentinel") {
    own.sentinelTLS = own.tls;
    own.enableTLSForSentinelMode = true;
  }
  return own;
}

/** What holds for each connection, wherever it leads. */
function commonOptions(settings: RedisSettings): ConnectionOptions {
  const own: ConnectionOptions = {
    // RESP2 on purpose: invalidation messages then arrive as ordinary messages of a subscription.
    protocol: 2,
    // The guard tells a caller sooner, and a connection that is silent is replaced sooner: both know a stall of this process from a
    // silence of Redis, and this timer does not. It is the last resort, for what goes past both.
    commandTimeout: 20 * commandTimeoutMs,
    connectTimeout: connectTimeoutMs,
    // A dropped peer does not answer our FIN: do not wait long for it.
    disconnectTimeout: 100,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    retryStrategy: (attempt) => backOffMs(attempt, 50, 400),
  };
  if (settings.username !== null) own.username = settings.username;
  if (settings.password !== null) own.password = settings.password.reveal();
  if (settings.tls !== null) {
    const { ca, serverName } = settings.tls;
    own.tls = { ...(ca === null ? {} : { ca }), ...(serverName === null ? {} : { servername: serverName }) };
  }
  return own;
}

function addressOf({ target }: RedisSettings): ConnectionOptions {
  switch (target.kind) {
    case "single":
      return addressInUrl(target.url.reveal());
    case "sentinel":
      return {
        sentinels: [...target.sentinels],
        name: target.name,
        // One Sentinel that hangs must not keep the others from being asked.
        sentinelCommandTimeout: commandTimeoutMs,
        sentinelRetryStrategy: (attempt) => Math.min(50 * attempt, 400),
      };
    case "cluster":
      throw new GatewayError("config.invalid", "a cluster is not reached through one connection");
  }
}

/** `redis[s]://[user[:password]@]host[:port][/database]`. Never quoted in an error: it holds the password. */
function addressInUrl(text: string): ConnectionOptions {
  const url = URL.parse(text);
  const database = /^\/?(\d{0,5})$/.exec(url?.pathname ?? "")?.[1];
  if (url === null || !["redis:", "rediss:"].includes(url.protocol) || url.hostname === "" || database === undefined) {
    throw new GatewayError("config.invalid", "the redis URL must look like redis://host:6379/0");
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 6379 : Number(url.port),
    db: Number(database),
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === "rediss:" ? { tls: {} } : {}),
  };
}

/**
 * A client of all nodes of a cluster that follows slots wherever they move. MOVED, ASK, TRYAGAIN and CLUSTERDOWN are its
 * business, within few attempts: how long one caller waits in all is the guard's.
 */
export function openCluster(settings: RedisSettings, nodes: readonly Address[], log: Log): Cluster {
  const client = new Cluster([...nodes], clusterOptions(settings));
  client.on("+node", (node: Redis) => {
    replaceWhenSilent(node);
    writeTogether(node);
    // ioredis says ASKING and never looks whether that failed: unheard, the failure would end the process.
    const asking = node.asking.bind(node);
    const heard = () => {
      const asked = asking();
      asked.catch(() => undefined);
      return asked;
    };
    Object.assign(node, { asking: heard });
  });
  tellReach(client, "cluster", settings.tls !== null, log);
  // A node's own failure is the cluster's matter; without a listener it would be an unhandled one.
  client.on("node error", (error: unknown, node: unknown) => log.debug({ error: plainError(error), node }, "a node is not reachable"));
  return client;
}

function clusterOptions(settings: RedisSettings) {
  // What a single connection does about lost servers, the cluster's client does by asking where the slot is now.
  const { retryStrategy: _, enableOfflineQueue: __, maxRetriesPerRequest: ___, ...node } = commonOptions(settings);
  return {
    redisOptions: { ...node, connectionName: "vestibule-commands" },
    clusterRetryStrategy: (attempt: number) => Math.min(50 * attempt, 400),
    enableOfflineQueue: false,
    // A node that owns no slot yet may be connected to only now: each attempt until then counts.
    maxRedirections: 16,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    retryDelayOnTryAgain: 50,
    slotsRefreshTimeout: 1_000,
    slotsRefreshInterval: 5_000,
    // A certificate names the host, not the address that the name leads to.
    ...(settings.tls === null ? {} : { dnsLookup: asNamed }),
  };
}

function asNamed(host: string, callback: (error: null, address: string) => void): void {
  callback(null, host);
}

/**
 * What is asked of Redis: the same from one server, from the primary behind Sentinels, and from a Cluster. No command and
 * no script here names two keys, so each one runs wherever its key lives.
 */
export type RedisClient = Pick<
  Redis,
  | "cluster"
  | "disconnect"
  | "eval"
  | "exists"
  | "get"
  | "getdel"
  | "hdel"
  | "hget"
  | "hgetall"
  | "hmget"
  | "lrange"
  | "mget"
  | "pfcount"
  | "pipeline"
  | "pttl"
  | "set"
  | "zcard"
  | "zrange"
  | "zrem"
  | "zscore"
> & { readonly status: string; once(event: "ready", listener: () => void): unknown };
