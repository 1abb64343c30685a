import { afterEach, beforeEach, expect, test } from "vitest";
import { domains } from "../../src/commands/domains.ts";
import { minimal } from "../config/write-config.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { aConfig, runCommand } from "./run-command.ts";

let dns: DnsServer;
beforeEach(async () => {
  dns = await startDnsServer();
});
afterEach(() => dns.close());

const proved = minimal.replace("google: { oidc:", "google: { domainProof: dns, emailDomains: [acme.example, eu.acme.example], oidc:");
const run = (text: string, ...args: string[]) => runCommand(domains, ["-c", aConfig(text), ...args]);
const recordsIn = (out: string) => [...out.matchAll(/^(\S+)\. +TXT "([^"]+)"/gm)].map(([, name = "", value = ""]) => ({ name, value }));

test("prints the records to enter, the same at each call, another one for each domain", async () => {
  const { code, out } = await run(proved);
  const records = recordsIn(out);
  expect(code).toBe(0);
  expect(records.map(({ name }) => name)).toEqual(["_vestibule.acme.example", "_vestibule.eu.acme.example"]);
  expect(records[0]?.value).toMatch(/^vestibule-domain=[\w-]{32}$/);
  expect(records[1]?.value).not.toBe(records[0]?.value);
  expect((await run(proved)).out).toBe(out);
  expect(dns.asked).toEqual([]);
});

test("--check looks for them and ends with 1 until all are there", async () => {
  const [first, second] = recordsIn((await run(proved)).out);
  const check = () => run(proved, "--check", "--server", dns.address);
  expect(await check()).toMatchObject({ code: 1, out: expect.stringContaining("; the record is not there") });
  dns.set(first?.name ?? "", first?.value ?? "");
  dns.set(second?.name ?? "", "vestibule-domain=something-else");
  expect((await check()).code).toBe(1);
  dns.set(second?.name ?? "", second?.value ?? "");
  expect(await check()).toMatchObject({ code: 0, out: expect.not.stringContaining("not there") });
  dns.mode = "failing";
  expect(await check()).toMatchObject({ code: 1, out: expect.stringContaining("ESERVFAIL") });
});

test("--json, and a file in which nothing must be proved", async () => {
  expect(JSON.parse((await run(proved, "--json")).out)).toMatchObject([
    { provider: "google", domain: "acme.example", name: "_vestibule.acme.example", found: null },
    { domain: "eu.acme.example" },
  ]);
  expect(await run(minimal)).toMatchObject({ code: 0, out: expect.stringContaining("nothing to enter") });
});

test("wrong usage says what to write", async () => {
  expect(await run(proved, "--server", "not an address")).toMatchObject({ code: 2, err: expect.stringContaining("127.0.0.1:5353") });
  expect(await run(proved, "acme.example")).toMatchObject({ code: 2 });
});
