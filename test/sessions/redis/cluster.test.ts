import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { GatewayError } from "../../../src/core/errors.ts";
import type { Store } from "../../../src/core/ports/store.ts";
import type { Session } from "../../../src/core/session.ts";
import type { SessionSettings } from "../../../src/core/settings.ts";
import { mastersIn } from "../../../src/sessions/redis/cluster-link.ts";
import { createRedisStore } from "../../../src/sessions/redis/store.ts";
import { sessionStoreContract } from "../../contract/session-store.contract.ts";
import { eventually } from "../../support/eventually.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { startRedisCluster, type TestCluster } from "../../support/redis-cluster.ts";
import { aNewSession, redisAt, sessionSettings } from "../../support/session-builders.ts";
import { startStopwatch } from "../../support/stopwatch.ts";

const until = { timeoutMs: 10_000, everyMs: 10 };
const opened: Store[] = [];
let log = recordingLog();
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

async function openAt(cluster: TestCluster, change: Partial<SessionSettings> = {}, keyPrefix = "vestibule:", also = {}): Promise<Store> {
  log = recordingLog();
  const nodes = cluster.nodes.slice(0, 3).map(({ port }) => ({ host: "127.0.0.1", port }));
  const settings = sessionSettings({ store: redisAt("", { target: { kind: "cluster", nodes }, keyPrefix }), ...change });
  const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log, metrics: noMetrics, ...also });
  opened.push(store);
  await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);
  return store;
}

const redisKey = (session: Session) => `vestibule:s:{${session.key}}`;

/** Sessions on three different masters. */
async function sessionsEverywhere(cluster: TestCluster, store: Store): Promise<readonly Session[]> {
  const byOwner = new Map<number, Session>();
  const masters = Math.min(3, (await cluster.masters()).length);
  while (byOwner.size < masters) {
    const session = await store.sessions.create(aNewSession({ principal: { subject: `s-${byOwner.size}` } }));
    byOwner.set((await cluster.ownerOf(redisKey(session))).port, session);
  }
  return [...byOwner.values()];
}

async function warm(store: Store, { id }: Session): Promise<void> {
  await eventually(async () => {
    await store.sessions.find(id);
    expect(store.sessions.peek(id)).toBeTruthy();
  }, until);
}

let shared: TestCluster;
let round = 0;
sessionStoreContract("the redis store on a cluster", {
  start: async () => {
    shared = await startRedisCluster();
  },
  open: (change, also) => openAt(shared, change, `round-${round}:`, also),
  clean: () => {
    round += 1;
  },
  stop: () => shared.stop(),
});

describe("a cluster of three masters", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  test("sessions on every node are warm elsewhere, and refused there within a second after a logout", async () => {
    const [one, other] = [await openAt(cluster), await openAt(cluster)];
    for (const session of await sessionsEverywhere(cluster, one)) {
      await warm(other, session);
      const heard: string[] = [];
      other.sessions.watch(session, ({ kind }) => heard.push(kind));
      await one.sessions.end(session.key, "logout");
      await eventually(() => expect(other.sessions.peek(session.id) ?? null).toBeNull(), { timeoutMs: 1_000, everyMs: 5 });
      expect(await other.sessions.find(session.id)).toBeNull();
      await eventually(() => expect(heard).toEqual(["ended"]), until);
    }
  });

  test("while slots move, sessions are found, and a session at its new place is refused everywhere within a second", async () => {
    const [one, other] = [await openAt(cluster), await openAt(cluster)];
    const session = await one.sessions.create(aNewSession());
    await warm(other, session);
    const from = await cluster.ownerOf(redisKey(session));
    const slot = Number(await from.client.call("CLUSTER", "KEYSLOT", redisKey(session)));
    const added = await cluster.addMaster();
    await cluster.moveSlot(slot, from, added, async () => {
      // Now it lies where no slot points to yet: only ASK leads there.
      expect(await other.sessions.find(session.id, { fresh: true })).toMatchObject({ id: session.id });
      await other.sessions.find(session.id);
      expect(await one.sessions.end(session.key, "logout")).toBe(true);
      const sinceEnd = startStopwatch();
      await eventually(async () => expect(other.sessions.peek(session.id) ?? (await other.sessions.find(session.id))).toBeNull(), until);
      expect(sinceEnd()).toBeLessThan(1_000);
    });
    const later = await one.sessions.create(aNewSession());
    await warm(other, later);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("an emptied node forgets its sessions at once, and only those", async () => {
    const store = await openAt(cluster);
    const sessions = await sessionsEverywhere(cluster, store);
    for (const session of sessions) await warm(store, session);
    const [gone, ...kept] = sessions;
    if (gone === undefined) throw new Error("no session");
    await (await cluster.ownerOf(redisKey(gone))).client.flushall();
    await eventually(() => expect(store.sessions.peek(gone.id) ?? null).toBeNull(), until);
    expect(await store.sessions.find(gone.id)).toBeNull();
    for (const session of kept) expect(await store.sessions.find(session.id)).not.toBeNull();
  });
});

describe("a cluster that loses a master for good", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  test("while a master hangs, nobody waits longer than a second, soon nobody waits at all, and the same sessions work again", async () => {
    const store = await openAt(cluster, { graceMs: 0 });
    const sessions = await sessionsEverywhere(cluster, store);
    const hanging = await cluster.ownerOf(redisKey(sessions[0] as Session));
    const ask = async ({ id }: Session) => {
      const waited = startStopwatch();
      let turns = 0;
      let settled = false;
      const count = () => {
        if (settled) return;
        turns += 1;
        setImmediate(count);
      };
      setImmediate(count);
      const seen = await store.sessions.find(id, { fresh: true }).then(
        (session) => (session === null ? "none" : "session"),
        (error: unknown) => (error instanceof GatewayError ? error.code : error),
      );
      settled = true;
      // Nothing is sent to Redis and waited for in a turn of the event loop.
      return { seen, ms: waited(), atOnce: turns <= 1 };
    };
    hanging.server.pause();
    try {
      await eventually(async () => {
        const answers = await Promise.all(sessions.map(ask));
        expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(1_000);
        expect(answers.map(({ seen }) => seen).filter((seen) => seen !== "session" && seen !== "store.unavailable")).toEqual([]);
        // Redis itself refuses when a part of the slots is nobody's.
        expect(answers.every(({ seen, atOnce }) => seen === "store.unavailable" && atOnce)).toBe(true);
        expect(store.health().reachable).toBe(false);
      }, until);
      // Now and then one of them is the probe that finds out whether Redis is back.
      const later: boolean[] = [];
      for (let count = 0; count < 51; count += 1) later.push(...(await Promise.all(sessions.map(ask))).map(({ atOnce }) => atOnce));
      expect(later.filter((atOnce) => !atOnce).length).toBeLessThan(later.length / 2);
    } finally {
      hanging.server.resume();
    }
    await eventually(async () => {
      for (const session of sessions) expect(await ask(session)).toMatchObject({ seen: "session" });
    }, until);
    await eventually(() => expect(store.health()).toMatchObject({ reachable: true, invalidation: true }), until);
  });
});

