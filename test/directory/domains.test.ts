import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Documents } from "../../src/core/ports/documents.ts";
import { createDomainWatch, type DomainClaim, domainClaim } from "../../src/directory/domains.ts";
import { createKeptDocuments } from "../../src/directory/notes.ts";
import { openSqliteDirectory } from "../../src/directory/sqlite/store.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { someSettings } from "../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";

const origin = "https://auth.acme.example";
const claim = domainClaim(origin, "entra", "acme.example");
const hour = 3_600_000;
const day = 24 * hour;
let dns: DnsServer;
let now: number;
const clock = () => now;

beforeEach(async () => {
  dns = await startDnsServer();
  now = 1_800_000_000_000;
});
afterEach(() => dns.close());

function aStore() {
  const { sessions } = someSettings([]);
  return createMemoryStore({ settings: sessions, clock, random: (bytes) => randomBytes(bytes), log: recordingLog(), metrics: noMetrics });
}

function aWatch(change: { readonly claims?: readonly DomainClaim[]; readonly documents?: Documents } = {}, store = aStore()) {
  const log = recordingLog();
  const changedAt: number[] = [];
  const { claims = [claim], documents = store.documents } = change;
  const watch = createDomainWatch({
    claims: () => claims,
    lookUp: dns.lookUp,
    documents,
    facts: store.facts,
    clock,
    log,
    onChange: () => void changedAt.push(now),
  });
  return { ...watch, log, changedAt, state: () => watch.list()[0]?.state };
}

