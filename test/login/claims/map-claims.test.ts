import { describe, expect, test } from "vitest";
import type { AttributeSettings } from "../../../src/core/settings.ts";
import { type ClaimMapping, lacksSomething, mapClaims } from "../../../src/login/claims/map-claims.ts";

const defaults: AttributeSettings = {
  subject: "sub",
  email: "email",
  name: ["name", "{given_name} {family_name}", "email"],
  groups: "groups",
  extra: {},
};
function map(
  claims: Record<string, unknown>,
  change: Partial<AttributeSettings> &
    Partial<Pick<ClaimMapping, "claimNames" | "groupNames" | "groupsSeparator" | "groupsPrefix" | "ownerOfDomain">> = {},
) {
  const {
    claimNames = [],
    groupNames = {},
    groupsSeparator = null,
    groupsPrefix = null,
    ownerOfDomain = () => null,
    ...attributes
  } = change;
  return mapClaims(
    { sub: "u1", ...claims },
    { provider: "idp", attributes: { ...defaults, ...attributes }, groupNames, groupsSeparator, groupsPrefix, claimNames, ownerOfDomain },
  );
}
const known = (...names: string[]) => ({ kind: "known", names });
const unknown = { kind: "unknown", why: expect.any(String) };

describe("the subject", () => {
  test.each([
    { when: "text", claims: { sub: "u1" }, subject: "u1" },
    { when: "another claim than sub", claims: { oid: "o1" }, path: "oid", subject: "o1" },
    { when: "nested", claims: { user: { id: "n1" } }, path: "user.id", subject: "n1" },
    { when: "255 bytes", claims: { sub: "a".repeat(255) }, subject: "a".repeat(255) },
  ])("is taken when it is $when", ({ claims, path = "sub", subject }) => {
    expect(map(claims, { subject: path }).subject).toBe(subject);
  });
  test.each([
    { when: "missing", claims: { sub: undefined } },
    { when: "empty", claims: { sub: "" } },
    { when: "blank", claims: { sub: "  " } },
    { when: "a number", claims: { sub: 12 } },
    { when: "a list", claims: { sub: ["u1"] } },
    { when: "longer than 255 bytes", claims: { sub: "é".repeat(128) } },
    { when: "broken by a line end", claims: { sub: "u1\r\nRemote-User: root" } },
    { when: "holding NUL", claims: { sub: "u1\0" } },
    { when: "broken Unicode", claims: { sub: "u\ud800" } },
  ])("is refused when it is $when", ({ claims }) => {
    expect(() => map(claims)).toThrow(expect.objectContaining({ code: "login.identity-incomplete" }));
  });
});

