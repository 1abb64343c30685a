import type { SecurityPromise } from "../../mutation.ts";

const edge = "test/attack/http-requests.test.ts";
const read = "src/http/read-incoming.ts";
const fields = "src/http/fields.ts";
const target = "src/http/target.ts";
const refusal = (status: number) => `${status}, the connection closes, nothing reaches the upstream`;

export const httpRequests: readonly SecurityPromise[] = [
  {
    promise: "HTTP/0.9 and `HTTP/2.0` request lines are refused.",
    mutations: [
      {
        file: read,
        find: 'throw new GatewayError("request.malformed", `HTTP version ${req.httpVersion}`);',
        replace: "return 1;",
        test: edge,
        named: `HTTP/2.0: ${refusal(400)}`,
      },
      {
        file: read,
        find: "if (req.httpVersionMajor === 1 && req.httpVersionMinor === 0) return 0;",
        replace: "if (req.httpVersionMajor < 2) return 0;",
        test: edge,
        named: `HTTP/0.9, named: ${refusal(400)}`,
      },
    ],
  },
  {
    promise: "A request without a Host is refused, also in HTTP/1.0 and beside an absolute target.",
    mutations: [
      {
        file: read,
        find: "const host = field === null ? null : canonicalHost(field);",
        replace: 'const host = canonicalHost(field ?? "wiki.acme.example");',
        test: edge,
        named: `no Host in HTTP/1.0: ${refusal(400)}`,
      },
      {
        file: read,
        find: "const host = field === null ? null : canonicalHost(field);",
        replace: 'const host = canonicalHost(field ?? authority ?? "");',
        test: edge,
        named: `an absolute target and no Host: ${refusal(400)}`,
      },
    ],
  },
  {
    promise: "A request with several Hosts is refused, equal or not; so is one with several Authorization or Origin fields.",
    mutations: [
      {
        file: fields,
        find: "fields.host = only(fields.host, value, name);",
        replace: "fields.host = value;",
        test: edge,
        named: `two equal Hosts: ${refusal(400)}`,
      },
      {
        file: fields,
        find: "fields.host = only(fields.host, value, name);",
        replace: "fields.host ??= value;",
        test: edge,
        named: `two different Hosts: ${refusal(400)}`,
      },
      {
        file: fields,
        find: "fields.authorization = only(fields.authorization, value, name);",
        replace: "fields.authorization = value;",
        test: edge,
        named: `two Authorization fields: ${refusal(400)}`,
      },
      {
        file: fields,
        find: "fields.origin = only(fields.origin, value, name);",
        replace: "fields.origin = value;",
        test: edge,
        named: `two Origin fields: ${refusal(400)}`,
      },
    ],
  },
  {
    promise: "More than 100 header fields are refused (431), and none of them is taken away before they are counted.",
    mutations: [
      {
        file: fields,
        find: "const maxFields = 100;",
        replace: "const maxFields = 101;",
        test: edge,
        named: `101 header fields: ${refusal(431)}`,
      },
      {
        file: "src/server.ts",
        find: "server.maxHeadersCount = 0;",
        replace: "server.maxHeadersCount = 50;",
        test: edge,
        named: "100 header fields: forwarded as one request",
      },
    ],
  },
  {
    promise: "A target over 8 KiB is refused (414).",
    mutations: [
      {
        file: target,
        find: "const maxTargetBytes = 8 * 1024;",
        replace: "const maxTargetBytes = 16 * 1024;",
        test: edge,
        named: `a target of more than 8 KiB: ${refusal(414)}`,
      },
      {
        file: "src/server-client-error.ts",
        find: '.toString("latin1")) ? 414 : 431;',
        replace: '.toString("latin1")) ? 431 : 431;',
        test: edge,
        named: `a target of 60 KiB: ${refusal(414)}`,
      },
    ],
  },
  {
    promise: "Header fields over 16 KiB are refused (431).",
    mutations: [
      {
        file: fields,
        find: "const maxFieldBytes = 16 * 1024;",
        replace: "const maxFieldBytes = 24 * 1024;",
        test: edge,
        named: `more than 16 KiB of header fields: ${refusal(431)}`,
      },
    ],
  },
  {
    promise: "The authority of an absolute-form target and Host must agree, port included; user info and other schemes are refused.",
    mutations: [
      {
        file: read,
        find: "if (named === null || named.hostname !== host.hostname || named.port !== host.port) {",
        replace: "if (named === null || named.port !== host.port) {",
        test: edge,
        named: `an absolute target for another host: ${refusal(400)}`,
      },
      {
        file: read,
        find: "if (named === null || named.hostname !== host.hostname || named.port !== host.port) {",
        replace: "if (named === null || named.hostname !== host.hostname) {",
        test: edge,
        named: `an absolute target with another port: ${refusal(400)}`,
      },
      {
        file: target,
        find: "/^https?:\\/\\/([^/?]+)(.*)$/i",
        replace: "/^https?:\\/\\/(?:[^/?@]*@)?([^/?]+)(.*)$/i",
        test: edge,
        named: `an absolute target with user info: ${refusal(400)}`,
      },
      {
        file: target,
        find: "/^https?:\\/\\/([^/?]+)(.*)$/i",
        replace: "/^[a-z]+:\\/\\/([^/?]+)(.*)$/i",
        test: edge,
        named: `an absolute target of another scheme: ${refusal(400)}`,
      },
    ],
  },
  {
    promise: "CONNECT, TRACE, `OPTIONS *` and methods of other protocols never reach an upstream.",
    mutations: [
      {
        file: read,
        find: '!["CONNECT", "TRACE", "SOURCE"].includes(method)',
        replace: '!["TRACE", "SOURCE"].includes(method)',
        test: edge,
        named: `CONNECT with a path: ${refusal(405)}`,
      },
      {
        file: read,
        find: '!["CONNECT", "TRACE", "SOURCE"].includes(method)',
        replace: '!["CONNECT", "SOURCE"].includes(method)',
        test: edge,
        named: `TRACE: ${refusal(405)}`,
      },
      {
        file: read,
        find: 'if (!methods.has(method)) throw new GatewayError("request.method-not-allowed", `method ${method}`);',
        replace: 'if (["CONNECT", "TRACE"].includes(method)) throw new GatewayError("request.method-not-allowed", `method ${method}`);',
        test: edge,
        named: `RTSP: ${refusal(405)}`,
      },
      {
        file: target,
        find: 'if (target === "*" && method === "OPTIONS")\n    throw new GatewayError("request.method-not-allowed", "OPTIONS * asks about the server, not about an application");',
        replace: 'if (target === "*" && method === "OPTIONS") return { path: "/", query: "", authority: null };',
        test: edge,
        named: `OPTIONS *: ${refusal(405)}`,
      },
    ],
  },
  {
    promise:
      "`Expect: 100-continue`: whoever is refused gets that answer before any 100, and nobody is asked for a body that nothing will take.",
    mutations: [
      {
        file: "src/server.ts",
        find: 'server.on("checkContinue", onRequest);',
        replace: "",
        test: "test/attack/refused-uploads.test.ts",
        named: "a refused body held back for a 100 that never comes: answered at once, and the connection ends",
      },
      {
        file: "src/upstream/upload.ts",
        find: "  let received = 0;",
        replace: "  let received = 0;\n  if (watch.expectsContinue) response.writeContinue();",
        test: "test/upstream/upload.test.ts",
        named: "with a dead upstream the client gets its answer without a 100",
      },
      {
        file: "src/upstream/forward-request.ts",
        find: 'if (maxBytes !== null && body.kind === "length" && body.bytes > maxBytes) {',
        replace: 'if (maxBytes !== null && body.kind === "length" && body.bytes > 2 * maxBytes) {',
        test: "test/upstream/upload.test.ts",
        named: "with a body that is declared too large the client gets its answer without a 100",
      },
    ],
  },
  {
    promise: "An expectation that is unknown is refused (417).",
    mutations: [
      {
        file: read,
        find: 'if (expect.toLowerCase() !== "100-continue") throw new GatewayError("request.expectation-unknown", "an unknown Expect");',
        replace: 'if (expect.toLowerCase() !== "100-continue") return false;',
        test: edge,
        named: `an expectation nobody knows: ${refusal(417)}`,
      },
      {
        file: read,
        find: 'if (expect.toLowerCase() !== "100-continue")',
        replace: 'if (!expect.toLowerCase().includes("100-continue"))',
        test: edge,
        named: `100-continue among others: ${refusal(417)}`,
      },
    ],
  },
];
