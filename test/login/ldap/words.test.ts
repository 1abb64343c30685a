import fc from "fast-check";
import { EqualityFilter } from "ldapts";
import { expect, test } from "vitest";
import type { ClaimMapping } from "../../../src/login/claims/map-claims.ts";
import { problemOfEntry, problemOfPolicy, problemOfRefusedBind } from "../../../src/login/ldap/account-state.ts";
import { escapeNameValue, leafValue, nameKey, parseName } from "../../../src/login/ldap/distinguished-names.ts";
import { bytesOf, readEntry } from "../../../src/login/ldap/entries.ts";
import { readFilter } from "../../../src/login/ldap/filters.ts";
import { identityOf } from "../../../src/login/ldap/identity.ts";

test("any text is one value of a distinguished name after escaping (RFC 4514)", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
      expect(parseName(`uid=${escapeNameValue(text)},dc=acme`)).toEqual([[{ type: "uid", value: text }], [{ type: "dc", value: "acme" }]]);
    }),
  );
});

test.each([
  { text: 'CN=James \\"Jim\\" Smith\\, III,DC=example', leaf: 'James "Jim" Smith, III' },
  { text: "cn=Before\\0dAfter,dc=example", leaf: "Before\rAfter" },
  { text: "cn=Lu\\C4\\8Di\\C4\\87", leaf: "Lučić" },
  { text: "cn = padded , dc=x", leaf: "padded" },
  { text: "cn=blank\\ ,dc=x", leaf: "blank " },
  { text: "ou=Sales+cn=J.  Smith,dc=example", leaf: "J.  Smith" },
  { text: "uid=x,dc=y", leaf: null },
  { text: "no name", leaf: null },
])("$text is called $leaf", ({ text, leaf }) => {
  expect(leafValue(text, "CN")).toBe(leaf);
});

test("names that differ in spelling only have one key", () => {
  expect(nameKey("CN=Staff, OU=Groups,dc=Acme")).toBe(nameKey("cn=staff,ou=groups,DC=acme"));
  expect(nameKey("cn=a\\2cb,dc=x")).toBe(nameKey("cn=a\\,b,dc=x"));
  expect(nameKey("cn=a,cn=b")).not.toBe(nameKey("cn=a\\,cn=b"));
});

test("a value put into a filter stays one value, whatever it is", () => {
  const template = readFilter("(&(objectClass=person)(uid={login}))");
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."*()\\\0&|!=2aé") }), (login) => {
      const filter = template.fill({ login }) as unknown as { filters: EqualityFilter[] };
      expect(filter.filters).toHaveLength(2);
      expect(filter.filters[1]).toBeInstanceOf(EqualityFilter);
      expect(filter.filters[1]?.value).toBe(login);
    }),
  );
});

test.each([
  { filter: "(uid={login})", open: "(uid=*)" },
  { filter: "(mail={login}@acme.example)", open: "(mail=*@acme.example)" },
  { filter: "(&(|(uid={login})(mail={login}))(!(cn=x)))", open: "(&(|(uid=*)(mail=*))(!(cn=x)))" },
  { filter: "(cn=Zo\\c3\\ab*{login})", open: "(cn=Zo\\c3\\ab*)" },
])("$filter without the login is $open", ({ filter, open }) => {
  expect(readFilter(filter).open("login").toString()).toBe(readFilter(open).fill({}).toString());
});

test.each(["", "(uid={login}", "uid={login})", "(uid={login}))", "({login}=x)", "(uid={log in})", "(uid={login})(cn=x)"])(
  "%j is no filter",
  (text) => {
    expect(() => readFilter(text)).toThrow();
  },
);

test.each([
  { data: "52e", problem: null },
  { data: "525", problem: null },
  { data: "530", problem: "not-now" },
  { data: "532", problem: "password-expired" },
  { data: "533", problem: "disabled" },
  { data: "701", problem: "expired" },
  { data: "773", problem: "password-must-change" },
  { data: "775", problem: "locked" },
])("Active Directory's code $data means $problem", ({ data, problem }) => {
  const message = `80090308: LdapErr: DSID-0C09056B, comment: AcceptSecurityContext error, data ${data}, v4563`;
  expect(problemOfRefusedBind(message, null)).toBe(problem);
});

