import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { eventually } from "../support/eventually.ts";
import { bearer, makeToken, tokensPage } from "../support/personal-tokens.ts";
import { type Rig, signIn } from "../support/rig.ts";
import { okOrWebSocket, startTwoInstances, type TwoInstances } from "../support/two-instances.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

const run = promisify(execFile);
const main = new URL("../../src/main.ts", import.meta.url).pathname;
const consoleToken = "console-token-of-two-instances-0123";
const top = "workers: 2\nconsole: { token: { env: CONSOLE_TOKEN } }\npersonalTokens: { lifetime: 90d, perUser: 50 }\n";

let two: TwoInstances;
let rig: Rig;
let client: Redis;
let alice: Visitor;

// With two workers each.
beforeAll(async () => {
  two = await startTwoInstances({ top, env: { CONSOLE_TOKEN: consoleToken } });
  rig = two.rig;
  client = new Redis(two.redis.url);
  rig.wiki.answerWith(okOrWebSocket);
  alice = newVisitor();
  await signIn(alice, `${rig.urls.wiki}/`, "alice");
}, 120_000);
afterAll(async () => {
  client?.disconnect();
  await two?.close();
});

const ask = async (instance: number, token: string) => {
  const headers = { host: `wiki.localhost:${rig.port}`, accept: "application/json", authorization: bearer(token) };
  return (await newVisitor().fetch(`http://wiki.localhost:${two.at[instance]?.port}/page`, { headers })).status;
};
/** By every worker of both instances, as far as chance goes: each connection goes to another one. */
const askAll = async (token: string) => {
  const answers: number[] = [];
  for (let count = 0; count < 6; count += 1) answers.push(await ask(0, token), await ask(1, token));
  return [...new Set(answers)];
};
const commandsServed = async () => {
  const stats = await client.info("commandstats");
  return Object.fromEntries([...stats.matchAll(/cmdstat_(\S+?):calls=(\d+)/g)].map(([, name = "", calls]) => [name, Number(calls)]));
};
async function openSocket(instance: number, token: string): Promise<WebSocket> {
  const headers = { host: `wiki.localhost:${rig.port}`, authorization: bearer(token) };
  const socket = new WebSocket(`ws://127.0.0.1:${two.at[instance]?.port}/live`, { headers });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  return socket;
}
const vestibule = async (...args: string[]) =>
  (await run(process.execPath, [main, ...args, "--config", two.second.configFile], { env: { ...process.env, ...two.env } })).stdout;

test.each([
  { by: "its owner at one instance", end: async (handle: string) => void (await tokensPage(alice, rig.urls.auth, { endToken: handle })) },
  { by: "vestibule token end", end: async (handle: string) => expect(await vestibule("token", "end", handle)).toBe("1 token ended\n") },
])(
  "a token that is ended by $by is refused in every process, and its WebSocket is cut",
  async ({ end }) => {
    const token = await makeToken(alice, rig.urls.auth, "everywhere");
    const handle = (await tokensPage(alice, rig.urls.auth)).handles.get("everywhere") ?? "";
    expect(await askAll(token)).toEqual([200]);
    const socket = await openSocket(1, token);
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    expect(await vestibule("token", "list", "--person", "alice")).toContain(`${handle}  alice`);
    await end(handle);
    await closed;
    await eventually(async () => expect(await askAll(token)).toEqual([401]));
  },
  60_000,
);

test("revoking a person ends sessions and tokens at all instances, and nobody else's", async () => {
  const bob = newVisitor();
  await signIn(bob, `${rig.urls.wiki}/`, "bob");
  const [alices, bobs] = [await makeToken(alice, rig.urls.auth, "stays"), await makeToken(bob, rig.urls.auth, "goes")];
  expect([await askAll(alices), await askAll(bobs)]).toEqual([[200], [200]]);
  expect(await vestibule("revoke", "bob", "--dry-run")).toBe("1 session and 1 token would end\n");
  expect(await vestibule("revoke", "bob")).toBe("1 session and 1 token ended\n");
  await eventually(async () => expect(await askAll(bobs)).toEqual([401]));
  expect(await askAll(alices)).toEqual([200]);
}, 60_000);

test("a token in use costs no Redis command", async () => {
  const token = await makeToken(alice, rig.urls.auth, "warm");
  await eventually(async () => {
    await askAll(token);
    const before = await commandsServed();
    for (let count = 0; count < 10; count += 1) await askAll(token);
    const after = await commandsServed();
    // Beats, other instances' look-outs and what runs in the background are there with or without requests: what reads a record is not.
    expect((after.hgetall ?? 0) - (before.hgetall ?? 0)).toBe(0);
    expect((after.eval ?? 0) + (after.evalsha ?? 0) - (before.eval ?? 0) - (before.evalsha ?? 0)).toBeLessThan(40);
  });
}, 60_000);

test("a store's dump has neither tokens nor their owners in it", async () => {
  const token = await makeToken(alice, rig.urls.auth, "dumped");
  await askAll(token);
  const texts: string[] = [];
  for (const key of await client.keys("*")) {
    texts.push(key);
    const type = await client.type(key);
    if (type === "hash") texts.push(JSON.stringify(await client.hgetall(key)));
    else if (type === "zset") texts.push(JSON.stringify(await client.zrange(key, 0, "-1")));
    else if (type === "string") texts.push((await client.get(key)) ?? "");
  }
  const dump = texts.join("\n");
  expect(dump).toContain("token:{");
  for (const secret of [token, token.slice(4), createHash("sha256").update(token).digest("base64url"), "alice", "dumped"])
    expect(dump).not.toContain(secret);
});

test("guesses are answered 429 before they reach the store, and a token in use from the same address goes on", async () => {
  const token = await makeToken(alice, rig.urls.auth, "busy");
  expect(await askAll(token)).toEqual([200]);
  const guess = (at: number) => `vst_${createHash("sha256").update(`guess ${at}`).digest("base64url")}`;
  const statuses = await Promise.all(Array.from({ length: 200 }, (_, at) => ask(at % 2, guess(at))));
  // Twenty for each of four processes.
  expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(80);
  expect(new Set(statuses)).toEqual(new Set([401, 429]));
  expect(await askAll(token)).toEqual([200]);
  // One that was refused is known: a program with an old token repeats itself without counting again.
  expect([401, 429]).toContain(await ask(0, guess(0)));
}, 60_000);
