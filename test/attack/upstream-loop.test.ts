import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";

/** An upstream that leads back here: what is one request to the visitor must not become hundreds. */
let gateway: InProcessGateway;
const all = [{ method: null, glob: "/**" }];
beforeAll(async () => {
  gateway = await startGatewayInProcess({ routes: [{ path: "/", public: all }] });
});
afterAll(() => gateway.close());

const get = (fields: readonly string[] = []) =>
  exchange(gateway, `${["GET /x HTTP/1.1", "Host: wiki.acme.example", ...fields, "Connection: close"].join("\r\n")}\r\n\r\n`);

test("a request that comes back is 508 at its first return", async () => {
  gateway.upstream.forget();
  gateway.upstream.answerWith((request) => async (socket) => {
    const back = await rawConnect(gateway);
    back.send(`GET /x HTTP/1.1\r\nHost: wiki.acme.example\r\nVia: ${request.header("via") ?? ""}\r\nConnection: close\r\n\r\n`);
    const { status } = await back.answer();
    back.destroy();
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${status}`);
  });
  const answer = await get();
  expect(answer.answers[0]?.text).toBe("508");
  expect(gateway.upstream.requests).toHaveLength(1);
  await eventually(() => expect(gateway.accesses.map(({ reason }) => reason)).toContain("request.loop"));
});

test("the hops before are kept, ours comes last, and other gateways' names mean nothing", async () => {
  gateway.upstream.forget();
  gateway.upstream.answerWith(() => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  expect((await get(["Via: 1.0 fred", "Via: 1.1 vestibule-000000000000 (theirs)"])).statuses).toEqual([200]);
  expect(gateway.upstream.requests[0]?.headerValues("via")).toEqual([
    expect.stringMatching(/^1\.0 fred, 1\.1 vestibule-000000000000 \(theirs\), 1\.1 vestibule-[0-9a-f]{12}$/),
  ]);
});