describe("the e-mail address", () => {
  test.each([
    { written: "alice@acme.example", read: "alice@acme.example" },
    { written: "Alice@ACME.Example", read: "Alice@acme.example" },
    { written: "a@bücher.example", read: "a@xn--bcher-kva.example" },
    { written: "a@BÜCHER.example", read: "a@xn--bcher-kva.example" },
    // What IDNA would turn into another, plain domain is no address of that domain.
    { written: "a@ａcme.example", read: null },
    { written: "a@acme.te\u017ft", read: null },
    { written: "a@acme.\u212Aiwi", read: null },
    { written: "a@bücher\u212A.example", read: null },
    { written: "a@acme\uFE0F.example", read: null },
    { written: "a@acme.ex\u00ADample", read: null },
    { written: "alice", read: null },
    { written: "alice@evil.example@acme.example", read: null },
    { written: '"alice@evil.example"@acme.example', read: null },
    { written: "@acme.example", read: null },
    { written: "alice@", read: null },
    { written: "alice@acme.example.", read: null },
    { written: "alice@-acme.example", read: null },
    { written: "alice@acme..example", read: null },
    { written: "alice@acme.example, bob@acme.example", read: null },
    { written: "Alice <alice@acme.example>", read: null },
    { written: "alice @acme.example", read: null },
    { written: "alice@acme.example\n", read: null },
    { written: "alice@acme.example:80", read: null },
    { written: "alice@[127.0.0.1]", read: null },
  ])("$written is read as $read", ({ written, read }) => {
    expect(map({ email: written, name: "n" }).email).toBe(read);
  });
  test.each([
    { stated: undefined, counts: true },
    { stated: true, counts: true },
    { stated: "true", counts: true },
    { stated: false, counts: false },
    { stated: "false", counts: false },
    { stated: "no", counts: false },
    { stated: null, counts: false },
    { stated: 0, counts: false },
  ])("with email_verified $stated it counts: $counts", ({ stated, counts }) => {
    const { email, name } = map({ email: "alice@acme.example", email_verified: stated });
    expect(email).toBe(counts ? "alice@acme.example" : null);
    // An address that does not count must not come back as a name either.
    expect(name).toBe(counts ? "alice@acme.example" : null);
  });
  test("of a domain that another provider owns is refused, whatever its letters", () => {
    const ownerOfDomain = (domain: string) => (domain === "acme.example" ? "entra" : null);
    for (const email of ["eve@acme.example", "eve@ACME.example", "eve@ａcme.example", "eve@acme.exa\uFF4Dple"]) {
      expect(() => map({ email }, { ownerOfDomain })).toThrow(expect.objectContaining({ code: "login.email-domain" }));
    }
    expect(map({ email: "eve@sub.acme.example" }, { ownerOfDomain }).email).toBe("eve@sub.acme.example");
    expect(map({ email: "eve@acme.example", email_verified: false }, { ownerOfDomain }).email).toBeNull();
    expect(map({ email: "alice@acme.example" }, { ownerOfDomain: () => "idp" }).email).toBe("alice@acme.example");
  });
});

describe("the name", () => {
  test.each([
    { when: "a claim", claims: { name: "Alice Archer" }, name: "Alice Archer" },
    { when: "a template", claims: { given_name: "Alice", family_name: "Archer" }, name: "Alice Archer" },
    { when: "half a template", claims: { given_name: "Alice" }, name: "Alice" },
    { when: "the address at last", claims: { email: "a@acme.example" }, name: "a@acme.example" },
    { when: "nothing", claims: {}, name: null },
    { when: "an empty claim, then a template", claims: { name: " ", family_name: "Archer" }, name: "Archer" },
    { when: "a list of one", claims: { name: ["Alice"] }, name: "Alice" },
    { when: "an object", claims: { name: { first: "A" } }, name: null },
  ])("comes from $when", ({ claims, name }) => expect(map(claims).name).toBe(name));
  test("of a template without any part is none, whatever stands between the parts", () => {
    expect(map({}, { name: ["{family_name}, {given_name}"] }).name).toBeNull();
  });
});

describe("groups in one text, with groupsSeparator", () => {
  test.each([
    { text: "staff,contractors", separator: ",", groups: known("staff", "contractors") },
    { text: "staff; contractors;", separator: ";", groups: known("staff", "contractors") },
    { text: "[staff, contractors]", separator: ",", groups: known("staff", "contractors") },
    { text: "R&D, Paris|staff", separator: "|", groups: known("R&D, Paris", "staff") },
    { text: "staff", separator: ",", groups: known("staff") },
    { text: "", separator: ",", groups: known() },
  ])("$text by $separator", ({ text, separator, groups }) => {
    expect(map({ groups: text }, { groupsSeparator: separator }).groups).toEqual(groups);
  });

  test("a whole text that groupNames names is that one group", () => {
    expect(map({ groups: "R&D, Paris" }, { groupNames: { "R&D, Paris": "rd" } }).groups).toEqual(known("rd"));
  });

  test("the reason names the claim, and the cure", () => {
    const { groups } = map({ roles: "a,b" }, { groups: "roles" });
    expect(groups).toMatchObject({ why: expect.stringMatching(/^roles .*groupsSeparator/) });
  });

  test("a prefix tells one provider's groups from another's", () => {
    const groups = map({ groups: ["id-1", "staff"] }, { groupsPrefix: "partner:", groupNames: { "id-1": "sre" } }).groups;
    expect(groups).toEqual(known("partner:sre", "partner:staff"));
  });

  test("a rule claim that holds JSON is its list; other texts stay as they are", () => {
    const { claims } = map({ roles: '["a","b"]', name: "Doe, John" }, { claimNames: ["roles", "name"] });
    expect(claims).toEqual({ roles: ["a", "b"], name: ["Doe, John"] });
  });
});

