import type { SecurityPromise } from "../../mutation.ts";

const edge = "test/attack/upstream-malformed-answers.test.ts";
const truncation = "test/attack/upstream-truncation.test.ts";
const oneRequest = "test/attack/upstream-one-request.test.ts";
const uploads = "test/upstream/upload.test.ts";
const response = "src/upstream/response-headers.ts";
const strict = "src/upstream/strict-answers.ts";
const forward = "src/upstream/forward-request.ts";
const exchange = "src/upstream/exchange.ts";
const discarded = "becomes a 502, and the connection is not used again";

export const httpAnswers: readonly SecurityPromise[] = [
  {
    promise: "An upstream's answer with two framings, or a coding other than `chunked`, becomes a 502.",
    mutations: [
      {
        file: response,
        find: 'if (codings > 1 || value.trim().toLowerCase() !== "chunked") throw',
        replace: "if (codings > 1) throw",
        test: edge,
        named: `a transfer coding that is not chunked ${discarded}`,
      },
      {
        file: response,
        find: 'if (codings > 1 || value.trim().toLowerCase() !== "chunked") throw',
        replace: 'if (value.trim().toLowerCase() !== "chunked") throw',
        test: edge,
        named: `chunked twice ${discarded}`,
      },
      {
        file: strict,
        find: "if (major !== 1 || (minor === 0 && parser.hasTransferEncoding)) {",
        replace: "if (major !== 1) {",
        test: edge,
        named: `chunked in HTTP/1.0 ${discarded}`,
      },
    ],
  },
  {
    promise: "So does one with a bad status line, status 099, or a 101 that nobody asked for.",
    mutations: [
      {
        file: strict,
        find: "if (major !== 1 || (minor === 0 && parser.hasTransferEncoding)) {",
        replace: "if (minor === 0 && parser.hasTransferEncoding) {",
        test: edge,
        named: `HTTP/2.0 in the status line ${discarded}`,
      },
      {
        file: strict,
        find: "if (major !== 1 || (minor === 0 && parser.hasTransferEncoding)) {",
        replace: "if (major > 1 || (minor === 0 && parser.hasTransferEncoding)) {",
        test: edge,
        named: `HTTP/0.9 in the status line ${discarded}`,
      },
      {
        file: "src/upstream/relay-answer.ts",
        find: "if (status < 100 || status === 101) throw",
        replace: "if (status === 101) throw",
        test: "test/upstream/relay-answer.test.ts",
        named: "an interim answer with status 99 is malformed",
      },
      {
        file: "src/upstream/relay-answer.ts",
        find: "if (status < 100 || status === 101) throw",
        replace: "if (status < 100) throw",
        test: "test/upstream/relay-answer.test.ts",
        named: "an interim answer with status 101 is malformed",
      },
    ],
  },
  {
    promise: "So does one whose head is larger than 64 KiB.",
    mutations: [
      {
        file: "src/upstream/pools.ts",
        find: "maxHeaderSize: maxAnswerHeadBytes,",
        replace: "maxHeaderSize: 4 * maxAnswerHeadBytes,",
        test: edge,
        named: `a head of more than 64 KiB ${discarded}`,
      },
    ],
  },
  {
    promise: "Bytes behind the end of an answer are nobody's next answer.",
    mutations: [
      {
        file: response,
        find: "if (status === 204) continue;",
        replace: "",
        test: edge,
        named: "a body where there may be none is not taken for the next visitor's answer",
      },
    ],
  },
  {
    promise: "A body that ends early closes the client's connection by a reset; it never looks whole, and nothing is appended.",
    mutations: [
      {
        file: exchange,
        find: "socket.resetAndDestroy();",
        replace: "socket.end();",
        test: truncation,
        named: "a length not reached, then FIN: the client's connection is broken off",
      },
      {
        file: exchange,
        find: "if (cut) breakOff(exchange.response);",
        replace: "if (cut) exchange.response.end();",
        test: truncation,
        named: "chunks without the last, then FIN: the client's connection is broken off",
      },
      {
        file: exchange,
        find: "if (cut) breakOff(exchange.response);",
        replace: 'if (cut) exchange.response.end("502");',
        test: truncation,
        named: "a bad chunk size in the middle: the client's connection is broken off",
      },
      {
        file: "src/upstream/forward-upgrade.ts",
        find: "pipeline(answer, response, (error) => resolve(error !== undefined && error !== null));",
        replace:
          'answer.on("error", () => {}).once("close", () => response.end(() => resolve(false)));\n    answer.pipe(response, { end: false });',
        test: "test/upstream/upgrade.test.ts",
        named: "the last chunk never comes: the client sees no proper ending",
      },
    ],
  },
  {
    promise: "An answer that comes before the upload is over reaches the client, and both connections stay in order.",
    mutations: [
      {
        file: "src/upstream/relay-answer.ts",
        find: "exchange.upload?.stop({ discard: true });",
        replace: "",
        test: uploads,
        named: "an answer given before the upload is over reaches the client, and the next request works",
      },
      {
        file: "src/upstream/upload.ts",
        find: "drainBody(request, () => void (request.complete || request.socket.destroy()));",
        replace: "request.resume();",
        test: uploads,
        named: "whoever goes on sending after an early answer is cut off",
      },
    ],
  },
  {
    promise: "A request that is not idempotent is not sent again, with a body or without.",
    mutations: [
      {
        file: forward,
        find: "exchange.answerBegun || exchange.upload !== null) return false;",
        replace: "exchange.answerBegun) return false;",
        test: oneRequest,
        named: "a GET with a body, whose connection breaks before the answer, is not sent again",
      },
      {
        file: forward,
        find: "return /^(?:GET|HEAD|OPTIONS)$/.test(exchange.plan.incoming.method) && ",
        replace: "return ",
        test: oneRequest,
        named: "a DELETE without a body, whose connection breaks before the answer, is not sent again",
      },
    ],
  },
  {
    promise: "An idempotent one is sent again only when an idle connection had been closed, and no byte of an answer has come.",
    mutations: [
      {
        file: forward,
        find: " && upstreams.brokeAfterUse(error);",
        replace: ";",
        test: oneRequest,
        named: "a GET on a fresh connection that breaks is not sent again",
      },
      {
        file: forward,
        find: "exchange.repeated || exchange.answerBegun || ",
        replace: "exchange.repeated || ",
        test: edge,
        named: `half a head, and the connection closed ${discarded}`,
      },
    ],
  },
  {
    promise: "Users interleaved on shared connections, with uploads cut short in between, never mix.",
    mutations: [
      {
        file: "src/upstream/request-headers.ts",
        find: "for (const [name, value] of plan.identityHeaders.set) headers.push(name, value);",
        replace: "for (const [name, value] of (edits.first ??= plan.identityHeaders.set)) headers.push(name, value);",
        test: "test/attack/upstream-interleaving.test.ts",
        named: "hundreds of interleaved requests of two users, some of them aborted, never mix",
      },
      {
        file: "src/identity/session-cookies.ts",
        find: "const label = `${hostname} ${value}`;",
        replace: "const label = hostname;",
        test: "test/attack/two-visitors.test.ts",
        named: "visitors who ask at the same time over shared upstream connections never mix",
      },
      {
        file: exchange,
        find: 'if (!exchange.answerEnded) exchange.controller?.abort(how.error ?? new Error("the exchange is over"));',
        replace: "exchange.upload?.stream.push(null);",
        test: oneRequest,
        named: "an upload that breaks off never becomes a whole request",
      },
    ],
  },
];
