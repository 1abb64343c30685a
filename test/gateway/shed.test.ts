import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { someSettings } from "../support/policy-builders.ts";

let gateway: InProcessGateway;
beforeAll(async () => {
  const limits = { ...someSettings([]).limits, connections: 100, requests: 2, loginsPerAddress: 600, loginsPerAddressAtOnce: 100 };
  gateway = await startGatewayInProcess({ settings: { limits } });
});
afterAll(() => gateway.close());

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}
function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: gateway.port, path, headers: { host: "wiki.acme.example", ...headers }, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on("error", reject).end();
  });
}

test("beyond the limit a request gets 503 with Retry-After and nothing of it goes upstream; logout stays reachable", async () => {
  gateway.upstream.answerWith(() => null);
  const { cookie } = await gateway.signIn();
  // The logout below cuts them.
  const slow = Promise.allSettled([get("/slow-1", { cookie }), get("/slow-2", { cookie })]);
  await eventually(() => expect(gateway.upstream.requests).toHaveLength(2));
  const refused = await get("/third", { cookie, accept: "text/html" });
  expect(refused.status).toBe(503);
  expect(refused.headers).toMatchObject({ "retry-after": "5", "cache-control": "no-store" });
  expect(refused.body).toContain(String(refused.headers["x-request-id"]));
  expect(JSON.parse((await get("/fourth", { cookie })).body)).toMatchObject({ error: "gateway.overloaded" });
  expect(gateway.upstream.requests).toHaveLength(2);
  expect((await get("/_vestibule/logout", { cookie, "sec-fetch-site": "same-origin" })).status).toBeLessThan(400);
  expect(gateway.accesses.filter(({ status }) => status === 503).map(({ reason }) => reason)).toEqual([
    "gateway.overloaded",
    "gateway.overloaded",
  ]);
  await slow;
  gateway.upstream.answerWith(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const { cookie: again } = await gateway.signIn();
  expect((await get("/", { cookie: again })).status).toBe(200);
});
