import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import type { NewSession, SessionStore } from "../../src/core/ports/session-store.ts";
import { createRedisKeys } from "../../src/sessions/redis/keys.ts";
import { createRedisStore } from "../../src/sessions/redis/store.ts";
import { createSealer, createSessionCodec } from "../../src/sessions/sealing.ts";
import { beginSession } from "../../src/sessions/session-rules.ts";
import { eventually } from "../support/eventually.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { startRedis } from "../support/redis.ts";
import { aNewSession, redisAt, sessionSettings } from "../support/session-builders.ts";

// `npm run bench:sessions`: what a session costs in Redis, and whether a request costs more among a million of them.

const { values } = parseArgs({ options: { count: { type: "string", default: "1000000" }, seconds: { type: "string", default: "120" } } });
const say = (text: string) => void process.stdout.write(`${text}\n`);
const few = 1_000;
const asked = 3_000;
const batch = 1_000;

const redis = await startRedis();
const operator = new Redis(redis.url);
const settings = sessionSettings({ store: redisAt(redis.url) });
const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics });
async function bench(): Promise<void> {
  say(`${cpus().length} cores, ${cpus()[0]?.model ?? "unknown processor"}, Node ${process.version}, ${await redisVersion()}`);
  say(`bytes in Redis, with index entries: ${await bytesEach(withoutTokens)} per session without tokens (SAML, or OIDC without refresh),`);
  say(`${await bytesEach(withTokens)} with ID, access and refresh tokens of 1 KiB each`);
  await operator.flushall();
  const ids: string[] = [];
  for (let at = 0; at < few; at += 1) ids.push((await store.sessions.create(withoutTokens(at))).id);
  const before = await latencies(ids);
  say(`${few} sessions: ${describe(before)}`);
  const startedAt = performance.now();
  const more = await fill(Number(values.count) - few, startedAt + Number(values.seconds) * 1_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  // The store gave up on a Redis that had its hands full.
  await isReady();
  const after = await latencies(ids);
  say(`${few + more} sessions: ${describe(after)} (loaded in ${seconds.toFixed(0)} s)`);
  await listAll(few + more);
  const memory = /used_memory_human:(\S+)/.exec(await operator.info("memory"))?.[1];
  say(`Redis uses ${memory}B in all`);
  if (few + more < Number(values.count)) say(`not all of ${values.count} were loaded in ${values.seconds} s`);
  if (after.find > before.find * 2 + 0.2) {
    say("not good: a request among many sessions costs more than among few");
    process.exitCode = 1;
  }
}

/** All of them page by page, as the API and the console ask; memory is looked at after each page. */
async function listAll(expected: number): Promise<void> {
  const startedAt = performance.now();
  const rss: number[] = [];
  let [listed, pages, longest] = [0, 0, 0];
  let cursor: string | null = null;
  do {
    const began = performance.now();
    const page = await store.sessions.list({}, { cursor, limit: 500 });
    longest = Math.max(longest, performance.now() - began);
    listed += page.sessions.length;
    pages += 1;
    rss.push(process.memoryUsage().rss / 1_048_576);
    cursor = page.next;
  } while (cursor !== null);
  const seconds = (performance.now() - startedAt) / 1_000;
  const mib = (from: number, to: number) => Math.max(...rss.slice(from, to)).toFixed(0);
  const tenth = Math.ceil(pages / 10);
  say(`listed ${listed} of ${expected} in ${pages} pages of 500: ${seconds.toFixed(0)} s, the longest page ${longest.toFixed(0)} ms;`);
  say(
    `memory of the process at most ${mib(0, tenth)} MiB during the first tenth of the pages, ${mib(pages - tenth, pages)} MiB during the last`,
  );
  say(`open by the store's own count: ${await store.sessions.openCount()}`);
  if (listed < expected * 0.999 || Math.max(...rss.slice(-tenth)) > Math.max(...rss.slice(0, tenth)) + 100) {
    say("not good: some are missing, or memory grows with the number of sessions");
    process.exitCode = 1;
  }
}

const isReady = () =>
  eventually(() => {
    const { reachable, invalidation, detail } = store.health();
    if (!reachable || !invalidation) throw new Error(detail);
  });

function withoutTokens(at: number): NewSession {
  const groups = { kind: "known", names: Array.from({ length: 10 }, (_, group) => `group-${group}-of-some-length`) } as const;
  return aNewSession({ tokens: null, principal: { subject: `subject-${at}`, email: `person.number.${at}@acme.example`, groups } });
}

function withTokens(at: number): NewSession {
  const token = () => randomBytes(768).toString("base64url");
  const tokens = { idToken: token(), accessToken: token(), refreshToken: token(), accessTokenExpiresAt: Date.now() };
  return { ...withoutTokens(at), providerSession: `sid-${at}`, tokens };
}

async function bytesEach(wanted: (at: number) => NewSession): Promise<number> {
  await operator.flushall();
  const before = await usedBytes();
  for (let at = 0; at < few; at += 50) await Promise.all(Array.from({ length: 50 }, (_, next) => store.sessions.create(wanted(at + next))));
  return Math.round(((await usedBytes()) - before) / few);
}

const usedBytes = async () => Number(/used_memory:(\d+)/.exec(await operator.info("memory"))?.[1]);
const redisVersion = async () => `Redis ${/redis_version:(\S+)/.exec(await operator.info("server"))?.[1]}`;

/**
 * Writes sessions as the store lays them out, by the million: each sealed under a key of its own, with its entries in the index of its
 * person and in the lists of open sessions.
 */
async function fill(count: number, until: number): Promise<number> {
  const keys = createRedisKeys("vestibule:");
  const codec = createSessionCodec(createSealer(settings.secrets));
  const deps = { clock: Date.now, random: randomBytes };
  const socket = connect(redis.port, "127.0.0.1");
  let replies = "";
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => {
    replies = (replies + text).slice(-100);
  });
  let written = 0;
  for (; written < count && performance.now() < until; written += batch) {
    const commands: string[] = [];
    for (let at = 0; at < batch; at += 1) {
      const session = beginSession(withoutTokens(written + at), settings, deps);
      const { key, createdAt, expiresAt, principal } = session;
      const index = keys.index({ by: "principal", provider: principal.provider, subject: principal.subject });
      const { since, until: ends } = keys.open(key.charCodeAt(0) % 16);
      commands.push(command("HSET", keys.session(key), "v", codec.encode(session), "s", createdAt, "e", expiresAt));
      commands.push(command("ZADD", since, createdAt, key), command("ZADD", ends, createdAt + settings.idleMs, key));
      commands.push(command("PEXPIREAT", keys.session(key), createdAt + settings.idleMs));
      commands.push(command("ZADD", index, createdAt, key), command("PEXPIREAT", index, expiresAt + 60_000));
    }
    if (!socket.write(commands.join(""))) await once(socket, "drain");
    if (written % 100_000 === 0 && written > 0) say(`  ${written} loaded`);
  }
  socket.write(command("ECHO", "all is written"));
  await eventually(
    () => {
      if (!replies.includes("all is written")) throw new Error(`redis has not taken everything: ${replies}`);
    },
    { timeoutMs: 60_000 },
  );
  socket.destroy();
  return written;
}