describe("a cluster that loses a master", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster({ replicas: 3 });
  });
  afterAll(() => cluster.stop());

  test("its replica takes over: sessions go on, logouts stay logouts, and messages come from the new master", async () => {
    const [one, other] = [await openAt(cluster, { graceMs: 0 }), await openAt(cluster, { graceMs: 0 })];
    const [session, ended] = await sessionsEverywhere(cluster, one);
    if (session === undefined || ended === undefined) throw new Error("no session");
    const lost = await cluster.ownerOf(redisKey(session));
    await warm(other, session);
    expect(await one.sessions.end(ended.key, "logout")).toBe(true);
    await lost.server.kill();
    const sinceLost = startStopwatch();
    await eventually(() => expect(one.sessions.renew(session, session)).resolves.not.toBeNull(), until);
    // A node is taken for dead after a second, and then one is elected.
    expect(sinceLost()).toBeLessThan(1_000 + 5_000);
    // The other process finds the new master by itself, a moment later; its first word about the session counts.
    expect(await eventually(() => other.sessions.find(ended.id, { fresh: true }), until)).toBeNull();
    await eventually(() => expect(other.health().invalidation).toBe(true), until);
    await warm(other, session);
    await one.sessions.end(session.key, "logout");
    await eventually(() => expect(other.sessions.peek(session.id) ?? null).toBeNull(), { timeoutMs: 1_000, everyMs: 5 });
  });
});

test.each([
  { when: "a master with slots", line: "id 127.0.0.1:7000@17000 master - 0 1 1 connected 0-5460", is: true },
  { when: "a master with a name, seen by itself", line: "id 10.0.0.1:7000@17000,node-1 myself,master - 0 0 1 connected 0-5460", is: true },
  { when: "a master on IPv6", line: "id ::1:7000@17000 master - 0 1 1 connected 0-5460", is: true },
  { when: "a master without slots", line: "id 127.0.0.1:7000@17000 master - 0 1 1 connected", is: true },
  { when: "a master that may have failed", line: "id 127.0.0.1:7000@17000 master,fail? - 0 1 1 connected", is: true },
  { when: "a failed master whose slots nobody took", line: "id 127.0.0.1:7000@17000 master,fail - 0 1 1 disconnected 0-5460", is: true },
  { when: "a failed master that was replaced", line: "id 127.0.0.1:7000@17000 master,fail - 0 1 1 disconnected", is: false },
  { when: "a replica", line: "id 127.0.0.1:7000@17000 slave other 0 1 1 connected", is: false },
  { when: "a node that is being met", line: "id 127.0.0.1:7000@17000 master,handshake - 0 0 0 connected", is: false },
  { when: "a node without an address", line: "id :0@0 master,noaddr - 0 1 1 disconnected", is: false },
  { when: "an empty line", line: "", is: false },
])("$when counts as a master: $is", ({ line, is }) => {
  expect(mastersIn(`${line}\n`, { byName: false })).toHaveLength(is ? 1 : 0);
});

test.each([
  { place: "10.0.0.1:7000@17000", address: "10.0.0.1:7000", named: "10.0.0.1:7000" },
  { place: "10.0.0.1:7000@17000,n1.internal", address: "10.0.0.1:7000", named: "n1.internal:7000" },
  { place: "10.0.0.1:7000@17000,,shard-id=0123456789abcdef", address: "10.0.0.1:7000", named: "10.0.0.1:7000" },
  { place: "10.0.0.1:7000@17000,n1.internal,shard-id=0123456789abcdef", address: "10.0.0.1:7000", named: "n1.internal:7000" },
  { place: "fd00::1:7000@17000,n1.internal", address: "fd00::1:7000", named: "n1.internal:7000" },
])("a node at $place is reached at $address, or by name at $named", ({ place, address, named }) => {
  const reached = (byName: boolean) =>
    mastersIn(`id ${place} master - 0 1 1 connected 0-1`, { byName }).map(({ host, port }) => `${host}:${port}`);
  expect(reached(false)).toEqual([address]);
  expect(reached(true)).toEqual([named]);
});
