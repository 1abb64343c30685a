import type { Redis } from "ioredis";
import type { Log } from "../../core/ports/log.ts";
import { plainError } from "./guard.ts";

/** What of the servers' own settings can bring an ended session back, or end one that is in use. */
export interface StoreAdvice {
  /** Looks at this server now, and once a minute while it is connected. */
  watch(server: Redis): void;
  /** One sentence each, for people; empty when all is well or cannot be known. */
  current(): readonly string[];
  close(): void;
}

const lookEveryMs = 60_000;

const snapshots =
  "redis writes snapshots and no append-only file: after a crash it has forgotten the latest logins and logouts (set appendonly yes)";
const eviction = (policy: string) => `redis evicts any key when its memory is full (${policy}): visitors are signed out (set noeviction)`;
const replicas = "redis takes writes that no replica has: a failover can forget a logout (set min-replicas-to-write 1)";

/** Logs each sentence once when it becomes true. `failsOver`: there are replicas, or should be. */
export function createStoreAdvice({ log, failsOver }: { readonly log: Log; readonly failsOver: boolean }): StoreAdvice {
  const byServer = new Map<Redis, readonly string[]>();
  const said = new Set<string>();
  const asked = new WeakMap<Redis, Promise<string | null>>();
  const savesOf = (server: Redis) => {
    const answer = asked.get(server) ?? readSaves(server);
    asked.set(server, answer);
    return answer;
  };
  const current = () => [...new Set([...byServer.values()].flat())];

  const look = async (server: Redis): Promise<void> => {
    try {
      byServer.set(server, await adviceOf(server, failsOver, savesOf));
    } catch (error) {
      log.debug({ error: plainError(error) }, "the settings of redis could not be read");
    }
    const now = current();
    for (const sentence of said) if (!now.includes(sentence)) said.delete(sentence);
    for (const sentence of now) {
      if (said.has(sentence)) continue;
      said.add(sentence);
      log.warn({}, sentence);
    }
  };
  const timer = setInterval(() => {
    for (const server of byServer.keys()) {
      if (server.status === "end") byServer.delete(server);
      else if (server.status === "ready") void look(server);
    }
  }, lookEveryMs);
  timer.unref();
  return { watch: (server) => void look(server), current, close: () => clearInterval(timer) };
}

async function adviceOf(server: Redis, failsOver: boolean, saves: (server: Redis) => Promise<string | null>): Promise<readonly string[]> {
  const info = await server.info();
  const value = (name: string) => new RegExp(`^${name}:(\\S*)`, "m").exec(info)?.[1] ?? "";
  const policy = value("maxmemory_policy");
  return [
    ...(value("aof_enabled") === "0" && keepsSnapshots(await saves(server), value) ? [snapshots] : []),
    ...(policy.startsWith("allkeys-") ? [eviction(policy)] : []),
    // Redis tells of it only where it is set.
    ...(failsOver && value("role") === "master" && value("min_slaves_good_slaves") === "" ? [replicas] : []),
  ];
}

/** Where its settings may not be read, a snapshot that was made or loaded since the server began tells. */
function keepsSnapshots(save: string | null, value: (name: string) => string): boolean {
  if (save !== null) return save !== "";
  const began = Number(value("server_time_usec")) / 1e6 - Number(value("uptime_in_seconds"));
  return Number(value("rdb_last_load_keys_loaded")) > 0 || Number(value("rdb_last_save_time")) > began + 2;
}

/** Asked once: a refusal is an entry in the server's ACL log, and the answer of a hosted server will not change. */
async function readSaves(server: Redis): Promise<string | null> {
  const answer: unknown = await server.config("GET", "save").catch(() => null);
  return Array.isArray(answer) && answer.length > 1 ? String(answer[1]) : null;
}