describe("a subject that is an address", () => {
  const ownerOfDomain = (domain: string) => (domain === "acme.example" ? "entra" : null);
  test.each([
    "alice@acme.example",
    "Alice@ACME.example",
    '"x"@acme.example',
    "a@b@acme.example",
    "alice@acme.example.",
    "alice@acme.example ",
    "alice@ａcme.example",
  ])("%j of a domain that another provider owns is refused", (sub) => {
    expect(() => map({ sub }, { ownerOfDomain })).toThrow(expect.objectContaining({ code: "login.email-domain" }));
  });
  test("of a domain that this provider owns, or nobody, is a subject", () => {
    expect(map({ sub: "alice@acme.example" }, { ownerOfDomain: () => "idp" }).subject).toBe("alice@acme.example");
    expect(map({ sub: "alice@other.example" }, { ownerOfDomain }).subject).toBe("alice@other.example");
    expect(map({ sub: "acme.example" }, { ownerOfDomain }).subject).toBe("acme.example");
  });
});

test("a value that cannot be used is named by its attribute", () => {
  expect(() => map({ groups: ["a\u0000b"] })).toThrow("attributes.groups holds control characters");
  expect(() => map({ department: "x\ny" }, { extra: { dept: "department" } })).toThrow("attributes.extra.dept holds control characters");
});

