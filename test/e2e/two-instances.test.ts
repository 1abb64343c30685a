import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { TestRedis } from "../support/redis.ts";
import { type Rig, signIn } from "../support/rig.ts";
import { startTwoInstances, type TwoInstances } from "../support/two-instances.ts";
import { newVisitor } from "../support/visitor.ts";

let two: TwoInstances;
let redis: TestRedis;
let rig: Rig;
let atSecond: TwoInstances["askSecond"];

beforeAll(async () => {
  two = await startTwoInstances();
  ({ redis, rig, askSecond: atSecond } = two);
});
afterAll(() => two?.close());

/** Every key and value that Redis holds, as text. */
async function dumpAll(port: number): Promise<string> {
  const client = new Redis(port, "127.0.0.1");
  const parts: string[] = [];
  for (const key of await client.keys("*")) {
    parts.push(key);
    const type = await client.type(key);
    if (type === "string") parts.push((await client.getBuffer(key))?.toString("latin1") ?? "");
    else if (type === "set") parts.push(...(await client.smembers(key)));
    else if (type === "zset") parts.push(...(await client.zrange(key, "0", "-1")));
    else if (type === "list") parts.push(...(await client.lrange(key, 0, -1)));
    else if (type === "hash") parts.push(JSON.stringify(await client.hgetall(key)));
    else throw new Error(`an unexpected ${type} at ${key}`);
  }
  client.disconnect();
  return parts.join("\n");
}

test("a session begun at one instance is good at the other, and ends in both within a second", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  expect((await atSecond(visitor, "/x")).status).toBe(200);
  const thief = newVisitor();
  for (const [name, value] of visitor.cookies("wiki.localhost")) thief.setCookie("wiki.localhost", name, value);
  await visitor.visit(`${rig.urls.wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
  await eventually(async () => expect((await atSecond(thief, "/y")).status).toBe(302), { timeoutMs: 1_000 });
});

test("the provider's own logout is told to one instance, and ends the session in both within a second", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  expect((await atSecond(visitor, "/x")).status).toBe(200);
  const page = await visitor.browse(`${rig.provider.issuer}/session/end`);
  const action = /action="([^"]*)"/.exec(page.body)?.[1] ?? "";
  const xsrf = /name="xsrf" value="([^"]*)"/.exec(page.body)?.[1] ?? "";
  await visitor.visit(new URL(action, page.url).href, { form: { xsrf, logout: "yes" } });
  await eventually(() => expect(rig.provider.events.join()).toContain("backchannel.success"));
  await eventually(async () => expect((await atSecond(visitor, "/y")).status).toBe(302), { timeoutMs: 1_000 });
});

test("what Redis holds opens nothing: neither cookies nor tokens nor names stand in it", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "bob");
  const cookie = visitor.cookies("wiki.localhost").get("vestibule") ?? "";
  const [id = ""] = cookie.split(".");
  const dump = await dumpAll(redis.port);
  expect(dump.length).toBeGreaterThan(0);
  expect(dump).not.toContain(id);
  expect(dump).not.toContain("bob");
});

test("while Redis is away the truth is told: 503 for those who are not known, no login loop, and recovery with the same cookies", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `${rig.urls.wiki}/`, "alice");
  redis.pause();
  try {
    const unknown = await atSecond(visitor, "/never-seen-here");
    expect(unknown.status).toBe(503);
    expect(unknown.headers["retry-after"]).toBeDefined();
    expect(unknown.setCookies).toEqual([]);
    expect((await visitor.visit(`${rig.urls.wiki}/healthz`)).status).toBe(200);
    await eventually(async () => expect((await fetch(`http://127.0.0.1:${rig.adminPort}/readyz`)).status).toBe(503));
  } finally {
    redis.resume();
  }
  await eventually(async () => expect((await atSecond(visitor, "/again")).status).toBe(200), { timeoutMs: 3_000 });
});
