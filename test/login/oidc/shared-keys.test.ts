import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Store } from "../../../src/core/ports/store.ts";
import type { OidcProvider } from "../../../src/login/oidc/method.ts";
import { createRedisStore } from "../../../src/sessions/redis/store.ts";
import { eventually } from "../../support/eventually.ts";
import { fakeKey } from "../../support/fake-keys.ts";
import { type FakeOidc, startFakeOidc } from "../../support/fake-oidc.ts";
import { anOidcProvider, logIn, oidcProviderSettings } from "../../support/oidc-journey.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { startRedis, type TestRedis } from "../../support/redis.ts";
import { redisAt, sessionSettings } from "../../support/session-builders.ts";

/** Several processes with one Redis in front of one provider: each has a store and a provider of its own. */
let redis: TestRedis;
let fake: FakeOidc;
let round = 0;
const opened: { readonly store: Store; readonly provider: OidcProvider }[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(async () => {
  fake = await startFakeOidc();
  round += 1;
});
afterEach(async () => {
  for (const { store, provider } of opened.splice(0)) {
    provider.close();
    await store.close();
  }
  await fake.close();
});
afterAll(() => redis.stop());

async function aProcess({ clock = Date.now, url = redis.url }: { clock?: () => number; url?: string } = {}): Promise<OidcProvider> {
  const settings = sessionSettings({ store: redisAt(url, { keyPrefix: `round-${round}:` }) });
  const store = createRedisStore({ settings, clock, random: randomBytes, log: recordingLog(), metrics: noMetrics });
  if (url === redis.url) {
    await eventually(() => {
      if (!store.health().reachable) throw new Error(store.health().detail);
    });
  }
  const provider = anOidcProvider(oidcProviderSettings({ issuer: fake.issuer }), { clock, store });
  opened.push({ store, provider });
  return provider;
}
const processes = (count: number) => Promise.all(Array.from({ length: count }, () => aProcess()));
const fetches = () => fake.count("/jwks");
const isGood = async (provider: OidcProvider, token: string) => {
  try {
    await provider.verifyBearer(token);
    return true;
  } catch {
    return false;
  }
};

test("what one process fetched, another need not fetch, and has when the provider is away", async () => {
  const [first, second] = await processes(2);
  const token = await fake.bearerToken();
  expect(await isGood(first as OidcProvider, token)).toBe(true);
  fake.script = { jwks: () => ({ status: 500 }) };
  expect(await isGood(second as OidcProvider, token)).toBe(true);
  expect(fetches()).toBe(1);
});

test("unknown kids cost one fetch a minute in all processes together", async () => {
  const all = await processes(4);
  const good = await fake.bearerToken();
  for (const each of all) await isGood(each, good);
  const before = fetches();
  const forged = await Promise.all(Array.from({ length: 100 }, (_, at) => fake.bearerToken({}, { kid: `made-up-${at}` })));
  const verdicts = await Promise.all(forged.flatMap((token) => all.map((each) => isGood(each, token))));
  expect(verdicts.includes(true)).toBe(false);
  expect(fetches() - before).toBe(1);
});

test("the key set being down, they cost no more than that, and known keys keep working", async () => {
  const all = await processes(4);
  const good = await fake.bearerToken();
  for (const each of all) await isGood(each, good);
  fake.script = { jwks: () => ({ status: 500 }) };
  const before = fetches();
  const forged = await fake.bearerToken({}, { kid: "made-up" });
  expect(await Promise.all(all.map((each) => isGood(each, forged)))).toEqual([false, false, false, false]);
  expect(await Promise.all(all.map((each) => isGood(each, good)))).toEqual([true, true, true, true]);
  expect(fetches() - before).toBe(1);
});

test("after a rotation the first login in each process succeeds, all at once, with one fetch", async () => {
  const all = await processes(4);
  for (const each of all) await logIn(each);
  const before = fetches();
  fake.keys = [await fakeKey("rotated", "RS256")];
  const subjects = await Promise.all(all.map(async (each) => (await logIn(each)).principal.subject));
  expect(subjects).toEqual(["alice", "alice", "alice", "alice"]);
  expect(fetches() - before).toBe(1);
});

test("what another process fetched before the rotation does not stand in the way of one after it", async () => {
  const [first, second] = await processes(2);
  await isGood(second as OidcProvider, await fake.bearerToken());
  await first?.probe();
  fake.keys = [await fakeKey("rotated", "RS256")];
  expect(await isGood(second as OidcProvider, await fake.bearerToken())).toBe(true);
});

test("while the key set is down, a refresh that is due and unknown kids share the one fetch of the minute", async () => {
  let ahead = 0;
  const [due, other] = [await aProcess({ clock: () => Date.now() + ahead }), await aProcess()];
  const good = await fake.bearerToken();
  for (const each of [due, other]) await isGood(each, good);
  fake.script = { jwks: () => ({ status: 500 }) };
  ahead = 61 * 60_000;
  const before = fetches();
  const iat = Math.floor((Date.now() + ahead) / 1000);
  expect(await isGood(due, await fake.bearerToken({ iat, exp: iat + 600 }))).toBe(true);
  expect(fetches() - before).toBe(1);
  expect(await isGood(other, await fake.bearerToken({}, { kid: "made-up" }))).toBe(false);
  expect(fetches() - before).toBe(1);
});

test("an old record that is put back into the store brings no withdrawn key back", async () => {
  const [first, second] = await processes(2);
  const [old] = fake.keys;
  await first?.probe();
  const client = new Redis(redis.url);
  const [name = ""] = await client.keys(`round-${round}:*document*`);
  const record = await client.get(name);
  fake.keys = [await fakeKey("rotated", "RS256")];
  await second?.probe();
  await client.set(name, record ?? "");
  client.disconnect();
  if (old === undefined || record === null) throw new Error("nothing was kept");
  fake.script = { jwks: () => ({ status: 500 }) };
  expect(await isGood(second as OidcProvider, await fake.bearerToken({}, { key: old }))).toBe(false);
});

test("strangers do not use up what a login needs", async () => {
  const [first, second] = await processes(2);
  await logIn(first as OidcProvider);
  await isGood(first as OidcProvider, await fake.bearerToken({}, { kid: "made-up" }));
  fake.keys = [await fakeKey("rotated", "RS256")];
  expect((await logIn(second as OidcProvider)).principal.subject).toBe("alice");
});

test("without the store each process asks for itself", async () => {
  const alone = await aProcess({ url: "redis://127.0.0.1:1/0" });
  expect(await isGood(alone, await fake.bearerToken())).toBe(true);
  fake.keys = [await fakeKey("rotated", "RS256")];
  expect(await isGood(alone, await fake.bearerToken())).toBe(true);
  expect(fetches()).toBe(2);
});
