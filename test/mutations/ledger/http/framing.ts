import type { SecurityPromise } from "../../mutation.ts";

const edge = "test/attack/http-framing.test.ts";
const unit = "test/http/framing.test.ts";
const oneRequest = "test/attack/upstream-one-request.test.ts";
const framing = "src/http/framing.ts";
const fields = "src/http/fields.ts";
const refused = "refused, closed, and nothing reaches the upstream";

export const httpFraming: readonly SecurityPromise[] = [
  {
    promise: "The framing of a forwarded request is the gateway's own, made from the bytes that are relayed.",
    mutations: [
      {
        file: "src/upstream/request-headers.ts",
        find: 'folded === "host" || folded === "content-length" ||',
        replace: 'folded === "host" ||',
        test: oneRequest,
        named: "a POST with Content-Length is one request upstream, by the same length",
      },
      {
        file: "src/upstream/request-headers.ts",
        find: 'headers.push("Content-Length", String(incoming.body.bytes));',
        replace: 'headers.push("Content-Length", String(incoming.body.bytes - 1));',
        test: oneRequest,
        named: "a POST with Content-Length is one request upstream, by the same length",
      },
      {
        file: "src/upstream/hop-by-hop.ts",
        find: '  "transfer-encoding",\n',
        replace: "",
        test: oneRequest,
        named: "a chunked POST whose body looks like a request is one request upstream",
      },
      {
        file: "src/upstream/header-edits.ts",
        find: "Object.entries(edits.set)\n    .filter(([name]) => !framing.has(foldHeaderName(name)))",
        replace: "Object.entries(edits.set)",
        test: "test/upstream/answers.test.ts",
        named: "the operator's edits of the answer remove and set",
      },
    ],
  },
  {
    promise: "Content-Length together with Transfer-Encoding is refused.",
    mutations: [
      {
        file: framing,
        find: 'if (contentLength !== null) throw new GatewayError("request.malformed", "Content-Length together with Transfer-Encoding");',
        replace: "",
        test: unit,
        named: "both framings: malformed",
      },
    ],
  },
  {
    promise: "A repeated Content-Length is refused, equal or not.",
    mutations: [
      {
        file: fields,
        find: "fields.contentLength = only(fields.contentLength, value, name);",
        replace: "fields.contentLength = value;",
        test: unit,
        named: "two lengths: malformed",
      },
    ],
  },
  {
    promise: "A Content-Length that is not plainly a number (signed, listed, with leading zeros, empty, beyond 2^53) is refused.",
    mutations: [
      {
        file: framing,
        find: "/^(?:0|[1-9][0-9]{0,15})$/",
        replace: "/^[0-9]{1,16}$/",
        test: edge,
        named: `a length with leading zeros: ${refused}`,
      },
      {
        file: framing,
        find: "/^(?:0|[1-9][0-9]{0,15})$/",
        replace: "/^[+]?(?:0|[1-9][0-9]{0,15})$/",
        test: unit,
        named: "a signed length: malformed",
      },
      {
        file: framing,
        find: "/^(?:0|[1-9][0-9]{0,15})$/",
        replace: "/^(?:0|[1-9][0-9]{0,15})(?:, ?[0-9]+)*$/",
        test: unit,
        named: "a list of lengths: malformed",
      },
      {
        file: framing,
        find: "/^(?:0|[1-9][0-9]{0,15})$/",
        replace: "/^(?:0|[1-9][0-9]{0,15})?$/",
        test: unit,
        named: "no digits: malformed",
      },
      {
        file: framing,
        find: "if (bytes > Number.MAX_SAFE_INTEGER)",
        replace: "if (bytes > 2 ** 60)",
        test: edge,
        named: `a length beyond 2^53: ${refused}`,
      },
    ],
  },
  {
    promise: "Any Transfer-Encoding but exactly `chunked`, once, is refused.",
    mutations: [
      {
        file: framing,
        find: 'if (transferEncoding !== "chunked")',
        replace: 'if (transferEncoding.toLowerCase() !== "chunked")',
        test: edge,
        named: `Chunked in another case: ${refused}`,
      },
      {
        file: framing,
        find: 'if (transferEncoding !== "chunked")',
        replace: 'if (!transferEncoding.endsWith(", chunked") && transferEncoding !== "chunked")',
        test: edge,
        named: `gzip, chunked: ${refused}`,
      },
      {
        file: framing,
        find: 'if (transferEncoding !== "chunked")',
        replace: 'if (transferEncoding === "identity") return { kind: "none" };\n    if (transferEncoding !== "chunked")',
        test: unit,
        named: "no coding, said: malformed",
      },
      {
        file: fields,
        find: "fields.transferEncoding = only(fields.transferEncoding, value, name);",
        replace: "fields.transferEncoding ??= value;",
        test: unit,
        named: "chunked in two fields: malformed",
      },
    ],
  },
  {
    promise: "Transfer-Encoding in an HTTP/1.0 request is refused.",
    mutations: [
      {
        file: framing,
        find: 'if (httpMinor === 0) throw new GatewayError("request.malformed", "Transfer-Encoding in HTTP/1.0");',
        replace: "",
        test: edge,
        named: "Transfer-Encoding in HTTP/1.0 is refused",
      },
    ],
  },
  {
    promise: "Chunks are read to the letter: no lenient sizes, line ends or signs.",
    mutations: [
      {
        file: "src/server.ts",
        find: "insecureHTTPParser: false,",
        replace: "insecureHTTPParser: true,",
        test: edge,
        named: "a chunk with a size followed by a space: the connection ends, and the smuggled request is never seen",
      },
    ],
  },
  {
    promise: "The connection of a refused request is closed: what follows on it is no request.",
    mutations: [
      {
        file: "src/gateway/conclude.ts",
        find: "close: incoming === null,",
        replace: "close: false,",
        test: "test/attack/http-requests.test.ts",
        named: "an absolute target for another host: 400, the connection closes, nothing reaches the upstream",
      },
      {
        file: "src/server-client-error.ts",
        find: "  socket.end(`HTTP/1.1",
        replace: "  socket.write(`HTTP/1.1",
        test: edge,
        named: `Content-Length with Transfer-Encoding: ${refused}`,
      },
    ],
  },
];
