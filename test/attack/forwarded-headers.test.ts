import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { allow, deny } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";

/** Who the client is decides network rules and stands in every log line: only trusted proxies are believed, and only from the right. */
const routes = [{ access: [deny({ networks: ["203.0.113.0/24"] }), allow({ anyone: true })] }];
const ask = (gateway: InProcessGateway, cookie: string, fields: string) =>
  exchange(gateway, `GET /x HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\n${fields}Connection: close\r\n\r\n`);

describe("from a peer that is not trusted", () => {
  let gateway: InProcessGateway;
  let cookie: string;
  beforeAll(async () => {
    gateway = await startGatewayInProcess({ routes, settings: { trustedProxies: ["10.0.0.0/8"] } });
    ({ cookie } = await gateway.signIn());
  });
  afterAll(() => gateway.close());

  test.each([
    "X-Forwarded-For: 203.0.113.7",
    "X-Real-IP: 203.0.113.7",
    "Forwarded: for=203.0.113.7",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Proto: gopher",
    "X-Forwarded-Port: 1",
    "X-Forwarded-Prefix: /evil",
    "X-Original-URL: /admin",
    "X-Rewrite-URL: /admin",
    "X-Original-Host: evil.example",
  ])("%s is deleted and changes nothing", async (field) => {
    gateway.upstream.forget();
    const [name = "", value = ""] = field.split(": ");
    expect((await ask(gateway, cookie, `${field}\r\n`)).statuses).toEqual([200]);
    const [request] = gateway.upstream.requests;
    expect(request?.headerValues(name).join()).not.toContain(value);
    expect(request?.header("x-forwarded-for")).toBe("127.0.0.1");
    expect(gateway.accesses.at(-1)?.client).toBe("127.0.0.1");
  });

  test("its X-Request-Id is replaced", async () => {
    gateway.upstream.forget();
    const answer = await ask(gateway, cookie, "X-Request-Id: chosen-by-somebody\r\n");
    expect(answer.statuses).toEqual([200]);
    expect(gateway.upstream.requests[0]?.headerValues("x-request-id")).toEqual([gateway.accesses.at(-1)?.id]);
    expect(gateway.accesses.at(-1)?.id).not.toBe("chosen-by-somebody");
  });
});

describe("from a trusted proxy", () => {
  let gateway: InProcessGateway;
  let cookie: string;
  beforeAll(async () => {
    gateway = await startGatewayInProcess({ routes, settings: { trustedProxies: ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"] } });
    ({ cookie } = await gateway.signIn());
  });
  afterAll(() => gateway.close());

  test.each([
    { when: "one hop", value: "192.0.2.1", client: "192.0.2.1" },
    { when: "hops that the client made up stand left of it", value: "203.0.113.9, 192.0.2.1", client: "192.0.2.1" },
    { when: "further trusted proxies stand right of it", value: "203.0.113.9, 192.0.2.1, 10.1.1.1, fd00::1", client: "192.0.2.1" },
    { when: "every hop is trusted", value: "10.9.9.9, 10.1.1.1", client: "10.9.9.9" },
    { when: "a hop with a port", value: "192.0.2.1:4711", client: "192.0.2.1" },
    { when: "an IPv6 hop in brackets with a port", value: "[2001:DB8::1]:4711", client: "2001:db8::1" },
    { when: "an IPv4-mapped hop", value: "::ffff:192.0.2.1", client: "192.0.2.1" },
    { when: "a mapped trusted hop", value: "192.0.2.1, ::ffff:10.1.1.1", client: "192.0.2.1" },
    { when: "a name instead of an address", value: "192.0.2.1, unknown", client: "127.0.0.1" },
    { when: "an entry that is malformed", value: "192.0.2.1, 10.0.0.300, 10.1.1.1", client: "10.1.1.1" },
    { when: "an octet with leading zeros", value: "192.0.2.1, 010.1.1.1", client: "127.0.0.1" },
    { when: "a zone id", value: "192.0.2.1, fe80::1%eth0", client: "127.0.0.1" },
    { when: "an empty entry", value: "192.0.2.1, , 10.1.1.1", client: "10.1.1.1" },
    { when: "nothing", value: "", client: "127.0.0.1" },
  ])("$when: the client is $client", async ({ value, client }) => {
    expect((await ask(gateway, cookie, `X-Forwarded-For: ${value}\r\n`)).statuses).toEqual([200]);
    expect(gateway.accesses.at(-1)?.client).toBe(client);
  });

  test("several fields are one list", async () => {
    await ask(gateway, cookie, "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.1.1.1\r\n");
    expect(gateway.accesses.at(-1)?.client).toBe("192.0.2.1");
  });

  test("network rules judge that client, mapped or not", async () => {
    expect((await ask(gateway, cookie, "X-Forwarded-For: 203.0.113.9\r\n")).statuses).toEqual([403]);
    expect((await ask(gateway, cookie, "X-Forwarded-For: ::ffff:203.0.113.9\r\n")).statuses).toEqual([403]);
    expect((await ask(gateway, cookie, "X-Forwarded-For: ::ffff:cb00:7109\r\n")).statuses).toEqual([403]);
  });

  test.each([
    { id: "0123456789abcdef0123456789abcdef", kept: true },
    { id: "Root=1-67891233-abcdef012345678912345678", kept: true },
    { id: "short", kept: false },
    { id: "x".repeat(129), kept: false },
    { id: 'with "quotes" and spaces', kept: false },
    { id: "<script>alert(1)</script>", kept: false },
  ])("X-Request-Id '$id' is believed: $kept", async ({ id, kept }) => {
    await ask(gateway, cookie, `X-Request-Id: ${id}\r\n`);
    expect(gateway.accesses.at(-1)?.id === id).toBe(kept);
  });

  test("two request ids are none", async () => {
    await ask(gateway, cookie, "X-Request-Id: 0123456789abcdef\r\nX-Request-Id: fedcba9876543210\r\n");
    expect(["0123456789abcdef", "fedcba9876543210"]).not.toContain(gateway.accesses.at(-1)?.id);
  });
});
