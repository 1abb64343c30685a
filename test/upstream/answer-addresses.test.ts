import { afterEach, expect, test } from "vitest";
import { type ForwarderOptions, startForwarder } from "../support/forwarder.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";
import { type RecordedRequest, startRecordingUpstream } from "../support/recording-upstream.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** `INSIDE` in a value stands for the upstream's own `127.0.0.1:port`, on the way there and back. */
async function answered(
  field: string,
  value: string,
  { target = "/api/page", base = "", ...options }: Omit<ForwarderOptions, "upstreams"> & { target?: string; base?: string } = {},
): Promise<{ seen: string | null; request: RecordedRequest | undefined }> {
  const upstream = await startRecordingUpstream();
  const inside = `127.0.0.1:${upstream.port}`;
  upstream.answerWith(() => `HTTP/1.1 302 Found\r\n${field}: ${value.replaceAll("INSIDE", inside)}\r\nContent-Length: 0\r\n\r\n`);
  const forwarder = await startForwarder({ path: "/api", stripPath: true, ...options, upstreams: [upstream.url + base] });
  closing.push(forwarder.close, upstream.close);
  const { answers } = await exchange(forwarder, `GET ${target} HTTP/1.1\r\nHost: wiki.test\r\n\r\n`, { quietMs: 40 });
  expect(answers[0]?.status).toBe(302);
  return { seen: answers[0]?.header(field)?.replaceAll(inside, "INSIDE") ?? null, request: upstream.requests[0] };
}

test.each([
  { says: "/login", arrives: "/api/login" },
  { says: "/", arrives: "/api/" },
  { says: "/login?next=/x#top", arrives: "/api/login?next=/x#top" },
  { says: "/caf\xc3\xa9", arrives: "/api/caf%C3%A9" },
  { says: "/a%2Fb;c=d", arrives: "/api/a%2Fb;c=d" },
  { says: "/api/login", arrives: "/api/login" },
  { says: "/apis", arrives: "/api/apis" },
  { says: "/../x", arrives: "/api/x" },
  { says: "next", arrives: "/api/dir/next" },
  { says: "../next", arrives: "/api/next" },
  { says: "../../../next", arrives: "/api/next" },
  { says: "?page=2", arrives: "?page=2" },
  { says: "#top", arrives: "#top" },
  { says: "https://wiki.test/login", arrives: "https://wiki.test/api/login" },
  { says: "http://wiki.test/login", arrives: "http://wiki.test/api/login" },
  { says: "//wiki.test/login", arrives: "http://wiki.test/api/login" },
  { says: "https://wiki.test/api/login", arrives: "https://wiki.test/api/login" },
  { says: "http://INSIDE/login?x", arrives: "https://wiki.test/api/login?x" },
  {
    says: "https://id.example/authorize?redirect_uri=https://wiki.test/cb",
    arrives: "https://id.example/authorize?redirect_uri=https://wiki.test/cb",
  },
  { says: "//elsewhere.example/x", arrives: "//elsewhere.example/x" },
  { says: "/\\elsewhere.example/x", arrives: "/\\elsewhere.example/x" },
  { says: "mailto:a@b.example", arrives: "mailto:a@b.example" },
  { says: "http://[bad", arrives: "http://[bad" },
])("with stripPath, Location: $says arrives as $arrives", async ({ says, arrives }) => {
  expect((await answered("Location", says, { target: "/api/dir/page" })).seen).toBe(arrives);
});

test("a relative address is where the application means it, asked for without a slash at the end too", async () => {
  expect((await answered("Location", "next", { target: "/api" })).seen).toBe("/api/next");
});

test.each([
  { field: "Content-Location", says: "/doc.en", arrives: "/api/doc.en" },
  { field: "Refresh", says: "5; url=/login", arrives: "5; url=/api/login" },
  { field: "Refresh", says: "0;URL='/login'", arrives: "0;URL='/api/login'" },
  { field: "Refresh", says: "30", arrives: "30" },
  {
    field: "Link",
    says: "</a.css>; rel=preload, <https://cdn.example/b.js>; rel=preload",
    arrives: "</api/a.css>; rel=preload, <https://cdn.example/b.js>; rel=preload",
  },
  { field: "Service-Worker-Allowed", says: "/", arrives: "/api/" },
  { field: "Set-Cookie", says: "a=b; Path=/; HttpOnly", arrives: "a=b; Path=/api; HttpOnly" },
  { field: "Set-Cookie", says: 'a="/;x";path=/x/', arrives: 'a="/;x";path=/api/x' },
  { field: "Set-Cookie", says: "a=b; Path=/api/x", arrives: "a=b; Path=/api/x" },
  { field: "Set-Cookie", says: "a=b; Secure", arrives: "a=b; Secure" },
  { field: "Set-Cookie", says: "__Host-a=b; Path=/; Secure", arrives: "__Host-a=b; Path=/; Secure" },
  { field: "Set-Cookie", says: "a=b; Domain=127.0.0.1; Path=/", arrives: "a=b; Path=/api" },
  { field: "Set-Cookie", says: "a=b; Domain=wiki.test; Path=/", arrives: "a=b; Domain=wiki.test; Path=/api" },
  { field: "X-Note", says: "see /login", arrives: "see /login" },
])("with stripPath, $field: $says arrives as $arrives", async ({ field, says, arrives }) => {
  expect((await answered(field, says)).seen).toBe(arrives);
});

