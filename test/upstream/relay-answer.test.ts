import { expect, test } from "vitest";
import type { Exchange } from "../../src/upstream/exchange.ts";
import { relayInterim } from "../../src/upstream/interim.ts";
import type { Upstream } from "../../src/upstream/upstreams.ts";

/** By itself, without undici in front: what it lets through in some version must not depend on another. */
const exchange = { request: { httpVersionMinor: 1 }, response: { headersSent: false } } as Exchange;

test.each([{ status: 0 }, { status: 99 }, { status: 101 }])("an interim answer with status $status is malformed", ({ status }) => {
  expect(() => relayInterim(exchange, {} as Upstream, { status, headers: {}, now: 0 })).toThrow(
    expect.objectContaining({ code: "upstream.answer-malformed" }),
  );
});

test.each([{ status: 100 }, { status: 104 }, { status: 199 }])("one with status $status ends here, the final one follows", ({ status }) => {
  expect(() => relayInterim(exchange, {} as Upstream, { status, headers: {}, now: 0 })).not.toThrow();
});
