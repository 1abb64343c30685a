import fc from "fast-check";
import { expect, test } from "vitest";
import { readLogonInfo } from "../../../src/login/kerberos/pac.ts";
import { type WrittenLogonInfo, writeLogonInfo } from "../../support/logon-info.ts";

/** As Samba 4.17 wrote it for alice, a member of staff, and by that of one universal and one domain-local group. */
const bySamba = Buffer.from(
  "01100800ccccccccd001000000000000000002000000000000000000ffffffffffffff7fffffffffffffff7f1464498c0181dd011424b3b6ca81dd0114e4a28102a2dd01" +
    "0a000a00040002001600160008000200000000000c000200000000001000020000000000140002000000000018000200000000004e04000001020000040000001c000200" +
    "2000000000000000000000000000000000000000060008002000020008000a00240002002800020000000000000000001000000000000000000000000000000000000000" +
    "000000000000000000000000010000002c00020000000000000000000000000005000000000000000500000061006c0069006300650000000b000000000000000b000000" +
    "41006c0069006300650020004100640061006d00730000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000" +
    "000000000400000001020000070000004f040000070000005004000007000000510400000700000004000000000000000300000044004300310000000500000000000000" +
    "04000000410043004d00450004000000010400000000000515000000e00d139918bf23c5814b617501000000300002000700000001000000010100000000001201000000" +
    "00000000",
  "hex",
);
const acme = "S-1-5-21-2568162784-3307454232-1969310593";

const plain: WrittenLogonInfo = { domain: "S-1-5-21-1-2-3", userId: 1102, primaryGroup: 513, fullName: "Alice Adams" };
const groupsOf = (bytes: Buffer) => {
  const answer = readLogonInfo(bytes);
  return answer.kind === "read" ? answer.info.groups : answer.why;
};

test("what a domain controller wrote gives the account, its name and the SIDs of its groups", () => {
  expect(readLogonInfo(bySamba)).toEqual({
    kind: "read",
    info: {
      sid: `${acme}-1102`,
      fullName: "Alice Adams",
      groups: [`${acme}-513`, `${acme}-1103`, `${acme}-1104`, `${acme}-1105`, "S-1-18-1"],
    },
  });
});

test("groups of the domain, extra SIDs and resource groups all count, each once", () => {
  const written = writeLogonInfo({
    ...plain,
    groups: [{ rid: 513 }, { rid: 1103 }],
    extra: [{ sid: "S-1-18-1" }, { sid: "S-1-5-21-9-9-9-512" }],
    resourceDomain: "S-1-5-21-7-8-9",
    resourceGroups: [{ rid: 2001, attributes: 0x2000_0007 }],
  });
  expect(groupsOf(written)).toEqual(["S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-1103", "S-1-18-1", "S-1-5-21-9-9-9-512", "S-1-5-21-7-8-9-2001"]);
});

test("a group that is not enabled does not count", () => {
  expect(groupsOf(writeLogonInfo({ ...plain, groups: [{ rid: 512, attributes: 3 }] }))).toEqual(["S-1-5-21-1-2-3-513"]);
});

test.each([
  { what: "a group for denying only", info: { groups: [{ rid: 512, attributes: 0x17 }] }, why: /denying only/ },
  { what: "extra groups that its flags deny", info: { extra: [{ sid: "S-1-5-21-9-9-9-512" }], flags: 0 }, why: /extra groups/ },
  { what: "resource groups of no domain", info: { resourceGroups: [{ rid: 1 }] }, why: /no domain/ },
  { what: "an account without a number", info: { userId: 0 }, why: /no account/ },
])("$what makes the groups unknown", ({ info, why }) => {
  expect(groupsOf(writeLogonInfo({ ...plain, ...info }))).toMatch(why);
});

test("a name with a line break is no name, and the groups still count", () => {
  const answer = readLogonInfo(writeLogonInfo({ ...plain, fullName: "Alice\r\nX-Admin: yes" }));
  expect(answer).toMatchObject({ kind: "read", info: { fullName: "", groups: ["S-1-5-21-1-2-3-513"] } });
});

const part = fc.nat({ max: 0xffff_ffff });
const domain = fc.array(part, { minLength: 1, maxLength: 14 }).map((parts) => `S-1-5-${parts.join("-")}`);
const rids = fc.array(
  part.map((rid) => ({ rid })),
  { maxLength: 20 },
);
const infos: fc.Arbitrary<WrittenLogonInfo> = fc.record({
  domain,
  userId: fc.integer({ min: 1, max: 0xffff_ffff }),
  primaryGroup: fc.integer({ min: 1, max: 0xffff_ffff }),
  name: fc.string({ unit: "grapheme", maxLength: 20 }),
  fullName: fc.string({ unit: "grapheme", maxLength: 40 }),
  groups: rids,
  extra: fc.array(
    domain.map((sid) => ({ sid })),
    { maxLength: 10 },
  ),
  resourceDomain: domain,
  resourceGroups: rids,
});

test("what is written is read, whatever the account and its groups are", () => {
  fc.assert(
    fc.property(infos, (info) => {
      const all = [
        `${info.domain}-${info.primaryGroup}`,
        ...(info.groups ?? []).map(({ rid }) => `${info.domain}-${rid}`),
        ...(info.extra ?? []).map(({ sid }) => sid),
        ...(info.resourceGroups ?? []).map(({ rid }) => `${info.resourceDomain}-${rid}`),
      ];
      const answer = readLogonInfo(writeLogonInfo(info));
      expect(answer).toMatchObject({ kind: "read", info: { sid: `${info.domain}-${info.userId}`, groups: [...new Set(all)] } });
    }),
  );
});

test("bytes that are cut off, lengthened or anything at all are unreadable, and never throw", () => {
  for (let length = 0; length < bySamba.length; length += 1) expect(readLogonInfo(bySamba.subarray(0, length)).kind).toBe("unreadable");
  expect(readLogonInfo(Buffer.concat([bySamba, Buffer.alloc(8)])).kind).toBe("unreadable");
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => readLogonInfo(Buffer.from(bytes)).kind === "unreadable"));
});

test("a changed count, length or pointer never gives more groups than there are bytes for, and takes no memory for them", () => {
  const offset = fc.nat({ max: bySamba.length - 1 });
  const value = fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0xff, 0x7f, 0x80, 0));
  fc.assert(
    fc.property(fc.array(fc.tuple(offset, value), { minLength: 1, maxLength: 8 }), (changes) => {
      const bytes = Buffer.from(bySamba);
      for (const [at, byte] of changes) bytes[at] = byte;
      const answer = readLogonInfo(bytes);
      expect(answer.kind === "read" ? answer.info.groups.length : 0).toBeLessThanOrEqual(bySamba.length / 8);
    }),
    { numRuns: 5_000 },
  );
});

test("a list that claims four thousand million groups is unreadable at once", () => {
  const bytes = writeLogonInfo({ ...plain, groups: [{ rid: 1103 }] });
  // GroupCount, and the count in front of the list itself.
  bytes.writeUInt32LE(0xffff_ffff, 16 + 4 + 48 + 48 + 4 + 8);
  expect(groupsOf(bytes)).toMatch(/two lengths/);
  const list = bytes.indexOf(Buffer.from("010000004f040000", "hex"));
  bytes.writeUInt32LE(0xffff_ffff, list);
  expect(groupsOf(bytes)).toMatch(/too early/);
});
