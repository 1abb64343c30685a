import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createMetadataSource, type MetadataSource } from "../../../../src/login/saml/metadata/source.ts";
import type { SamlSettings } from "../../../../src/login/saml/settings.ts";
import type { TestCertificate } from "../../../support/certificates.ts";
import { ownedFolder } from "../../../support/owned.ts";
import { noMetrics, recordingLog } from "../../../support/quiet.ts";
import { makeSamlKey } from "../../../support/saml-keys.ts";
import {
  documentsInMemory,
  entityXml,
  type MetadataServer,
  samlSettings,
  signRoot,
  startMetadataServer,
} from "../../../support/saml-metadata.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
// A little ahead, so that whole days of what begins now do not depend on the second.
const start = Date.now() + hour;
let now = start;
let server: MetadataServer;
let one: TestCertificate;
let other: TestCertificate;
let soon: TestCertificate;
const folder = ownedFolder("vestibule-source-");
const opened: MetadataSource[] = [];

beforeAll(async () => {
  [one, other, soon] = await Promise.all([makeSamlKey("one"), makeSamlKey("other"), makeSamlKey("soon", 20)]);
});
beforeEach(async () => {
  now = start;
  server = await startMetadataServer();
});
afterEach(async () => {
  for (const source of opened.splice(0)) source.close();
  await server.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A gateway's source, with all that it reports. Two with the same `documents` are one gateway before and after a restart. */
function open(change: Partial<SamlSettings> = {}, { documents = documentsInMemory(), allowHttp = true } = {}) {
  const fetches: boolean[] = [];
  const days = new Map<string, number | null>();
  const log = recordingLog();
  const source = createMetadataSource({
    provider: "adfs",
    saml: samlSettings({ metadata: { kind: "url", url: server.url }, ...change }),
    allowHttp,
    documents,
    clock: () => now,
    log,
    metrics: {
      ...noMetrics,
      providerFetches: (provider, document, ok) => void (provider === "adfs" && document === "metadata" && fetches.push(ok)),
      expiry: (_, what, left) => void days.set(what, left),
    },
    spread: () => 0,
  });
  opened.push(source);
  return { source, fetches, days, log, documents };
}
const publish = (xml: string | Buffer, headers: Record<string, string> = {}) => {
  server.answer = (_, response) => response.writeHead(200, headers).end(xml);
};
const entity = (certificate = one, attributes = "") => entityXml({ certificates: [certificate.certificate], attributes });
const until = (at: number) => `validUntil="${new Date(at).toISOString()}"`;

test("nothing is fetched before it is needed, then once for all who ask", async () => {
  const { source, fetches } = open();
  publish(entity());
  expect(server.asked).toEqual([]);
  const [first, second] = await Promise.all([source.get(), source.get()]);
  expect(first.entityId).toBe("https://idp.acme.example");
  expect(second).toBe(first);
  await source.get();
  expect(server.asked).toHaveLength(1);
  expect(fetches).toEqual([true]);
});

test("it is refreshed with what the server said to recognise it by, and 304 keeps it", async () => {
  const { source } = open();
  server.answer = (request, response) => {
    if (request.headers["if-none-match"] === '"v1"') response.writeHead(304).end();
    else response.writeHead(200, { etag: '"v1"', "last-modified": "Sat, 01 Jan 2028 00:00:00 GMT" }).end(entity());
  };
  const first = await source.get();
  now += 25 * hour;
  expect(await source.get()).toBe(first);
  expect(server.asked[1]).toMatchObject({ "if-none-match": '"v1"' });
  await source.get();
  expect(server.asked).toHaveLength(2);
});

test("If-Modified-Since serves where there is no ETag", async () => {
  const { source } = open();
  publish(entity(), { "last-modified": "Sat, 01 Jan 2028 00:00:00 GMT" });
  await source.get();
  now += 25 * hour;
  await source.get();
  expect(server.asked[1]?.["if-modified-since"]).toBe("Sat, 01 Jan 2028 00:00:00 GMT");
});

test.each([
  { when: "the document says nothing", attributes: "", refreshMs: 12 * hour, dueMs: 12 * hour },
  { when: "the document wants it sooner", attributes: 'cacheDuration="PT1H"', refreshMs: 12 * hour, dueMs: hour },
  { when: "the document would have it later", attributes: 'cacheDuration="P30D"', refreshMs: 12 * hour, dueMs: 12 * hour },
  { when: "the document wants it all the time", attributes: 'cacheDuration="PT0S"', refreshMs: 12 * hour, dueMs: minute },
  { when: "its validity ends before", attributes: until(start + 4 * hour), refreshMs: 12 * hour, dueMs: 2 * hour },
])("when $when it is fetched again after $dueMs ms", async ({ attributes, refreshMs, dueMs }) => {
  const { source } = open({ metadataRefreshMs: refreshMs });
  publish(entity(one, attributes));
  await source.get();
  now = start + dueMs - 1000;
  await source.get();
  expect(server.asked).toHaveLength(1);
  now = start + dueMs;
  await source.get();
  await source.probe();
  expect(server.asked.length).toBeGreaterThan(1);
});

test.each<{ when: string; answer: MetadataServer["answer"]; reason: RegExp }>([
  { when: "it refuses", answer: (_, response) => response.writeHead(500).end(), reason: /answered 500/ },
  { when: "there is nothing any more", answer: (_, response) => response.writeHead(404).end(), reason: /answered 404/ },
  {
    when: "it sends elsewhere",
    answer: (_, response) => response.writeHead(302, { location: "/other" }).end(),
    reason: /redirects are not followed/,
  },
  { when: "it breaks off", answer: (request) => request.socket.destroy(), reason: /cannot be reached/ },
  { when: "it sends nothing", answer: (_, response) => response.writeHead(200).end(), reason: /is empty/ },
  {
    when: "it sends a page",
    answer: (_, response) => response.writeHead(200).end("<html>sign in to the guest network</html>"),
    reason: /the html is not signed/,
  },
  {
    when: "it sends what has expired",
    answer: (_, response) => response.writeHead(200).end(signRoot(entity(other, until(start - day)), one)),
    reason: /expired on/,
  },
  { when: "it sends an unsigned document", answer: (_, response) => response.writeHead(200).end(entity(other)), reason: /is not signed/ },
  {
    when: "it sends a document that another signed",
    answer: (_, response) => response.writeHead(200).end(signRoot(entity(other), other)),
    reason: /no known key/,
  },
  {
    when: "it announces 50 MB",
    answer: (_, response) => response.writeHead(200, { "content-length": 50_000_000 }).write("<x>"),
    reason: /more than 1048576 bytes/,
  },
])("when $when the last good document stays, counted and logged, and a new gateway takes it up", async ({ answer, reason }) => {
  const { source, fetches, log, documents } = open({ metadataSigner: one.certificate });
  publish(signRoot(entity(), one));
  const good = await source.get();
  server.answer = answer;
  now += 30 * hour;
  expect(await source.get()).toBe(good);
  expect(fetches).toEqual([true, false]);
  expect(log.lines.filter(({ level }) => level === "warn")).toMatchObject([
    { fields: { reason: expect.stringMatching(reason), kept: true } },
  ]);
  expect(source.health()).toMatchObject({ ok: false, detail: expect.stringMatching(reason) });
  expect(await source.probe()).toMatchObject({ ok: false, detail: expect.stringMatching(reason) });

  const restarted = open({ metadataSigner: one.certificate }, { documents });
  expect(await restarted.source.get()).toEqual(good);
  expect(restarted.fetches).toEqual([false]);
});

test("50 MB that nobody announced are given up while they come, and cost no memory", async () => {
  const { source } = open();
  const chunk = Buffer.alloc(64 * 1024, "x");
  let sent = 0;
  server.answer = (_, response) => {
    const more = () => {
      while (!response.destroyed && sent < 50_000_000) {
        sent += chunk.length;
        if (!response.write(chunk)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  };
  await expect(source.get()).rejects.toMatchObject({ code: "saml.metadata-unusable", message: expect.stringMatching(/more than 1048576/) });
  expect(sent).toBeLessThan(10_000_000);
});

test("without any good document logins are refused with 503, and it is tried again soon", async () => {
  const { source, fetches } = open();
  await expect(source.get()).rejects.toMatchObject({ code: "saml.metadata-unusable", status: 503, message: expect.stringMatching(/404/) });
  await expect(source.get()).rejects.toMatchObject({ code: "saml.metadata-unusable" });
  expect(fetches).toEqual([false]);
  publish(entity());
  now += 1_000;
  expect((await source.get()).entityId).toBe("https://idp.acme.example");
  expect(source.health()).toEqual({ ok: true, detail: "no failure known", documents: [{ what: "metadata", at: now }] });
});

test("a document is never used past its validity, not even from the store", async () => {
  const { source, documents } = open();
  publish(entity(one, until(start + day)));
  await source.get();
  expect([...documents.kept.values()][0]?.ttlMs).toBe(new Date(start + day).getTime() - start);
  server.answer = (request) => request.socket.destroy();
  now = start + day;
  await expect(source.get()).rejects.toMatchObject({ code: "saml.metadata-unusable" });
  await expect(open({}, { documents }).source.get()).rejects.toMatchObject({ code: "saml.metadata-unusable" });
});

test.each<{ when: string; change: () => Partial<SamlSettings>; allowHttp?: boolean }>([
  { when: "another signer is demanded", change: () => ({ metadataSigner: other.certificate }) },
  { when: "another entity is wanted", change: () => ({ metadataEntity: "https://other.example" }) },
  { when: "the document comes from elsewhere", change: () => ({ metadata: { kind: "url", url: `${server.url}2` } }) },
  { when: "http is no longer allowed", change: () => ({}), allowHttp: false },
])("what was kept does not count when $when", async ({ change, allowHttp = true }) => {
  const { source, documents } = open();
  publish(entity());
  await source.get();
  server.answer = (_, response) => response.writeHead(500).end();
  await expect(open(change(), { documents, allowHttp }).source.get()).rejects.toMatchObject({ code: "saml.metadata-unusable" });
  expect((await open({}, { documents }).source.get()).entityId).toBe("https://idp.acme.example");
});

test("a store that is away keeps nobody from logging in", async () => {
  const away = async () => Promise.reject(new Error("redis is not answering"));
  const { source } = open({}, { documents: { ...documentsInMemory(), read: away, write: away } });
  publish(entity());
  expect((await source.get()).entityId).toBe("https://idp.acme.example");
});

test("strangers' bad signatures do not use up the fetch that an answer to our own login needs, and two changes within a minute are found", async () => {
  const { source, fetches } = open();
  publish(entity(one));
  const before = await source.get();
  for (let forgery = 0; forgery < 20; forgery += 1) expect(await source.renewed(before, "unasked")).toBeNull();
  expect(fetches).toHaveLength(2);
  publish(entity(other));
  // The strangers' minute is not over, and theirs alone.
  expect(await source.renewed(before, "unasked")).toBeNull();
  const after = await source.renewed(before, "asked");
  expect(after?.keys[0]?.fingerprint).not.toBe(before.keys[0]?.fingerprint);
  now += 6_000;
  publish(entity(one));
  const again = after === null ? null : await source.renewed(after, "asked");
  expect(again?.keys[0]?.fingerprint).toBe(before.keys[0]?.fingerprint);
});

test("a changed certificate is found at the first signature that does not fit, with one fetch a minute at most", async () => {
  const { source, fetches } = open();
  publish(entity(one));
  const before = await source.get();
  publish(entity(other));
  const [after, same] = await Promise.all([source.renewed(before, "unasked"), source.renewed(before, "unasked")]);
  expect(after?.keys[0]?.fingerprint).not.toBe(before.keys[0]?.fingerprint);
  expect(same).toBe(after);
  expect(await source.renewed(before, "unasked")).toBe(after);
  for (let forgery = 0; forgery < 100; forgery += 1) if (after !== null) expect(await source.renewed(after, "unasked")).toBeNull();
  expect(fetches).toEqual([true, true]);
  now += minute;
  if (after !== null) expect(await source.renewed(after, "unasked")).toBeNull();
  expect(fetches).toHaveLength(3);
});

test("a file is read again when it changes, and a broken one keeps the last good", async () => {
  const path = join(folder, "metadata.xml");
  const { source, fetches } = open({ metadata: { kind: "file", path } });
  await expect(source.get()).rejects.toThrow(/cannot be read \(ENOENT\)/);
  writeFileSync(path, entity(one));
  now += 5_000;
  const first = await source.get();
  now += minute;
  await source.get();
  await source.probe();
  expect(fetches).toEqual([false, true]);
  writeFileSync(path, "<broken");
  now += 5 * minute;
  expect(await source.get()).toBe(first);
  writeFileSync(path, entity(other));
  now += 5 * minute;
  expect((await source.get()).keys[0]?.fingerprint).not.toBe(first.keys[0]?.fingerprint);
});

test("what is written by hand is metadata that never changes", async () => {
  const idp = {
    entityId: "urn:acme:idp",
    ssoUrl: "https://idp.acme.example/sso",
    sloUrl: "https://idp.acme.example/slo",
    certificates: [one.certificate, other.certificate],
  };
  const { source } = open({ metadata: null, idp });
  const metadata = await source.get();
  expect(metadata).toMatchObject({ entityId: "urn:acme:idp", validUntil: null });
  expect(metadata.keys).toHaveLength(2);
  expect(metadata.sso.map(({ binding, location }) => `${binding} ${location}`)).toEqual([
    "redirect https://idp.acme.example/sso",
    "post https://idp.acme.example/sso",
  ]);
  expect(await source.renewed(metadata, "unasked")).toBeNull();
  expect(source.health().ok).toBe(true);
  expect(() => open({ metadata: null, idp: { ...idp, ssoUrl: "javascript:alert(1)" } })).toThrow(/not https/);
});

test("thirty days before a certificate or the metadata ends there are warnings, daily, and a number for alarms", async () => {
  const { source, days, log } = open({ metadataRefreshMs: 30 * day });
  publish(entityXml({ certificates: [soon.certificate, one.certificate], attributes: until(start + 40 * day) }));
  await source.get();
  const warnings = () =>
    log.lines.filter(({ message }) => message.includes("expire")).map(({ fields, message }) => ({ ...fields, message }));
  expect(warnings()).toMatchObject([{ what: "certificate", days: 19, message: "a SAML certificate or metadata expires soon" }]);
  expect(days.get("certificate")).toBeCloseTo(20, 0);
  expect(days.get("metadata")).toBeCloseTo(40, 1);
  await source.probe();
  expect(warnings()).toHaveLength(1);
  now += 25 * day;
  await source.probe();
  expect(warnings().slice(1)).toMatchObject([
    { what: "certificate", message: "a SAML certificate or metadata has expired" },
    { what: "metadata", days: 15 },
  ]);
  // The expired one is of no use any more; what counts is the one that signs from now on.
  expect(days.get("certificate")).toBeGreaterThan(300);
  source.close();
  expect(days.get("certificate")).toBeNull();
});

test("a probe asks the provider, whatever the store has kept, also while the first load is under way", async () => {
  const { source, documents } = open();
  publish(entity());
  await source.get();
  server.answer = (_, response) => response.writeHead(500).end();
  const restarted = open({}, { documents });
  restarted.source.start();
  expect(await restarted.source.probe()).toMatchObject({ ok: false, detail: expect.stringMatching(/answered 500/) });
  expect(server.asked).toHaveLength(2);
});

test("a probe tells the entity, where messages go, and every certificate with its days", async () => {
  const { source } = open({ metadataSigner: one.certificate, keys: [] });
  publish(signRoot(entityXml({ certificates: [soon.certificate], attributes: until(start + 3 * day + minute) }), one));
  const { ok, detail } = await source.probe();
  expect(ok).toBe(true);
  expect(detail.split("\n")).toEqual([
    "entity id https://idp.acme.example",
    "login by redirect https://idp.acme.example/sso",
    expect.stringMatching(/^certificate [0-9a-f]{64}, 19 days left \(\d{4}-\d\d-\d\d\)$/),
    expect.stringMatching(/^the signer's certificate [0-9a-f]{64}, 399 days left/),
    expect.stringMatching(/^metadata, 3 days left \(\d{4}-\d\d-\d\d\)$/),
  ]);
});
