import type { Redis } from "ioredis";

/**
 * What is asked of Redis: the same from one server, from the primary behind Sentinels, and from a Cluster. No command and
 * no script here names two keys, so each one runs wherever its key lives.
 */
export type RedisClient = Pick<
  Redis,
  "cluster" | "disconnect" | "eval" | "exists" | "get" | "getdel" | "hmget" | "pipeline" | "set" | "zcard" | "zrange" | "zrem" | "zscore"
> & { readonly status: string };
