import { expect, test } from "vitest";
import { scanFields } from "../../src/http/fields.ts";
import { readFraming } from "../../src/http/read-incoming.ts";

/** By itself, without the parser in front: what it let through in some version must not depend on another. */
test.each([
  { when: "both framings", fields: ["Content-Length", "3", "Transfer-Encoding", "chunked"], minor: 1 },
  { when: "chunked in HTTP/1.0", fields: ["Transfer-Encoding", "chunked"], minor: 0 },
  { when: "another coding", fields: ["transfer-encoding", "gzip, chunked"], minor: 1 },
  { when: "no coding, said", fields: ["Transfer-Encoding", "identity"], minor: 1 },
  { when: "chunked in two fields", fields: ["Transfer-Encoding", "chunked", "transfer-encoding", "chunked"], minor: 1 },
  { when: "two lengths", fields: ["Content-Length", "3", "CONTENT-LENGTH", "3"], minor: 1 },
  { when: "a list of lengths", fields: ["Content-Length", "3, 3"], minor: 1 },
  { when: "a signed length", fields: ["Content-Length", "+3"], minor: 1 },
  { when: "a length with a space", fields: ["Content-Length", " 3"], minor: 1 },
  { when: "leading zeros", fields: ["Content-Length", "03"], minor: 1 },
  { when: "no digits", fields: ["Content-Length", ""], minor: 1 },
  { when: "digits of another script", fields: ["Content-Length", "\u0663"], minor: 1 },
  { when: "2^53", fields: ["Content-Length", "9007199254740992"], minor: 1 },
])("$when: malformed", ({ fields, minor }) => {
  expect(() => readFraming(scanFields(fields, { fields: 100, fieldBytes: 16_384 }), minor)).toThrow(
    expect.objectContaining({ code: "request.malformed" }),
  );
});

test.each([
  { when: "neither", fields: [], body: { kind: "none" } },
  { when: "chunked", fields: ["Transfer-Encoding", "chunked"], body: { kind: "chunked" } },
  { when: "nothing, said", fields: ["Content-Length", "0"], body: { kind: "length", bytes: 0 } },
  { when: "2^53 - 1", fields: ["Content-Length", "9007199254740991"], body: { kind: "length", bytes: 2 ** 53 - 1 } },
])("$when: $body.kind", ({ fields, body }) => {
  expect(readFraming(scanFields(fields, { fields: 100, fieldBytes: 16_384 }), 1)).toEqual(body);
});
