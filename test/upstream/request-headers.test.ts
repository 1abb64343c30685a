import { afterEach, expect, test } from "vitest";
import { type ForwarderOptions, startForwarder } from "../support/forwarder.ts";
import { exchange } from "../support/raw-client.ts";
import { type RecordedRequest, startRecordingUpstream } from "../support/recording-upstream.ts";
import { aTrace } from "../support/traces.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** What arrives upstream of one GET with these fields. */
async function arrived(fields: string, options: Omit<ForwarderOptions, "upstreams"> = {}, target = "/page"): Promise<RecordedRequest> {
  const upstream = await startRecordingUpstream();
  const forwarder = await startForwarder({ ...options, upstreams: [upstream.url] });
  closing.push(forwarder.close, upstream.close);
  await exchange(forwarder, `GET ${target} HTTP/1.1\r\nHost: wiki.test\r\n${fields}\r\n`, { quietMs: 40 });
  const [request] = upstream.requests;
  if (request === undefined) throw new Error("nothing arrived");
  return request;
}
const alice = { kind: "known", principal: {} as never, session: null, via: "bearer", expiresAt: 0 } as const;

test("the client's forwarding fields are replaced by ours", async () => {
  const request = await arrived(
    "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /x\r\nX-Forwarded-User: admin\r\n" +
      "X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Request-Id: mine-mine-mine\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\nX-Original-Host: evil.test\r\n" +
      "True-Client-IP: 6.6.6.6\r\nX-Client-IP: 6.6.6.6\r\nCF-Connecting-IP: 6.6.6.6\r\nProxy: http://evil.test\r\n",
  );
  expect(request.headers.filter(([name]) => !/^(?:host|connection)$/i.test(name))).toEqual([
    ["Via", "1.1 vestibule-test"],
    ["X-Forwarded-For", "127.0.0.1"],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Host", "wiki.test"],
    ["X-Forwarded-Port", "443"],
    ["X-Real-IP", "127.0.0.1"],
    ["Forwarded", "for=127.0.0.1;host=wiki.test;proto=https"],
    ["X-Request-Id", "request-1"],
  ]);
});

test.each([
  "X_Forwarded_For",
  "x.forwarded.host",
  "X-Forwarded_Proto",
  "X_Real_IP",
  "x_original_url",
  "X_Rewrite_Url",
  "X_Request_Id",
  "Content_Length",
  "Transfer_Encoding",
])("%s does not arrive: CGI cannot tell it from the real one", async (name) => {
  const request = await arrived(`${name}: 66\r\n`);
  expect(request.headers.filter(([field]) => field.toLowerCase() === name.toLowerCase())).toEqual([]);
});

test("a trusted proxy's chain is kept from the client on, and the proxy added", async () => {
  const request = await arrived("X-Forwarded-For: 1.1.1.1, 2001:db8::7, 10.0.0.9\r\n", { trusted: ["127.0.0.1/32", "10.0.0.0/8"] });
  expect(request.header("x-forwarded-for")).toBe("2001:db8::7, 10.0.0.9, 127.0.0.1");
  expect(request.header("x-real-ip")).toBe("2001:db8::7");
  expect(request.header("forwarded")).toBe(
    'for="[2001:db8::7]";host=wiki.test;proto=https, for=10.0.0.9;host=wiki.test;proto=https, for=127.0.0.1;host=wiki.test;proto=https',
  );
});

test("a trusted proxy without a chain is itself the client", async () => {
  const request = await arrived("", { trusted: ["127.0.0.1/32"] });
  expect([request.header("x-forwarded-for"), request.header("x-real-ip")]).toEqual(["127.0.0.1", "127.0.0.1"]);
});

test("a port in the visitor's origin is quoted in Forwarded", async () => {
  const request = await arrived("", { origin: { scheme: "http", hostname: "wiki.test", port: 8080 } });
  expect(request.header("forwarded")).toBe('for=127.0.0.1;host="wiki.test:8080";proto=http');
  expect([request.header("x-forwarded-host"), request.header("x-forwarded-port")]).toEqual(["wiki.test:8080", "8080"]);
});

test("our own cookies are taken out, and all other bytes of the field stay", async () => {
  const request = await arrived(
    'Cookie: a=1;b="x, y"; __Host-vestibule=secret; VESTIBULE-browser=n;  c=d=e; vestibuleX=kept\r\nCookie: vestibule=only\r\nCookie: z=\xe9\r\n',
  );
  expect(request.headerValues("cookie")).toEqual(['a=1;b="x, y";  c=d=e; vestibuleX=kept', "z=\xe9"]);
});