function command(...parts: readonly (string | number)[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${String(part).length}\r\n${part}\r\n`).join("")}`;
}

/** Medians in milliseconds, one after the other. */
interface Latencies {
  readonly find: number;
  readonly login: number;
  readonly logout: number;
}

async function latencies(ids: readonly string[]): Promise<Latencies> {
  const find = await median(asked, (at) => store.sessions.find(ids[(at * 7_919) % ids.length] ?? "", { fresh: true }));
  const begun: Awaited<ReturnType<SessionStore["create"]>>[] = [];
  const login = await median(few / 2, async (at) => begun.push(await store.sessions.create(withoutTokens(-1 - at))));
  const logout = await median(few / 2, (at) => store.sessions.end(begun[at]?.key ?? "", "logout"));
  return { find, login, logout };
}

async function median(count: number, work: (at: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const startedAt = performance.now();
    await work(at);
    times.push(performance.now() - startedAt);
  }
  return times.sort((one, other) => one - other)[Math.floor(count / 2)] ?? 0;
}

function describe({ find, login, logout }: Latencies): string {
  return `cold request ${find.toFixed(2)} ms, login ${login.toFixed(2)} ms, logout ${logout.toFixed(2)} ms (medians)`;
}

try {
  await isReady();
  await bench();
} finally {
  await store.close();
  operator.disconnect();
  await redis.stop();
}