test.each([
  { code: 0, problem: "password-expired" },
  { code: 1, problem: "locked" },
  { code: 2, problem: "password-must-change" },
  { code: 7, problem: null },
  { code: null, problem: null },
])("the password policy's code $code means $problem", ({ code, problem }) => {
  expect(problemOfPolicy(code)).toBe(problem);
});

const now = Date.parse("2026-11-30T00:00:00Z");
const fileTime = (at: number) => String((BigInt(at) + 11_644_473_600_000n) * 10_000n);
test.each([
  { when: "nothing is said", entry: {}, problem: null },
  { when: "a normal account", entry: { userAccountControl: "512" }, problem: null },
  { when: "ACCOUNTDISABLE", entry: { userAccountControl: "66050" }, problem: "disabled" },
  { when: "an account that never expires", entry: { accountExpires: "9223372036854775807" }, problem: null },
  { when: "an account that expires tomorrow", entry: { accountExpires: fileTime(now + 86_400_000) }, problem: null },
  { when: "an account that expired a moment ago", entry: { accountExpires: fileTime(now - 1_000) }, problem: "expired" },
  { when: "389's lock", entry: { nsAccountLock: "TRUE" }, problem: "disabled" },
  { when: "an administrator's lock", entry: { pwdAccountLockedTime: "000001010000Z" }, problem: "disabled" },
  { when: "a lock after wrong passwords", entry: { pwdAccountLockedTime: "20261129235900Z" }, problem: null },
  { when: "shadowExpire past", entry: { shadowExpire: "20000" }, problem: "expired" },
  { when: "shadowExpire unset", entry: { shadowExpire: "-1" }, problem: null },
])("$when: $problem", ({ entry, problem }) => {
  expect(problemOfEntry(readEntry({ dn: "cn=x", ...entry }), now)).toBe(problem);
});

test("bytes that are no text stay distinct", () => {
  const { attributes } = readEntry({ dn: "cn=x", photo: Buffer.from([0xff, 0xfe]), other: Buffer.from([0xff, 0xfd]), empty: [] });
  expect([attributes.get("photo"), attributes.get("other"), attributes.get("empty")]).toEqual([["//4="], ["//0="], undefined]);
});

const mapping: ClaimMapping = {
  provider: "corp",
  attributes: { subject: "uid", email: "mail", name: ["cn"], groups: "memberOf", extra: {} },
  groupNames: { "domain users": "everyone" },
  groupsPrefix: "corp:",
  claimNames: [],
  ownerOfDomain: () => null,
};
test.each([
  { when: "its name looks like a list", group: '["admins"]', name: 'corp:["admins"]' },
  { when: "its name has a comma", group: "admins, staff", name: "corp:admins, staff" },
  { when: "groupNames names it", group: "domain users", name: "corp:everyone" },
  { when: "it is called like a member of every object", group: "__proto__", name: "corp:__proto__" },
])("a directory's group is one group, with the provider's prefix, also when $when", ({ group, name }) => {
  const entry = readEntry({ dn: "uid=alice", uid: "alice" });
  expect(identityOf({ entry, groups: { kind: "known", names: [group] } }, mapping).groups).toEqual({ kind: "known", names: [name] });
});

test("a SID's text and bytes are one", () => {
  const bytes = bytesOf("objectSid", "S-1-5-21-2127521184-1604012920-1887927527-72713");
  expect(readEntry({ dn: "x", objectSid: bytes ?? "" }).attributes.get("objectsid")).toEqual([
    "S-1-5-21-2127521184-1604012920-1887927527-72713",
  ]);
  expect(bytesOf("uid", "S-1-5-21")).toBeNull();
});