test("the application is told the prefix that was taken away, and a caller's own does not arrive", async () => {
  const upstream = await startRecordingUpstream();
  const forwarder = await startForwarder({ upstreams: [upstream.url], path: "/api", stripPath: true });
  closing.push(forwarder.close, upstream.close);
  await exchange(forwarder, "GET /api/x HTTP/1.1\r\nHost: wiki.test\r\nX-Forwarded-Prefix: /evil\r\n\r\n", { quietMs: 40 });
  expect(upstream.requests[0]?.headerValues("x-forwarded-prefix")).toEqual(["/api"]);
});

test.each([
  { says: "/wiki/login", arrives: "/login" },
  { says: "http://INSIDE/wiki/login", arrives: "https://wiki.test/login" },
  { says: "/wiki", arrives: "/" },
  { says: "/wikis/x", arrives: "/wikis/x" },
  { says: "next", arrives: "/dir/next" },
])("with a path in the upstream's URL, Location: $says arrives as $arrives", async ({ says, arrives }) => {
  const { seen, request } = await answered("Location", says, { target: "/dir/page", base: "/wiki", path: "/", stripPath: false });
  expect([seen, request?.target, request?.header("x-forwarded-prefix")]).toEqual([arrives, "/wiki/dir/page", null]);
});

test.each([
  { field: "Location", says: "http://INSIDE/login", arrives: "https://wiki.test/login" },
  { field: "Location", says: "//INSIDE/login", arrives: "https://wiki.test/login" },
  { field: "Location", says: "https://127.0.0.1:8443/login", arrives: "https://wiki.test/login" },
  { field: "Location", says: "http://user@INSIDE/login", arrives: "https://wiki.test/login" },
  { field: "Content-Location", says: "http://INSIDE/doc", arrives: "https://wiki.test/doc" },
  { field: "Refresh", says: "0; url=http://INSIDE/x", arrives: "0; url=https://wiki.test/x" },
  { field: "Link", says: "<http://INSIDE/x>; rel=next", arrives: "<https://wiki.test/x>; rel=next" },
  { field: "Set-Cookie", says: "a=b; Domain=127.0.0.1", arrives: "a=b" },
  { field: "Access-Control-Allow-Origin", says: "http://INSIDE", arrives: "https://wiki.test" },
  { field: "Content-Security-Policy", says: "default-src http://INSIDE 'self'", arrives: "default-src https://wiki.test 'self'" },
  { field: "X-Served-By", says: "INSIDE", arrives: "wiki.test" },
  { field: "X-Version", says: "1INSIDE9", arrives: "1INSIDE9" },
])("with preserveHost: false, $field: $says arrives as $arrives", async ({ field, says, arrives }) => {
  const { seen } = await answered(field, says, { path: "/", stripPath: false, proxy: { preserveHost: false } });
  expect(seen).toBe(arrives);
});

test.each([
  { field: "Location", says: "/login" },
  { field: "Location", says: "../x" },
  { field: "Location", says: "http://wiki.test/login" },
  { field: "Location", says: "https://elsewhere.example/caf\xc3\xa9" },
  { field: "Link", says: "</a>; rel=x" },
  { field: "Set-Cookie", says: "a=b;  Path=/ ;x" },
  { field: "X-Served-By", says: "INSIDE" },
])("benign twin: without either, $field: $says passes byte for byte", async ({ field, says }) => {
  expect((await answered(field, says, { path: "/", stripPath: false })).seen).toBe(says);
});

test("a handshake's answer is mapped like any other", async () => {
  const upstream = await startRecordingUpstream(() => "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
  const forwarder = await startForwarder({ upstreams: [upstream.url], path: "/api", stripPath: true });
  closing.push(forwarder.close, upstream.close);
  const client = await rawConnect(forwarder);
  client.send(
    "GET /api/ws HTTP/1.1\r\nHost: wiki.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  expect((await client.answer()).header("location")).toBe("/api/login");
  client.destroy();
});
