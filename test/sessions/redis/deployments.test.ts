import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../../src/core/ports/store.ts";
import { makeSecret } from "../../../src/core/secret.ts";
import type { RedisSettings } from "../../../src/core/settings.ts";
import { createRedisStore } from "../../../src/sessions/redis/store.ts";
import { makeAuthority, type TestAuthority } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { openSessions } from "../../support/open-sessions.ts";
import { ownedFolder } from "../../support/owned.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { startRedis, type TestRedis } from "../../support/redis.ts";
import { startRedisCluster, type TestCluster } from "../../support/redis-cluster.ts";
import { aNewSession, redisAt, sessionSettings } from "../../support/session-builders.ts";
import { startStopwatch } from "../../support/stopwatch.ts";

const until = { timeoutMs: 10_000, everyMs: 10 };
const opened: Store[] = [];
let log = recordingLog();
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

function open(change: Partial<RedisSettings>): Store {
  log = recordingLog();
  const settings = sessionSettings({ store: redisAt("", change), perUser: 2 });
  const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log, metrics: noMetrics });
  opened.push(store);
  return store;
}

const isReady = (store: Store) => eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);

/** Everything that a gateway asks of its store, once. */
async function useAll(store: Store): Promise<void> {
  await isReady(store);
  const session = await store.sessions.create(aNewSession({ providerSession: "sid" }));
  await eventually(async () => {
    await store.sessions.find(session.id);
    expect(store.sessions.peek(session.id)).toBeTruthy();
  }, until);
  store.sessions.touch({ ...session, lastSeenAt: 0 });
  await store.sessions.renew(session, { ...session, refreshAt: 1 });
  for (let more = 0; more < 3; more += 1) await store.sessions.create(aNewSession());
  expect(await openSessions(store.sessions, { provider: "entra", subject: "s-1" })).toHaveLength(2);
  expect(await openSessions(store.sessions)).toHaveLength(2);
  expect(await store.sessions.openCount()).toBe(2);
  const kept = await store.sessions.create(aNewSession({ principal: { subject: "s-2" } }));
  expect(await store.sessions.end(kept.key, "logout")).toBe(true);
  await store.sessions.endAll({ by: "principal", provider: "entra", subject: "s-1" }, "revoked");
  expect(await store.facts.once("jti", randomBytes(8).toString("hex"), 1_000)).toBe(true);
  await store.facts.count("login", randomBytes(8).toString("hex"), 1_000);
  expect(await store.facts.unpark("ticket", await store.facts.park("ticket", "text", 1_000))).toBe("text");
  const lease = await store.facts.lease(`name-${randomBytes(8).toString("hex")}`, 1_000);
  expect(await lease?.extend(1_000)).toBe(true);
  await lease?.release();
  await store.documents.write("name", "text", 1_000);
  expect(await store.documents.read("name")).toBe("text");
  // Two more heartbeats, and what they write.
  const from = performance.now();
  await eventually(() => expect(performance.now() - from).toBeGreaterThan(700), until);
  expect(store.health()).toMatchObject({ reachable: true, invalidation: true });
}

describe("the user that docs/redis.md describes", () => {
  const password = "a-password-of-these-tests";
  let rules: readonly string[];
  beforeAll(async () => {
    const page = await readFile(new URL("../../../docs/redis.md", import.meta.url), "utf8");
    const line = /^ACL SETUSER (vestibule .*)$/m.exec(page)?.[1] ?? "";
    rules = line.replace("PASSWORD", password).split(" ");
    expect(rules.length).toBeGreaterThan(20);
  });
  const user = { username: "vestibule", password: makeSecret(password) };
  /** What Redis refused, `command: reason`. */
  const refusals = async (client: Redis) => {
    const entries = (await client.call("ACL", "LOG")) as string[][];
    return entries.map((fields) => `${fields[fields.indexOf("object") + 1]}: ${fields[fields.indexOf("reason") + 1]}`);
  };

  test("may do all that one server is asked for, under its prefix, and nothing else", async () => {
    const redis = await startRedis();
    const operator = new Redis(redis.url);
    try {
      await operator.call("ACL", "SETUSER", ...rules);
      await operator.call("ACL", "SETUSER", "default", "off");
      await useAll(open({ target: { kind: "single", url: makeSecret(redis.url) }, ...user }));
      expect((await refusals(operator)).filter((refusal) => !/^(AUTH|config\|get)/.test(refusal))).toEqual([]);
      const intruder = new Redis(redis.port, "127.0.0.1", { ...user, password });
      await expect(intruder.get("another:key")).rejects.toThrow("NOPERM");
      await expect(intruder.keys("*")).rejects.toThrow("NOPERM");
      await expect(intruder.flushall()).rejects.toThrow("NOPERM");
      await expect(intruder.config("GET", "*")).rejects.toThrow("NOPERM");
      intruder.disconnect();
    } finally {
      operator.disconnect();
      await redis.stop();
    }
  });

  test("may do all that a cluster is asked for", async () => {
    const cluster = await startRedisCluster({ replicas: 3 });
    try {
      for (const { client } of cluster.nodes) {
        await client.call("ACL", "SETUSER", ...rules);
        await client.call("ACL", "LOG", "RESET");
      }
      const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
      await useAll(open({ target: { kind: "cluster", nodes }, ...user }));
      for (const { client } of cluster.nodes) {
        expect((await refusals(client)).filter((refusal) => !refusal.startsWith("config|get"))).toEqual([]);
      }
    } finally {
      await cluster.stop();
    }
  });
});

