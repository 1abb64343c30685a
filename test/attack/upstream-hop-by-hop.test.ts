// Hop-by-hop fields, and what Connection names, end here. Naming a field of ours in Connection must not take it away: behind naive
// proxies `Connection: X-Forwarded-For, Remote-User` makes the identity vanish on the next hop.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Forwarder, startForwarder } from "../support/forwarder.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";
import { okAnswer, type RecordingUpstream, startRecordingUpstream } from "../support/recording-upstream.ts";

let upstream: RecordingUpstream;
let forwarder: Forwarder;
const managed = new Set(["remote-user", "remote-email"]);
beforeAll(async () => {
  upstream = await startRecordingUpstream();
  forwarder = await startForwarder({
    upstreams: [upstream.url],
    identityHeaders: () => ({ removes: (name) => managed.has(name.toLowerCase().replace(/[_.]/g, "-")), set: [["Remote-User", "alice"]] }),
  });
});
beforeEach(() => {
  upstream.forget();
  upstream.answerWith(() => okAnswer);
});
afterAll(async () => {
  await forwarder.close();
  await upstream.close();
});

const ask = async (fields: string) => {
  await exchange(forwarder, `GET /page HTTP/1.1\r\nHost: wiki.test\r\n${fields}\r\n\r\n`, { quietMs: 60 });
  const request = upstream.requests.at(-1);
  if (request === undefined) throw new Error("nothing arrived");
  return request;
};

test("hop-by-hop fields and those that Connection names go no further", async () => {
  const request = await ask(
    "Connection: close, X-Secret,x-other\r\nConnection: x-third\r\nX-Secret: 1\r\nX-Other: 2\r\nX-Third: 3\r\nKeep-Alive: timeout=9\r\nProxy-Connection: x\r\nProxy-Authorization: Basic x\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nX-Kept: 4",
  );
  for (const name of [
    "x-secret",
    "x-other",
    "x-third",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "upgrade",
    "http2-settings",
  ])
    expect(request.headerValues(name), name).toEqual([]);
  expect(request.headerValues("x-kept")).toEqual(["4"]);
  expect(request.headerValues("connection")).toEqual(["keep-alive"]);
});

test.each([
  "Remote-User",
  "Host",
  "Cookie",
  "Authorization",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Real-IP",
  "X-Request-Id",
  "Forwarded",
])("naming %s in Connection takes nothing away", async (name) => {
  const request = await ask(`Cookie: a=b\r\nAuthorization: Basic eDp5\r\nConnection: keep-alive, ${name}`);
  expect(request.headerValues(name)).toHaveLength(1);
  expect(request.header("host")).toBe("wiki.test");
  expect(request.header("remote-user")).toBe("alice");
});

test.each(["Remote-User: admin", "remote_user: admin", "REMOTE.USER: admin", "Remote_Email: admin@acme.example"])(
  "a client's own %s does not arrive",
  async (field) => {
    const request = await ask(field);
    const arrived = request.headers.filter(([name]) => /^remote[-_.]/i.test(name));
    expect(arrived).toEqual([["Remote-User", "alice"]]);
  },
);

test("an upstream's hop-by-hop fields, and those that its Connection names, do not reach the client", async () => {
  upstream.answerWith(
    () =>
      "HTTP/1.1 200 OK\r\nX-Inner: 1\r\nConnection: x-inner\r\nKeep-Alive: timeout=77\r\nProxy-Authenticate: Basic\r\nTrailer: X-T\r\nUpgrade: h2c\r\nX-Kept: 2\r\nContent-Length: 2\r\n\r\nok",
  );
  const { answers } = await exchange(forwarder, "GET /page HTTP/1.1\r\nHost: wiki.test\r\n\r\n", { quietMs: 60 });
  const [answer] = answers;
  expect(answer?.status).toBe(200);
  for (const name of ["x-inner", "proxy-authenticate", "trailer", "upgrade"]) expect(answer?.header(name), name).toBeNull();
  expect(answer?.header("keep-alive")).not.toContain("77");
  expect(answer?.header("x-kept")).toBe("2");
});

test("an upstream's trailers do not reach the client: there they could pass for header fields", async () => {
  upstream.answerWith(
    () => "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\nSet-Cookie: a=b\r\n\r\n",
  );
  const client = await rawConnect(forwarder);
  client.send("GET /page HTTP/1.1\r\nHost: wiki.test\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n");
  const answer = (await client.closed()).toString("latin1");
  expect(answer.endsWith("2\r\nok\r\n0\r\n\r\n")).toBe(true);
});

test("an upstream cannot unframe its answer by naming Content-Length in Connection", async () => {
  upstream.answerWith(() => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: content-length, set-cookie\r\nSet-Cookie: a=b\r\n\r\nok");
  const { answers } = await exchange(forwarder, "GET /page HTTP/1.1\r\nHost: wiki.test\r\n\r\n", { quietMs: 60 });
  expect(answers.map((answer) => [answer.header("content-length"), answer.header("set-cookie"), answer.text])).toEqual([
    ["2", "a=b", "ok"],
  ]);
});