describe("groups", () => {
  test.each<{ when: string; claims: Record<string, unknown>; path?: string | null; groups: unknown }>([
    { when: "a list of texts", claims: { groups: ["a", "b", "a"] }, groups: known("a", "b") },
    { when: "one text", claims: { groups: "a" }, groups: known("a") },
    { when: "absent", claims: {}, groups: known() },
    { when: "an empty list", claims: { groups: [] }, groups: known() },
    { when: "nested", claims: { realm_access: { roles: ["a"] } }, path: "realm_access.roles", groups: known("a") },
    {
      when: "under a key with dots",
      claims: { "https://acme.example/roles": ["a"] },
      path: "https://acme.example/roles",
      groups: known("a"),
    },
    { when: "under a key with a colon", claims: { "cognito:groups": ["a"] }, path: "cognito:groups", groups: known("a") },
    {
      when: "nested under a key with dots",
      claims: { "https://acme.example": { roles: ["a"] } },
      path: "https://acme.example.roles",
      groups: known("a"),
    },
    { when: "null", claims: { groups: null }, groups: unknown },
    { when: "a JSON array as text", claims: { groups: '["staff","contractors"]' }, groups: known("staff", "contractors") },
    {
      when: "a JSON array as the only text of a list",
      claims: { groups: ['["staff","contractors"]'] },
      groups: known("staff", "contractors"),
    },
    { when: "a JSON array of numbers as text", claims: { groups: "[1,2]" }, groups: unknown },
    { when: "Cognito's list as text", claims: { groups: "[staff, contractors]" }, groups: unknown },
    { when: "a text with a comma", claims: { groups: "staff,contractors" }, groups: unknown },
    { when: "a text with a semicolon", claims: { groups: "staff; contractors" }, groups: unknown },
    { when: "a comma in one group of a list", claims: { groups: ["R&D, Paris"] }, groups: known("R&D, Paris") },
    { when: "a distinguished name", claims: { groups: "OU=Staff,DC=acme,DC=example" }, groups: known("OU=Staff,DC=acme,DC=example") },
    { when: "a text with a blank", claims: { groups: "the staff" }, groups: known("the staff") },
    { when: "a number", claims: { groups: 7 }, groups: unknown },
    { when: "an object", claims: { groups: { a: true } }, groups: unknown },
    { when: "a list of objects", claims: { groups: [{ name: "a" }] }, groups: unknown },
    { when: "a list with one number", claims: { groups: ["a", 7] }, groups: unknown },
    { when: "a nested list", claims: { groups: [["a"]] }, groups: unknown },
    { when: "an overage marker", claims: { _claim_names: { groups: "src1" } }, groups: unknown },
    { when: "an overage marker beside a list", claims: { groups: ["a"], _claim_names: { groups: "src1" } }, groups: unknown },
    { when: "an overage marker of another claim", claims: { groups: ["a"], _claim_names: { roles: "src1" } }, groups: known("a") },
    { when: "hasgroups", claims: { hasgroups: true }, groups: unknown },
    { when: "hasgroups as text", claims: { hasgroups: "true" }, groups: unknown },
    { when: "hasgroups beside another path", claims: { hasgroups: true, roles: ["a"] }, path: "roles", groups: known("a") },
    { when: "more than 2,000", claims: { groups: Array.from({ length: 2001 }, (_, at) => `g${at}`) }, groups: unknown },
    { when: "more than 128 KiB", claims: { groups: ["a".repeat(130 * 1024)] }, groups: unknown },
    { when: "not configured", claims: { groups: ["a"] }, path: null, groups: unknown },
    { when: "a member of the prototype", claims: {}, path: "constructor", groups: known() },
  ])("$when", ({ claims, path = "groups", groups }) => {
    expect(map(claims, { groups: path }).groups).toEqual(groups);
  });
  test("are renamed where the configuration names them, and only there", () => {
    expect(map({ groups: ["guid-1", "constructor"] }, { groupNames: { "guid-1": "sre" } }).groups).toEqual(known("sre", "constructor"));
  });
  test("with a line end in a name refuse the login", () => {
    expect(() => map({ groups: ["a\nb"] })).toThrow(expect.objectContaining({ code: "login.identity-incomplete" }));
  });
});

test("extra attributes are texts or absent", () => {
  const extra = { department: "dep", roles: "r", address: "a", level: "l", none: "n" };
  expect(map({ dep: "IT", r: ["x", "y"], a: { street: "s" }, l: 3 }, { extra }).extra).toEqual({
    department: ["IT"],
    roles: ["x", "y"],
    level: ["3"],
  });
});

test("recorded claims: empty when not sent, absent (unknown) when of no textual shape or kept elsewhere", () => {
  const claims = map(
    { tenant: "t1", flags: [true, 2], address: { street: "s" }, far: "x", _claim_names: { far: "src1" }, ["__proto__"]: "own" },
    { claimNames: ["tenant", "flags", "address", "missing", "far"] },
  ).claims;
  expect(claims).toEqual({ tenant: ["t1"], flags: ["true", "2"], missing: [] });
});

test("userinfo is worth asking when a configured attribute has no value in the ID token", () => {
  const mapping: ClaimMapping = {
    provider: "idp",
    attributes: { ...defaults, name: ["email"] },
    groupNames: {},
    claimNames: [],
    ownerOfDomain: () => null,
  };
  const complete = { sub: "u1", email: "a@acme.example", groups: [] };
  expect(lacksSomething(complete, mapping)).toBe(false);
  expect(lacksSomething({ ...complete, groups: undefined }, mapping)).toBe(true);
  expect(lacksSomething(complete, { ...mapping, claimNames: ["tenant"] })).toBe(true);
});