describe("verified domains", () => {
  test("a domain counts when its TXT record is there, and not before", async () => {
    const watch = aWatch();
    expect(watch.isProven(claim)).toBe(false);
    await watch.look("due");
    expect(watch.isProven(claim)).toBe(false);
    expect(watch.log.lines.map(({ message }) => message)).toEqual(["a mail domain does not count: it is not proved"]);
    expect(watch.log.lines[0]?.fields).toMatchObject({ enter: `_vestibule.acme.example TXT "${claim.value}"` });
    dns.set(claim.name, claim.value);
    now += 3 * 60_000;
    const before = watch.changes.count;
    await watch.look("due");
    expect(watch.isProven(claim)).toBe(true);
    expect(watch.changes.count).not.toBe(before);
    expect(watch.changedAt).toEqual([now]);
    expect(watch.list()).toEqual([
      { provider: "entra", domain: "acme.example", state: "proven", seenAt: now, askedAt: now, detail: "the record is there" },
    ]);
  });

  test.each([
    { when: "beside other texts", texts: [["v=spf1 -all"], [claim.value], ["other"]], proven: true },
    { when: "in several strings", texts: [[claim.value.slice(0, 20), claim.value.slice(20)]], proven: true },
    { when: "made for another gateway", texts: [[domainClaim("https://auth.evil.example", "entra", "acme.example").value]], proven: false },
    { when: "made for another provider", texts: [[domainClaim(origin, "okta", "acme.example").value]], proven: false },
    { when: "made for another domain", texts: [[domainClaim(origin, "entra", "evil.example").value]], proven: false },
    { when: "as part of a longer text", texts: [[`${claim.value}x`]], proven: false },
    { when: "in other letters", texts: [[claim.value.toUpperCase()]], proven: false },
    { when: "split over two records", texts: [[claim.value.slice(0, 20)], [claim.value.slice(20)]], proven: false },
  ])("a record $when: proven $proven", async ({ texts, proven }) => {
    dns.records.set(claim.name, texts);
    const watch = aWatch();
    await watch.look("due");
    expect(watch.isProven(claim)).toBe(proven);
  });

  test("a record of the parent domain or of a name below proves nothing", async () => {
    const sub = domainClaim(origin, "entra", "eu.acme.example");
    dns.set("_vestibule.acme.example", sub.value);
    dns.set("acme.example", sub.value);
    dns.set("x._vestibule.eu.acme.example", sub.value);
    const watch = aWatch({ claims: [sub] });
    await watch.look("due");
    expect(watch.isProven(sub)).toBe(false);
  });

  test("it is looked up daily", async () => {
    dns.set(claim.name, claim.value);
    const watch = aWatch();
    await watch.look("due");
    for (let passed = 0; passed < 23; passed += 1) {
      now += hour;
      await watch.look("due");
    }
    expect(dns.asked).toHaveLength(1);
    now += hour;
    await watch.look("due");
    expect(dns.asked).toHaveLength(2);
  });

  test.each(["gone", "failing"] as const)(
    "while the record is %s the domain counts for three days more, and is told of once",
    async (how) => {
      dns.set(claim.name, claim.value);
      const watch = aWatch();
      await watch.look("due");
      if (how === "gone") dns.records.clear();
      else dns.mode = "failing";
      now += day;
      await watch.look("due");
      expect([watch.isProven(claim), watch.state()]).toEqual([true, "grace"]);
      for (let passed = 0; passed < 71; passed += 1) {
        now += hour;
        await watch.look("due");
      }
      expect([watch.isProven(claim), watch.state()]).toEqual([true, "grace"]);
      expect(watch.log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
      now += 2 * hour;
      await watch.look("due");
      expect([watch.isProven(claim), watch.state()]).toEqual([false, "unproven"]);
      dns.mode = "answering";
      dns.set(claim.name, claim.value);
      now += 3 * 60_000;
      await watch.look("due");
      expect([watch.isProven(claim), watch.state()]).toEqual([true, "proven"]);
    },
  );

  test("a name server that fails proves nothing", async () => {
    dns.set(claim.name, claim.value);
    dns.mode = "failing";
    const watch = aWatch();
    await watch.look("due");
    expect(watch.isProven(claim)).toBe(false);
    expect(watch.list()[0]?.detail).toMatch(/ESERVFAIL/);
  });

  test("several instances agree: one of them asks, all of them know", async () => {
    dns.set(claim.name, claim.value);
    const store = aStore();
    const instances = [aWatch({}, store), aWatch({}, store), aWatch({}, store)];
    await Promise.all(instances.map((watch) => watch.look("due")));
    await Promise.all(instances.map((watch) => watch.look("due")));
    expect(dns.asked).toHaveLength(1);
    expect(instances.map((watch) => watch.isProven(claim))).toEqual([true, true, true]);
    dns.records.clear();
    now += 5 * day;
    await Promise.all(instances.map((watch) => watch.look("due")));
    await Promise.all(instances.map((watch) => watch.look("due")));
    expect(instances.map((watch) => watch.isProven(claim))).toEqual([false, false, false]);
  });

  test("what was seen outlives a restart, also while DNS is away; another auth.origin begins anew", async () => {
    const folder = await mkdtemp(join(tmpdir(), "vestibule-domains-"));
    try {
      dns.set(claim.name, claim.value);
      const file = join(folder, "directory.db");
      const first = openSqliteDirectory(file);
      await aWatch({ documents: createKeptDocuments(first, clock) }).look("due");
      await first.close();
      dns.mode = "failing";
      const second = openSqliteDirectory(file);
      const documents = createKeptDocuments(second, clock);
      const again = aWatch({ documents });
      await again.look("due");
      expect(again.isProven(claim)).toBe(true);
      const moved = domainClaim("https://login.acme.example", "entra", "acme.example");
      const elsewhere = aWatch({ documents, claims: [moved] });
      await elsewhere.look("due");
      expect(elsewhere.isProven(moved)).toBe(false);
      await second.close();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("a store that is away costs neither the look nor what this instance knows", async () => {
    dns.set(claim.name, claim.value);
    const away = async () => Promise.reject(new Error("away"));
    const store = { ...aStore(), facts: { ...aStore().facts, lease: away } };
    const watch = aWatch({ documents: { read: away, write: away } }, store);
    await watch.look("due");
    expect(watch.isProven(claim)).toBe(true);
    await watch.look("due");
    expect(dns.asked).toHaveLength(1);
  });
});
