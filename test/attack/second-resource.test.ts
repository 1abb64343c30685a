import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { allow } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";

/**
 * COPY and MOVE name a second resource in Destination. Bob may use `/dav`, `/pub` is open to everybody, and `/dav/admin` is for admins: a
 * rule for a path must hold for what is written there, too.
 */
let gateway: InProcessGateway;
let bob: string;
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    routes: [
      { path: "/", access: [allow({ groups: ["staff"] })] },
      { path: "/pub", public: [{ method: null, glob: "/pub/**" }] },
      { path: "/dav/admin", access: [allow({ groups: ["admins"] })] },
      { path: "/dav/read", access: [allow({ methods: ["GET", "COPY", "MOVE"] })] },
      { path: "/strip", stripPath: true, access: [allow({ groups: ["staff"] })] },
      { path: "/other", upstreams: [{ url: "http://127.0.0.1:9", weight: 1 }], access: [allow({ groups: ["staff"] })] },
    ],
  });
  ({ cookie: bob } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

const ask = (method: string, path: string, fields: readonly string[], cookie = bob) =>
  exchange(
    gateway,
    `${[`${method} ${path} HTTP/1.1`, "Host: wiki.acme.example", `Cookie: ${cookie}`, ...fields, "Connection: close"].join("\r\n")}\r\n\r\n`,
  );
const here = "https://wiki.acme.example";

test.each([
  { when: "by its address", destination: `${here}/dav/admin/x` },
  { when: "by its path alone", destination: "/dav/admin/x" },
  { when: "over http", destination: "http://wiki.acme.example/dav/admin/x" },
  { when: "with capitals and a port", destination: "HTTPS://WIKI.acme.example:443/dav/admin/x" },
  { when: "with escaped letters", destination: `${here}/dav/%61dmin/x` },
  { when: "with an escaped slash", destination: `${here}/dav%2fadmin/x` },
  { when: "with two slashes", destination: `${here}/dav//admin/x` },
  { when: "with a parameter", destination: `${here}/dav/admin;v=1/x` },
  { when: "escaped twice", destination: `${here}/dav/%2561dmin/x` },
  { when: "with capitals in the path", destination: `${here}/dav/Admin/x` },
])("nothing is planted where the visitor may not write, named $when", async ({ destination }) => {
  for (const method of ["COPY", "MOVE"]) {
    const answer = await ask(method, "/dav/bob.txt", [`Destination: ${destination}`]);
    expect(answer.statuses).toEqual([403]);
  }
  expect(gateway.upstream.requests).toEqual([]);
});

test("from a public path nothing is planted anonymously", async () => {
  const answer = await ask("COPY", "/pub/x", [`Destination: ${here}/dav/admin/x`], "a=b");
  expect(answer.statuses).toEqual([401]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("a method override that makes a COPY of a POST changes nothing", async () => {
  const fields = ["X-HTTP-Method-Override: COPY", `Destination: ${here}/dav/admin/x`, "Content-Length: 0"];
  expect((await ask("POST", "/dav/bob.txt", fields)).statuses).toEqual([403]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("where only reading is allowed, nothing is written by a copy either", async () => {
  expect((await ask("COPY", "/dav/x", [`Destination: ${here}/dav/read/x`])).statuses).toEqual([403]);
  expect((await ask("COPY", "/dav/read/x", [`Destination: ${here}/dav/x`])).statuses).toEqual([200]);
});

test.each([
  { destination: "https://other.example/dav/x", status: 502 },
  { destination: "https://wiki.acme.example.evil.example/dav/x", status: 502 },
  { destination: "https://wiki.acme.example:8443/dav/x", status: 502 },
  { destination: `${here}/_vestibule/logout`, status: 502 },
  { destination: `${here}/other/x`, status: 502 },
  { destination: "//other.example/dav/x", status: 400 },
  { destination: "https://wiki.acme.example@other.example/dav/x", status: 502 },
  { destination: `${here}/dav/../x`, status: 400 },
  { destination: `${here}/dav/%2e%2e/admin/x`, status: 400 },
  { destination: `${here}/dav/x#/y`, status: 400 },
  { destination: "dav/x", status: 400 },
  { destination: "", status: 400 },
])("a Destination of $destination: $status, and nothing goes upstream", async ({ destination, status }) => {
  expect((await ask("COPY", "/dav/bob.txt", [`Destination: ${destination}`])).statuses).toEqual([status]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("two Destinations are none", async () => {
  expect((await ask("COPY", "/dav/a", [`Destination: ${here}/dav/b`, "Destination: /dav/admin/x"])).statuses).toEqual([400]);
});

test("a copy where the visitor may write goes on, and the Destination is what the upstream knows itself as", async () => {
  expect((await ask("COPY", "/dav/a", [`Destination: ${here}/dav/b%20c?x`])).statuses).toEqual([200]);
  expect((await ask("MOVE", "/strip/a", [`Destination: ${here}/strip/b`, `If: <${here}/strip/b> (<urn:uuid:1>)`])).statuses).toEqual([200]);
  const sent = gateway.upstream.requests.map((request) => request.headerValues("destination"));
  expect(sent).toEqual([["http://wiki.acme.example/dav/b%20c?x"], ["http://wiki.acme.example/b"]]);
  expect(gateway.upstream.requests[1]?.headerValues("if")).toEqual(["<http://wiki.acme.example/b> (<urn:uuid:1>)"]);
});

test("an application's own use of the field with other methods is its own", async () => {
  expect((await ask("GET", "/dav/a", ["Destination: Paris, France"])).statuses).toEqual([200]);
  expect(gateway.upstream.requests[0]?.headerValues("destination")).toEqual(["Paris, France"]);
});
