// A balancer puts many visitors on one connection, and the gateway puts them on few upstream ones: whoever asks, on whichever connection
// and in whatever order, must arrive as themselves. Compared is what the upstream recorded.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { rawConnect } from "../support/raw-client.ts";

let gateway: InProcessGateway;
const cookies: Record<string, string> = {};
beforeAll(async () => {
  gateway = await startGatewayInProcess();
  for (const subject of ["alice", "bob"]) {
    const email = `${subject}@acme.example`;
    cookies[subject] = (await gateway.signIn({ subject, email, name: subject })).cookie;
  }
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

/** Requests of one connection, sent without waiting for an answer. */
async function pipeline(visitors: readonly string[]): Promise<readonly number[]> {
  const client = await rawConnect(gateway);
  const requests = visitors.map((who, at) => {
    const credentials = cookies[who] === undefined ? "" : `Cookie: ${cookies[who]}\r\n`;
    return `GET /${who}/${at} HTTP/1.1\r\nHost: wiki.acme.example\r\nRemote_User: admin\r\n${credentials}\r\n`;
  });
  client.send(requests.join(""));
  const statuses: number[] = [];
  for (const _ of visitors) statuses.push((await client.answer()).status);
  client.destroy();
  return statuses;
}

test("visitors who take turns on one connection each arrive under their own name, once", async () => {
  const statuses = await pipeline(["alice", "bob", "stranger", "alice", "bob", "bob", "stranger", "alice"]);
  expect(statuses).toEqual([200, 200, 401, 200, 200, 200, 401, 200]);
  const seen = gateway.upstream.requests.map(({ target, headers }) => [
    target.split("/")[1],
    headers.filter(([name]) => /^remote.user$/i.test(name)).map(([, value]) => value),
  ]);
  expect(seen).toEqual(["alice", "bob", "alice", "bob", "bob", "alice"].map((who) => [who, [who]]));
});

test("visitors who ask at the same time over shared upstream connections never mix", async () => {
  const turns = (who: string, other: string) => Array.from({ length: 40 }, (_, at) => (at % 3 === 0 ? other : who));
  await Promise.all([pipeline(turns("alice", "bob")), pipeline(turns("bob", "alice")), pipeline(turns("bob", "bob"))]);
  expect(gateway.upstream.requests).toHaveLength(120);
  for (const { target, headerValues } of gateway.upstream.requests) {
    const [, who] = target.split("/");
    expect([target, headerValues("remote-user"), headerValues("remote-email")]).toEqual([target, [who], [`${who}@acme.example`]]);
  }
});
