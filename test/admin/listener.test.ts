import { afterAll, beforeAll, expect, test } from "vitest";
import { type AdminListener, composeAdmin } from "../../src/admin/listener.ts";
import { freePort } from "../support/free-port.ts";
import { consoleToken, someOperations } from "../support/operations.ts";
import { recordingLog } from "../support/quiet.ts";
import { exchange } from "../support/raw-client.ts";

let admin: AdminListener;
let port: number;
beforeAll(async () => {
  port = await freePort();
  const operations = someOperations();
  const parts = { log: recordingLog(), state: operations.state, metricsText: async () => "", operations };
  admin = composeAdmin({ ...parts, names: () => [], clock: Date.now });
  await admin.listen({ host: "127.0.0.1", port });
});
afterAll(() => admin.close());

const ask = async (line: string, fields: readonly string[], body = "") => {
  const head = [line, `Host: 127.0.0.1:${port}`, `Authorization: Bearer ${consoleToken}`, ...fields, "Connection: close"];
  return (await exchange({ port }, `${head.join("\r\n")}\r\n\r\n${body}`)).answers[0];
};
const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const json = "Content-Type: application/json";

test("a port that is taken is said with its cure and the key that names it", async () => {
  const operations = someOperations();
  const parts = { log: recordingLog(), state: operations.state, metricsText: async () => "", operations };
  const second = composeAdmin({ ...parts, names: () => [], clock: Date.now });
  await expect(second.listen({ host: "127.0.0.1", port })).rejects.toMatchObject({
    code: "listener.failed",
    message: expect.stringMatching(/another program listens there: stop it, or write another port \(admin\.address\)$/),
  });
});

test("a request that ends a session needs neither a body nor a length", async () => {
  const answer = await ask("DELETE /api/v1/sessions/unknown HTTP/1.1", []);
  expect([answer?.status, JSON.parse(answer?.text ?? "").code]).toEqual([404, "session.unknown"]);
});

test.each([
  { when: "with a length", fields: [json, "Content-Length: 3"], body: '{"}' },
  { when: "in chunks", fields: [json, "Transfer-Encoding: chunked"], body: chunked('{"}') },
])("a body $when is read: what is no JSON is refused as that", async ({ fields, body }) => {
  const answer = await ask("POST /api/v1/sessions/end HTTP/1.1", fields, body);
  expect([answer?.status, JSON.parse(answer?.text ?? "").code]).toEqual([400, "request.malformed"]);
});

test("a body in chunks that is too large is refused while it arrives", async () => {
  const answer = await ask("POST /api/v1/sessions/end HTTP/1.1", [json, "Transfer-Encoding: chunked"], chunked("x".repeat(300_000)));
  expect([answer?.status, JSON.parse(answer?.text ?? "").code]).toEqual([413, "request.body-too-large"]);
});