describe("redis with TLS under an authority of one's own", () => {
  let folder: string;
  let authority: TestAuthority;
  let options: readonly string[];
  beforeAll(async () => {
    folder = ownedFolder("vestibule-redis-tls-");
    authority = await makeAuthority();
    const { certificate, key } = await authority.issue("DNS:redis.internal", "DNS:localhost");
    const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), ca: join(folder, "ca.pem") };
    await Promise.all([writeFile(files.cert, certificate), writeFile(files.key, key), writeFile(files.ca, authority.certificate)]);
    const certificates = ["--tls-cert-file", files.cert, "--tls-key-file", files.key, "--tls-ca-cert-file", files.ca];
    options = [...certificates, "--tls-auth-clients", "no"];
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const startTls = async (): Promise<TestRedis & { readonly tlsPort: number }> => {
    const tlsPort = await freePort();
    return { ...(await startRedis({ options: ["--tls-port", String(tlsPort), ...options] })), tlsPort };
  };
  const at = (tlsPort: number) => ({ kind: "single", url: makeSecret(`rediss://127.0.0.1:${tlsPort}/0`) }) as const;

  test("is used when its certificate names the server and comes from that authority, and not otherwise", async () => {
    const redis = await startTls();
    try {
      await useAll(open({ target: at(redis.tlsPort), tls: { ca: authority.certificate, serverName: "redis.internal" } }));
      const another = await makeAuthority("Another CA");
      for (const tls of [
        null,
        { ca: authority.certificate, serverName: "other.internal" },
        { ca: another.certificate, serverName: "redis.internal" },
        { ca: null, serverName: "redis.internal" },
      ]) {
        const store = open({ target: at(redis.tlsPort), tls });
        await eventually(() => expect(log.lines.some(({ message }) => message === "redis is not reachable")).toBe(true), until);
        await expect(store.sessions.create(aNewSession())).rejects.toMatchObject({ code: "store.unavailable" });
      }
    } finally {
      await redis.stop();
    }
  });

  test("is used in a cluster, whose nodes are reached by address or by the names that they announce", async () => {
    let cluster: TestCluster | null = null;
    try {
      const named = ["--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname"];
      cluster = await startRedisCluster({ options: [...options, ...named], tls: true });
      const ports = cluster.nodes.map(({ tlsPort }) => tlsPort ?? 0);
      const at = (host: string) => ({ kind: "cluster", nodes: ports.map((port) => ({ host, port })) }) as const;
      await useAll(open({ target: at("127.0.0.1"), tls: { ca: authority.certificate, serverName: "redis.internal" } }));
      await useAll(open({ target: at("localhost"), tls: { ca: authority.certificate, serverName: null } }));
    } finally {
      await cluster?.stop();
    }
  });
});

test("a cluster that is away at the start is waited for, and works once it is there", async () => {
  const cluster = await startRedisCluster();
  try {
    for (const { server } of cluster.nodes) server.pause();
    const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const store = open({ target: { kind: "cluster", nodes } });
    const sinceStart = startStopwatch();
    await expect(store.sessions.create(aNewSession())).rejects.toMatchObject({ code: "store.unavailable" });
    expect(sinceStart()).toBeLessThan(1_000);
    expect(store.health().reachable).toBe(false);
    for (const { server } of cluster.nodes) server.resume();
    await isReady(store);
    const session = await store.sessions.create(aNewSession());
    for (const { server } of cluster.nodes) server.pause();
    await eventually(() => expect(store.health()).toMatchObject({ reachable: false, invalidation: false }), until);
    const sinceAsked = startStopwatch();
    await expect(store.sessions.find(session.id, { fresh: true })).rejects.toMatchObject({ code: "store.unavailable" });
    expect(sinceAsked()).toBeLessThan(50);
    for (const { server } of cluster.nodes) server.resume();
    const sinceBack = startStopwatch();
    await eventually(async () => expect(await store.sessions.find(session.id)).toMatchObject({ id: session.id }), until);
    expect(sinceBack()).toBeLessThan(2_500);
  } finally {
    for (const { server } of cluster.nodes) server.resume();
    await cluster.stop();
  }
});
