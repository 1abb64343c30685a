import { afterAll, beforeAll, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { someSettings } from "../support/policy-builders.ts";
import { rawConnect } from "../support/raw-client.ts";

/** Bodies to the gateway's own addresses: a stranger decides what they weigh, so none is read that nobody asked for. */
let gateway: InProcessGateway;
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    app: { hosts: ["auth.acme.example", "wiki.acme.example"] },
    settings: {
      limits: { ...someSettings([]).limits, connections: 1_000, requests: 1_000, loginsPerAddress: 3, loginsPerAddressAtOnce: 3 },
    },
  });
});
afterAll(() => gateway.close());

/** The first answer to a client that waits for 100 before it sends its body: 100 is said when somebody reads. */
async function firstAnswer(path: string, method = "POST"): Promise<number> {
  const client = await rawConnect(gateway);
  client.send(
    `${method} ${path} HTTP/1.1\r\nHost: auth.acme.example\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const { status } = await client.answer();
  client.destroy();
  return status;
}

test.each([
  { when: "an address that does not exist", path: "/_vestibule/nothing", status: 404 },
  { when: "a provider that does not exist", path: "/_vestibule/oidc/none/nothing", status: 404 },
  { when: "a method that the address does not have", path: "/_vestibule/session", method: "DELETE", status: 405 },
])("$when costs no body: $status", async ({ path, method, status }) => {
  expect(await firstAnswer(path, method)).toBe(status);
});

test("a caller over the limit costs no body: 429", async () => {
  const statuses: number[] = [];
  for (let at = 0; at < 5; at += 1) statuses.push(await firstAnswer("/_vestibule/oidc/entra/callback"));
  expect(statuses.at(-1)).toBe(429);
});

test("no service worker is fetched from the gateway's own addresses", async () => {
  const ask = async (field: string) => {
    const client = await rawConnect(gateway);
    client.send(`GET /_vestibule/jwks.json HTTP/1.1\r\nHost: auth.acme.example\r\n${field}\r\n`);
    const { status } = await client.answer();
    client.destroy();
    return status;
  };
  expect([await ask("Service-Worker: script\r\n"), await ask("")]).toEqual([404, 200]);
});
