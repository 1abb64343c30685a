import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { exchange } from "../support/raw-client.ts";

/**
 * Request smuggling: a request whose end two parsers see in different places. What follows it here is a second request, for a path
 * that nobody may reach; the upstream's record says whether somebody did.
 */
let gateway: InProcessGateway;
beforeAll(async () => {
  gateway = await startGatewayInProcess({ routes: [{ path: "/", public: [{ method: null, glob: "/open/**" }] }] });
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

const host = "Host: wiki.acme.example\r\n";
const smuggled = "GET /secret HTTP/1.1\r\nHost: wiki.acme.example\r\n\r\n";
const chunked = "Transfer-Encoding: chunked\r\n";

test.each([
  { when: "Content-Length with Transfer-Encoding", fields: `Content-Length: 3\r\n${chunked}`, body: "0\r\n\r\n" },
  { when: "Transfer-Encoding with Content-Length", fields: `${chunked}Content-Length: 3\r\n`, body: "0\r\n\r\n" },
  { when: "two equal lengths", fields: "Content-Length: 3\r\nContent-Length: 3\r\n", body: "abc" },
  { when: "two different lengths", fields: "Content-Length: 3\r\nContent-Length: 0\r\n", body: "abc" },
  { when: "a list of lengths", fields: "Content-Length: 3, 3\r\n", body: "abc" },
  { when: "a signed length", fields: "Content-Length: +3\r\n", body: "abc" },
  { when: "a negative length", fields: "Content-Length: -3\r\n", body: "abc" },
  { when: "a length with leading zeros", fields: "Content-Length: 003\r\n", body: "abc" },
  { when: "a hexadecimal length", fields: "Content-Length: 0x3\r\n", body: "abc" },
  { when: "a fractional length", fields: "Content-Length: 3.0\r\n", body: "abc" },
  { when: "an empty length", fields: "Content-Length: \r\n", body: "abc" },
  { when: "a length beyond 2^64", fields: "Content-Length: 18446744073709551619\r\n", body: "abc" },
  { when: "a length beyond 2^53", fields: "Content-Length: 9007199254740993\r\n", body: "abc" },
  { when: "a length with a space before the colon", fields: "Content-Length : 3\r\n", body: "abc" },
  { when: "a length folded onto a second line", fields: "Content-Length:\r\n 3\r\n", body: "abc" },
  { when: "gzip, chunked", fields: "Transfer-Encoding: gzip, chunked\r\n", body: "0\r\n\r\n" },
  { when: "chunked, chunked", fields: "Transfer-Encoding: chunked, chunked\r\n", body: "0\r\n\r\n" },
  { when: "chunked in two fields", fields: `${chunked}${chunked}`, body: "0\r\n\r\n" },
  { when: "chunked and identity in two fields", fields: `${chunked}Transfer-Encoding: identity\r\n`, body: "0\r\n\r\n" },
  { when: "identity", fields: "Transfer-Encoding: identity\r\n", body: "" },
  { when: "Chunked in another case", fields: "Transfer-Encoding: Chunked\r\n", body: "0\r\n\r\n" },
  { when: "xchunked", fields: "Transfer-Encoding: xchunked\r\n", body: "0\r\n\r\n" },
  { when: "chunked with a parameter", fields: "Transfer-Encoding: chunked;q=1\r\n", body: "0\r\n\r\n" },
  { when: "chunked in quotes", fields: 'Transfer-Encoding: "chunked"\r\n', body: "0\r\n\r\n" },
  { when: "chunked behind a vertical tab", fields: "Transfer-Encoding: \x0bchunked\r\n", body: "0\r\n\r\n" },
  { when: "Transfer-Encoding with a space before the colon", fields: "Transfer-Encoding : chunked\r\n", body: "0\r\n\r\n" },
  { when: "an empty Transfer-Encoding", fields: "Transfer-Encoding: \r\n", body: "" },
  { when: "a folded Transfer-Encoding", fields: "X-A: b\r\n Transfer-Encoding: chunked\r\n", body: "" },
  { when: "Transfer-Encoding behind a bare line feed", fields: "X-A: b\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n" },
  { when: "Transfer-Encoding behind a bare carriage return", fields: "X-A: b\rTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n" },
  { when: "a field name with a NUL", fields: "Content-Length\0: 3\r\n", body: "abc" },
  { when: "a field without a colon", fields: "Content-Length 3\r\n", body: "abc" },
])("$when: refused, closed, and nothing reaches the upstream", async ({ fields, body }) => {
  const answer = await exchange(gateway, `POST /open/x HTTP/1.1\r\n${host}${fields}\r\n${body}${smuggled}`);
  expect(answer.statuses).toEqual([400]);
  expect(answer.closed).toBe(true);
  expect(gateway.upstream.requests).toEqual([]);
});

test("Transfer-Encoding in HTTP/1.0 is refused", async () => {
  const answer = await exchange(gateway, `POST /open/x HTTP/1.0\r\n${host}${chunked}\r\n0\r\n\r\n${smuggled}`);
  expect({ statuses: answer.statuses, closed: answer.closed }).toEqual({ statuses: [400], closed: true });
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { when: "a size that is no number", body: "zz\r\nabc\r\n0\r\n\r\n" },
  { when: "a size with 0x", body: "0x3\r\nabc\r\n0\r\n\r\n" },
  { when: "a size followed by a space", body: "3 \r\nabc\r\n0\r\n\r\n" },
  { when: "a negative size", body: "-3\r\nabc\r\n0\r\n\r\n" },
  { when: "a size that overflows 64 bits", body: "10000000000000003\r\nabc\r\n0\r\n\r\n" },
  { when: "lines that end in a bare line feed", body: "3\nabc\n0\n\n" },
  { when: "an extension that ends in a bare line feed", body: "3;x\nabc\r\n0\r\n\r\n" },
  { when: "no line end behind the data", body: "3\r\nabcXX0\r\n\r\n" },
])("a chunk with $when: the connection ends, and the smuggled request is never seen", async ({ body }) => {
  const answer = await exchange(gateway, `POST /open/x HTTP/1.1\r\n${host}${chunked}\r\n${body}${smuggled}`);
  expect(answer.statuses.filter((status) => status !== 400)).toEqual([]);
  expect(answer.closed).toBe(true);
  expect(gateway.upstream.requests.map((request) => request.target)).not.toContain("/secret");
});

test.each([
  { when: "a plain length", fields: "Content-Length: 3\r\n", body: "abc" },
  { when: "a length behind white space, as RFC 9110 allows", fields: "Content-Length:\t 3 \r\n", body: "abc" },
  { when: "chunks", fields: chunked, body: "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n" },
  { when: "chunks with extensions and trailers", fields: chunked, body: '3;name="v"\r\nabc\r\n0\r\nRemote-User: eve\r\n\r\n' },
])("$when: forwarded once, and the next request on the connection is judged by itself", async ({ fields, body }) => {
  const answer = await exchange(gateway, `POST /open/x HTTP/1.1\r\n${host}${fields}\r\n${body}${smuggled}`);
  expect(answer.statuses).toEqual([200, 401]);
  expect(gateway.upstream.requests.map(({ target, body: sent }) => [target, sent.toString()])).toEqual([["/open/x", "abc"]]);
  expect(gateway.upstream.requests[0]?.headerValues("remote-user")).toEqual([]);
});
