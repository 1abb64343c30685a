import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Person } from "../../src/core/person.ts";
import type { DirectoryChange, DirectoryStore } from "../../src/core/ports/directory-store.ts";
import { accountName, keysOf } from "../../src/directory/documents.ts";
import { emptyPerson } from "../../src/directory/logins.ts";
import { openSqliteDirectory } from "../../src/directory/sqlite/store.ts";
import { openTestRedisDirectory } from "../support/redis-directory.ts";

// `npm run bench:directory`: what a look-up costs among 100,000 people, in SQLite and in Redis.

const { values } = parseArgs({ options: { count: { type: "string", default: "100000" } } });
const say = (text: string) => void process.stdout.write(`${text}\n`);
const count = Number(values.count);
const batch = 500;
const asked = 3_000;
/** The promise: the median of a look-up, milliseconds. */
const promisedMs = 1;

function aPerson(at: number): Person {
  const account = {
    provider: "entra",
    subject: `sub-${at}`,
    email: `person${at}@acme.example`,
    groups: [],
    user: null,
    removed: false,
  } as const;
  return {
    ...emptyPerson(1_700_000_000_000 + at),
    accounts: [{ ...account, via: "login", since: 0, seenAt: 0 }],
    addresses: [account.email],
    attributes: { name: { values: [`Person ${at}`], from: "entra", by: "login" } },
  };
}

async function fill(store: DirectoryStore): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at += batch) {
    const people = Array.from({ length: Math.min(batch, count - at) }, (_, place) => aPerson(at + place));
    const changes = people.map((person): DirectoryChange => {
      const add = [...new Map(keysOf.person(person).map((key) => [`${key.name} ${key.value}`, key])).values()];
      return { kind: "person", id: person.id, expect: 0, document: person, add, remove: [] };
    });
    const result = await store.commit(changes);
    if (result.kind !== "done") throw new Error(JSON.stringify(result));
    ids.push(...people.map(({ id }) => id));
  }
  return ids;
}

async function measure(work: (at: number) => Promise<unknown>): Promise<{ readonly median: number; readonly p99: number }> {
  const times: number[] = [];
  for (let round = 0; round < asked; round += 1) {
    const at = Math.floor(Math.random() * count);
    const began = performance.now();
    await work(at);
    times.push(performance.now() - began);
  }
  times.sort((one, other) => one - other);
  return { median: times[Math.floor(asked / 2)] ?? 0, p99: times[Math.floor(asked * 0.99)] ?? 0 };
}

async function bench(name: string, store: DirectoryStore): Promise<void> {
  const began = performance.now();
  const ids = await fill(store);
  say(`${name}: ${count} people in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  const first = { offset: 0, limit: 1 };
  const lookUps: Readonly<Record<string, (at: number) => Promise<unknown>>> = {
    "by account": async (at) => store.read("person", (await store.find("account", accountName("entra", `sub-${at}`), first)).ids),
    "by address": async (at) => store.read("person", (await store.find("address", `person${at}@acme.example`, first)).ids),
    "by id": (at) => store.read("person", [ids[at] ?? ""]),
    "page of 50": async (at) => store.read("person", (await store.find("person", "", { offset: Math.min(at, count - 50), limit: 50 })).ids),
  };
  for (const [what, work] of Object.entries(lookUps)) {
    const { median, p99 } = await measure(work);
    say(`  ${what}: median ${median.toFixed(3)} ms, 99 % under ${p99.toFixed(3)} ms`);
    if (what.startsWith("by ") && median > promisedMs) {
      say(`not good: a look-up ${what} takes more than ${promisedMs} ms`);
      process.exitCode = 1;
    }
  }
}

say(`${cpus().length} cores, ${cpus()[0]?.model ?? "unknown processor"}, Node ${process.version}`);
const folder = await mkdtemp(join(tmpdir(), "vestibule-bench-directory-"));
const sqlite = openSqliteDirectory(join(folder, "directory.db"));
try {
  await bench("SQLite", sqlite);
} finally {
  await sqlite.close();
  await rm(folder, { recursive: true, force: true });
}
const redis = await openTestRedisDirectory("single");
try {
  await bench("Redis", redis.open("bench:"));
} finally {
  await redis.stop();
}