test.each([
  { when: "the application's own Authorization passes", identity: null, expected: ["Basic eDp5"] },
  { when: "a bearer token that signed the caller in is consumed", identity: alice, expected: [] },
])("$when", async ({ identity, expected }) => {
  const request = await arrived("Authorization: Basic eDp5\r\n", { identity });
  expect(request.headerValues("authorization")).toEqual(expected);
});

test.each([
  { when: "the canonical Host of the visitor", preserveHost: true },
  { when: "the upstream's own Host", preserveHost: false },
])("$when is sent", async ({ preserveHost }) => {
  const upstream = await startRecordingUpstream();
  const forwarder = await startForwarder({ upstreams: [upstream.url], proxy: { preserveHost } });
  closing.push(forwarder.close, upstream.close);
  await exchange(forwarder, "GET / HTTP/1.1\r\nHost: WIKI.test.:8443\r\n\r\n", { quietMs: 40 });
  expect(upstream.requests[0]?.headerValues("host")).toEqual([preserveHost ? "wiki.test:8443" : `127.0.0.1:${upstream.port}`]);
});

test("the operator's edits remove and set, but never touch identity or framing", async () => {
  const request = await arrived("X-Gone: 1\r\nx_gone: 1\r\nX-Team: client\r\nReferer: here\r\n", {
    headers: {
      request: {
        remove: ["X-Gone", "Forwarded"],
        set: { "X-Team": "blue", "Remote-User": "root", "Content-Length": "99", Host: "inner.test" },
      },
      response: { remove: [], set: {} },
    },
    identityHeaders: () => ({ removes: (name) => name.toLowerCase() === "remote-user", set: [["Remote-User", "alice"]] }),
  });
  expect(request.headers.filter(([name]) => /gone/i.test(name))).toEqual([]);
  expect(request.headerValues("x-team")).toEqual(["blue"]);
  expect(request.headerValues("remote-user")).toEqual(["alice"]);
  expect(request.headerValues("content-length")).toEqual([]);
  expect(request.headerValues("forwarded")).toEqual([]);
  expect(request.headerValues("host")).toEqual(["inner.test"]);
});

test.each([
  {
    target: '/a%2Fb;c=d//e%20%41?q=%zz&x=a+b|{}^`"<>',
    stripPath: false,
    path: "/",
    upstreamTarget: '/a%2Fb;c=d//e%20%41?q=%zz&x=a+b|{}^`"<>',
  },
  { target: "/api/v1?x", stripPath: true, path: "/api", upstreamTarget: "/v1?x" },
  { target: "/%61pi/v%31", stripPath: true, path: "/api", upstreamTarget: "/v%31" },
  { target: "/api", stripPath: true, path: "/api", upstreamTarget: "/" },
  { target: "/?", stripPath: false, path: "/", upstreamTarget: "/?" },
])("$target arrives as $upstreamTarget", async ({ target, stripPath, path, upstreamTarget }) => {
  const request = await arrived("", { stripPath, path }, target);
  expect(request.target).toBe(upstreamTarget);
});

test("values outside ASCII keep their bytes", async () => {
  const request = await arrived("X-Name: Ren\xc3\xa9e\r\n", {
    identityHeaders: () => ({ removes: () => false, set: [["Remote-Name", "Zo\xc3\xab"]] }),
  });
  expect([request.header("x-name"), request.header("remote-name")]).toEqual(["Ren\xc3\xa9e", "Zo\xc3\xab"]);
});

const foreign = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01";
const tracing = `traceparent: ${foreign}\r\nTraceparent: ${foreign}\r\nTraceState: evil=1\r\nBaggage: tenant=evil\r\n`;
const traced = (request: RecordedRequest) => request.headers.filter(([name]) => /^(?:trace|baggage)/i.test(name));

test("with traces, the upstream is told of ours alone, and a stranger's baggage does not come along", async () => {
  const ours = { ...aTrace(), tracestate: "vendor=1" };
  expect(traced(await arrived(tracing, { trace: ours }))).toEqual([
    ["traceparent", ours.traceparent],
    ["tracestate", "vendor=1"],
  ]);
  // A trusted proxy's baggage is its own to say.
  expect(traced(await arrived(tracing, { trace: aTrace(), trusted: ["127.0.0.1"] }))).toEqual([
    ["Baggage", "tenant=evil"],
    ["traceparent", aTrace().traceparent],
  ]);
});

test("with traces, a route may send none", async () => {
  const headers = { request: { remove: ["Traceparent", "tracestate"], set: {} } };
  expect(traced(await arrived(tracing, { trace: { ...aTrace(), tracestate: "vendor=1" }, headers }))).toEqual([]);
});

test("without traces their fields are the application's like any other", async () => {
  expect(traced(await arrived(`traceparent: ${foreign}\r\nBaggage: tenant=a\r\n`))).toEqual([
    ["traceparent", foreign],
    ["Baggage", "tenant=a"],
  ]);
});
