import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { allow, deny } from "../support/policy-builders.ts";
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
      { path: "/pub/inner", public: [] },
      { path: "/v1/AUTH_a/closed", access: [allow({ groups: ["admins"] })] },
      {
        path: "/globs",
        access: [deny({ paths: ["/globs/a/*/secret/**"], groups: ["staff"] }), allow({ groups: ["staff"] })],
      },
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

/** What a WebDAV server does to a collection it does to all that the collection holds, whatever the rules say of an inner path. */
test.each([
  { line: "COPY /dav/", fields: [`Destination: ${here}/copied/`], when: "a copy takes it along, to where it can be read" },
  { line: "COPY /dav", fields: [`Destination: ${here}/copied`], when: "without the slash" },
  { line: "COPY /dav/", fields: [`Destination: ${here}/copied/`, "Depth: infinity"], when: "Depth said" },
  { line: "COPY /dav/", fields: [`Destination: ${here}/copied/`, "Depth: 0", "Depth: infinity"], when: "two Depths" },
  { line: "COPY /dav/", fields: [`Destination: ${here}/copied/`, "Depth: 00"], when: "an odd Depth" },
  { line: "COPY /", fields: [`Destination: ${here}/copied/`], when: "from further up" },
  { line: "COPY /Dav/", fields: [`Destination: ${here}/copied/`], when: "in capitals" },
  { line: "COPY /d%61v//", fields: [`Destination: ${here}/copied/`], when: "with escapes and two slashes" },
  { line: "MOVE /dav/", fields: [`Destination: ${here}/moved/`], when: "a move takes it away" },
  { line: "MOVE /dav/", fields: [`Destination: ${here}/moved/`, "Depth: 0"], when: "a move is whole whatever Depth says" },
  { line: "DELETE /dav/", fields: [], when: "a deletion ends it" },
  { line: "LOCK /dav/", fields: [], when: "a lock shuts its owners out" },
  { line: "PROPFIND /dav/", fields: ["Depth: infinity"], when: "a listing names what it holds" },
  { line: "PROPFIND /dav/", fields: [], when: "which is also what no Depth means" },
  { line: "REPORT /dav/", fields: ["Depth: infinity"], when: "a report, too" },
  { line: "SEARCH /dav/", fields: [], when: "and a search" },
  { line: "UNBIND /dav/", fields: [], when: "an unbinding" },
  { line: "POST /dav/", fields: ["X-HTTP-Method-Override: DELETE"], when: "a method named in a field" },
  { line: "POST /dav/?_method=DELETE", fields: [], when: "a method named in the query" },
  { line: "COPY /mine/", fields: [`Destination: ${here}/dav/`], when: "a copy onto it plants an inner path, and removes what was there" },
  { line: "MOVE /mine/", fields: [`Destination: ${here}/dav`, "Overwrite: T"], when: "a move onto it, too" },
  { line: "DELETE /globs/a/", fields: [], when: "a path of a condition" },
  { line: "DELETE /globs/", fields: [], when: "a path of a condition with a wildcard" },
])("a rule for an inner path counts for the whole collection: $when ($line)", async ({ line, fields }) => {
  const [method = "", path = ""] = line.split(" ");
  expect((await ask(method, path, [...fields, "Content-Length: 0"])).statuses).toEqual([403]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("a stranger copies no collection out of which an inner path is not public", async () => {
  expect((await ask("COPY", "/pub/", [`Destination: ${here}/pub/x/`], "a=b")).statuses).toEqual([401]);
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { line: "COPY /dav/", fields: [`Destination: ${here}/copied/`, "Depth: 0"] },
  { line: "COPY /dav/mine/", fields: [`Destination: ${here}/dav/copy/`] },
  { line: "MOVE /dav/bob.txt", fields: [`Destination: ${here}/dav/moved.txt`] },
  { line: "MOVE /mine/", fields: [`Destination: ${here}/dav/mine/`] },
  { line: "DELETE /dav/mine/", fields: [] },
  { line: "DELETE /dav/administrators/", fields: [] },
  { line: "LOCK /dav/bob.txt", fields: [] },
  { line: "LOCK /dav/", fields: ["Depth: 0"] },
  { line: "PROPFIND /dav/", fields: ["Depth: 1"] },
  { line: "PROPFIND /dav/", fields: ["Depth: 0"] },
  { line: "PROPFIND /", fields: ["Depth: 1,noroot"] },
  { line: "REPORT /dav/", fields: [] },
  { line: "GET /dav/", fields: [] },
  { line: "PROPPATCH /dav/", fields: [] },
  { line: "POST /dav/?note=a%20b%2Fc", fields: [] },
  { line: "DELETE /globs/b/", fields: [] },
])("benign twin: $line with $fields passes", async ({ line, fields }) => {
  const [method = "", path = ""] = line.split(" ");
  expect((await ask(method, path, [...fields, "Content-Length: 0"])).statuses).toEqual([200]);
  expect(gateway.upstream.requests.length).toBe(1);
});

test("benign twin: who may reach the inner path, too, moves the whole", async () => {
  const { cookie } = await gateway.signIn({ subject: "root", groups: { kind: "known", names: ["admins", "staff"] } });
  expect((await ask("MOVE", "/dav/", [`Destination: ${here}/moved/`], cookie)).statuses).toEqual([200]);
  expect((await ask("DELETE", "/dav/admin/", [], cookie)).statuses).toEqual([200]);
});

/** Object stores copy what a field names: `PUT /mine/x` with `X-Amz-Copy-Source: /dav/admin/secret` reads it, to where bob may read. */
test.each([
  "X-Amz-Copy-Source: /dav/admin/secret",
  "X-Amz-Copy-Source: dav/admin/secret?versionId=1",
  "x-amz-copy-source: /dav/%61dmin/secret",
  "X-Amz-Copy-Source: /dav%2Fadmin%2Fsecret",
  "X-Amz-Copy-Source: //dav/admin/secret",
  "X-Amz-Copy-Source: /Dav/Admin/secret",
  "X-Amz-Copy-Source: /wiki/dav/admin/secret",
  "X-Goog-Copy-Source: /dav/admin/secret",
  "X-Copy-From: dav/admin/secret",
  `X-Ms-Copy-Source: ${here}/dav/admin/secret?sig=x`,
  "X-Ms-Rename-Source: /dav/admin/secret",
])("what %s names is judged like a GET of it", async (field) => {
  expect((await ask("PUT", "/mine/x", [field, "Content-Length: 0"])).statuses).toEqual([403]);
  expect((await ask("PUT", "/pub/x", [field, "Content-Length: 0"], "a=b")).statuses).toEqual([401]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("of two sources each is judged, and what Swift names lies below the account", async () => {
  const two = ["X-Amz-Copy-Source: /mine/x", "X-Amz-Copy-Source: /dav/admin/x", "Content-Length: 0"];
  expect((await ask("PUT", "/mine/y", two)).statuses).toEqual([403]);
  expect((await ask("PUT", "/v1/AUTH_a/open/y", ["X-Copy-From: closed/x", "Content-Length: 0"])).statuses).toEqual([403]);
  expect((await ask("PUT", "/v1/AUTH_a/open/y", ["X-Copy-From: open/x", "Content-Length: 0"])).statuses).toEqual([200]);
});

test.each(["X-Amz-Copy-Source: /dav/../dav/admin/x", "X-Amz-Copy-Source: arn:aws:s3:::b/k", "X-Amz-Copy-Source: /_vestibule/logout"])(
  "%s has no one meaning: 400",
  async (field) => {
    expect((await ask("PUT", "/mine/x", [field, "Content-Length: 0"])).statuses).toEqual([400]);
    expect(gateway.upstream.requests).toEqual([]);
  },
);

test.each([
  { path: "/mine/y", field: "X-Amz-Copy-Source: /mine/x%20y%2Bz" },
  { path: "/strip/y", field: "X-Amz-Copy-Source: /x" },
  { path: "/mine/y", field: "X-Ms-Copy-Source: https://elsewhere.example/dav/admin/x?sig=1" },
  { path: "/mine/y", field: "X-Amz-Copy-Source-If-Match: etag" },
])("benign twin: $field passes at $path, byte for byte", async ({ path, field }) => {
  expect((await ask("PUT", path, [field, "Content-Length: 0"])).statuses).toEqual([200]);
  const [name = "", value] = field.split(": ", 2);
  expect(gateway.upstream.requests[0]?.headerValues(name.toLowerCase())).toEqual([value]);
});
