import { describe, expect, test } from "vitest";
import { formatAddress, parseAddress, parseNetwork, parseNetworks } from "../../src/lib/networks.ts";

describe("addresses", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::FFFF:0a00:0001", "10.0.0.1"],
    ["0:0:0:0:0:ffff:a00:1", "10.0.0.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1::", "1::"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
  ])("%s is %s", (text, canonical) => {
    const address = parseAddress(text);
    expect(address && formatAddress(address)).toBe(canonical);
  });

  test.each([
    "",
    " ",
    "10.0.0",
    "10.0.0.0.1",
    "10.0.0.256",
    "010.0.0.1",
    "10.0.0.0x1",
    "10.0.0.-1",
    "10.0.0.1 ",
    "+10.0.0.1",
    "1.2.3.4.",
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "[::1]",
    ":::",
    "1::2::3",
    ":1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::",
    "::1.2.3",
    "1.2.3.4::",
    "::ffff:10.0.0.256",
    "localhost",
    "1:2:3:4:5:6:1.2.3.4:7",
  ])("'%s' is no address", (text) => {
    expect(parseAddress(text)).toBeNull();
  });
});

describe("networks", () => {
  test.each([
    { network: "10.0.0.0/8", inside: "10.255.255.255", outside: "11.0.0.0" },
    { network: "10.1.2.3/8", inside: "10.9.9.9", outside: "9.0.0.0" },
    { network: "192.0.2.128/25", inside: "192.0.2.200", outside: "192.0.2.127" },
    { network: "192.0.2.7", inside: "192.0.2.7", outside: "192.0.2.6" },
    { network: "10.0.0.0/8", inside: "::ffff:10.1.1.1", outside: "::ffff:11.1.1.1" },
    { network: "::ffff:10.0.0.0/104", inside: "10.1.1.1", outside: "11.1.1.1" },
    { network: "fd00::/8", inside: "fdff::1", outside: "fe00::1" },
    { network: "2001:db8:0:0:8000::/65", inside: "2001:db8::8000:0:0:1", outside: "2001:db8::1" },
    { network: "0.0.0.0/0", inside: "203.0.113.1", outside: "::1" },
    { network: "::/0", inside: "2001:db8::1", outside: "10.0.0.1" },
    { network: "255.255.255.255/32", inside: "255.255.255.255", outside: "255.255.255.254" },
  ])("$network holds $inside and not $outside", ({ network, inside, outside }) => {
    const networks = parseNetworks([network]);
    expect([networks.has(inside), networks.has(outside)]).toEqual([true, false]);
  });

  test.each([
    "",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/8 ",
    "::/129",
    "::ffff:0:0/95",
    "10/8",
    "*",
  ])("'%s' is no network, and stops whoever asks for it", (text) => {
    expect(parseNetwork(text)).toBeNull();
    expect(() => parseNetworks([text])).toThrow(RangeError);
  });

  test("no networks hold nobody, and nothing that is not an address is held", () => {
    expect(parseNetworks([])).toMatchObject({ empty: true });
    expect(parseNetworks([]).has("10.0.0.1")).toBe(false);
    expect(parseNetworks(["0.0.0.0/0", "::/0"]).has("unknown")).toBe(false);
  });
});
