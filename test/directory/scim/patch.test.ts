import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/directory/documents.ts";
import { normalise } from "../../../src/directory/scim/normalise.ts";
import { applyPatch, readPatch } from "../../../src/directory/scim/patch.ts";
import { userType } from "../../../src/directory/scim/schema.ts";
import { enterpriseSchema } from "../../support/scim-rig.ts";

const zoe: JsonObject = {
  userName: "zoe",
  active: true,
  title: "Engineer",
  name: { givenName: "Zoë", familyName: "Brandt" },
  emails: [
    { value: "zoe@acme.example", type: "work", primary: true },
    { value: "zoe@home.example", type: "home" },
  ],
  [enterpriseSchema]: { department: "IT", costCenter: "7" },
};
const patched = (...Operations: unknown[]): JsonObject =>
  normalise(applyPatch(zoe, readPatch({ Operations } as JsonObject), userType), userType);

describe("PATCH", () => {
  test.each([
    { what: "Entra: replace active by text", op: { op: "Replace", path: "active", value: "False" }, gives: { active: false } },
    { what: "Okta: replace without a path", op: { op: "replace", value: { active: false, id: "ignored" } }, gives: { active: false } },
    {
      what: "OneLogin: op in capitals, values in an object",
      op: { op: "REPLACE", value: { title: "Boss", "name.givenName": "Z" } },
      gives: { title: "Boss", name: { givenName: "Z", familyName: "Brandt" } },
    },
    {
      what: "a complex replace keeps what it does not name",
      op: { op: "replace", path: "name", value: { givenName: "Zo" } },
      gives: { name: { givenName: "Zo", familyName: "Brandt" } },
    },
    {
      what: "a part of a complex attribute",
      op: { op: "replace", path: "name.familyName", value: "B." },
      gives: { name: { givenName: "Zoë", familyName: "B." } },
    },
    {
      what: "Entra: a work address by filter",
      op: { op: "Add", path: 'emails[type eq "work"].value', value: "new@acme.example" },
      gives: {
        emails: [{ value: "new@acme.example", type: "work", primary: true }, zoe.emails && { value: "zoe@home.example", type: "home" }],
      },
    },
    {
      what: "a filter without quotes",
      op: { op: "replace", path: "emails[type eq work].value", value: "new@acme.example" },
      gives: {
        emails: [
          { value: "new@acme.example", type: "work", primary: true },
          { value: "zoe@home.example", type: "home" },
        ],
      },
    },
    {
      what: "Entra: an address of a kind that is not there yet",
      op: { op: "Add", path: 'emails[type eq "other"].value', value: "o@acme.example" },
      gives: { emails: [...(zoe.emails as JsonObject[]), { type: "other", value: "o@acme.example" }] },
    },
    {
      what: "adding what is there doubles nothing",
      op: { op: "add", path: "emails", value: [{ value: "ZOE@acme.example", type: "work" }] },
      gives: {
        emails: [
          { value: "ZOE@acme.example", type: "work", primary: true },
          { value: "zoe@home.example", type: "home" },
        ],
      },
    },
    {
      what: "a new primary value takes the place of the old one",
      op: { op: "add", path: "emails", value: { value: "n@acme.example", primary: true } },
      gives: {
        emails: [
          { value: "zoe@acme.example", type: "work", primary: false },
          { value: "zoe@home.example", type: "home" },
          { value: "n@acme.example", primary: true },
        ],
      },
    },
    {
      what: "replace of a list",
      op: { op: "replace", path: "emails", value: [{ value: "only@acme.example" }] },
      gives: { emails: [{ value: "only@acme.example" }] },
    },
    {
      what: "remove by filter",
      op: { op: "remove", path: 'emails[type eq "home"]' },
      gives: { emails: [{ value: "zoe@acme.example", type: "work", primary: true }] },
    },
    {
      what: "remove a part by filter",
      op: { op: "remove", path: 'emails[type eq "work"].primary' },
      gives: {
        emails: [
          { value: "zoe@acme.example", type: "work" },
          { value: "zoe@home.example", type: "home" },
        ],
      },
    },
    {
      what: "remove by value",
      op: { op: "Remove", path: "emails", value: [{ value: "zoe@home.example" }] },
      gives: { emails: [{ value: "zoe@acme.example", type: "work", primary: true }] },
    },
    {
      what: "Entra: the extension with colons",
      op: { op: "Add", path: `${enterpriseSchema}:department`, value: "Sales" },
      gives: { [enterpriseSchema]: { department: "Sales", costCenter: "7" } },
    },
    {
      what: "Entra: the extension flat in an object",
      op: { op: "replace", value: { [`${enterpriseSchema}:department`]: "Sales" } },
      gives: { [enterpriseSchema]: { department: "Sales", costCenter: "7" } },
    },
    {
      what: "the extension as an object",
      op: { op: "replace", value: { [enterpriseSchema]: { department: "Sales" } } },
      gives: { [enterpriseSchema]: { department: "Sales", costCenter: "7" } },
    },
    {
      what: "Entra: a manager as a bare id",
      op: { op: "Add", path: `${enterpriseSchema}:manager`, value: "boss" },
      gives: { [enterpriseSchema]: { department: "IT", costCenter: "7", manager: { value: "boss" } } },
    },
    { what: "replace by null removes", op: { op: "replace", path: "title", value: null }, gives: { title: undefined } },
    {
      what: "unknown attributes in an object are ignored",
      op: { op: "add", value: { favouriteColour: "red", title: "X" } },
      gives: { title: "X" },
    },
    { what: "a password is accepted and thrown away", op: { op: "replace", path: "password", value: "x" }, gives: {} },
    {
      what: "members of an operation in other letters",
      op: { OP: "Replace", Path: "title", VALUE: "Boss" },
      gives: { title: "Boss" },
    },
    {
      what: "an extension with schemas of its own",
      op: { op: "add", value: { [enterpriseSchema]: { schemas: [enterpriseSchema], department: "Sales" } } },
      gives: { [enterpriseSchema]: { department: "Sales", costCenter: "7" } },
    },
    {
      what: "another address becomes the primary one, by filter",
      op: { op: "replace", path: 'emails[type eq "home"].primary', value: true },
      gives: {
        emails: [
          { value: "zoe@acme.example", type: "work", primary: false },
          { value: "zoe@home.example", type: "home", primary: true },
        ],
      },
    },
    {
      what: "parts of an element in other letters complete it",
      op: { op: "add", path: "emails", value: [{ VALUE: "ZOE@home.example", Type: "home", Display: "Home" }] },
      gives: {
        emails: [
          { value: "zoe@acme.example", type: "work", primary: true },
          { value: "ZOE@home.example", type: "home", display: "Home" },
        ],
      },
    },
    { what: "remove an extension", op: { op: "remove", path: enterpriseSchema }, gives: { [enterpriseSchema]: undefined } },
  ])("$what", ({ op, gives }) => {
    const expected = Object.fromEntries(Object.entries({ ...zoe, ...gives }).filter(([, value]) => value !== undefined));
    expect(patched(op)).toEqual(expected);
  });

  test.each([
    { what: "remove without a path", op: { op: "remove" }, scimType: "noTarget" },
    { what: "an attribute that does not exist", op: { op: "replace", path: "colour", value: "x" }, scimType: "invalidPath" },
    { what: "a path that cannot be read", op: { op: "replace", path: "emails[type eq", value: "x" }, scimType: "invalidPath" },
    {
      what: "a filter that nothing fits",
      op: { op: "replace", path: 'emails[type eq "other"].value', value: "x@y" },
      scimType: "noTarget",
    },
    { what: "a read-only attribute", op: { op: "replace", path: "id", value: "x" }, scimType: "mutability" },
    { what: "groups, which are changed at the groups", op: { op: "add", path: "groups", value: [{ value: "g" }] }, scimType: "mutability" },
    { what: "when it was made", op: { op: "replace", path: "meta.created", value: "2026-01-01T00:00:00Z" }, scimType: "mutability" },
    {
      what: "a read-only part of what may be changed",
      op: { op: "replace", path: `${enterpriseSchema}:manager.displayName`, value: "x" },
      scimType: "mutability",
    },
    { what: "a text beyond 8 KiB", op: { op: "replace", path: "title", value: "x".repeat(8_193) }, scimType: "invalidValue" },
    { what: "half a character", op: { op: "replace", path: "title", value: "x\ud800" }, scimType: "invalidValue" },
    {
      what: "a list of 10,001",
      op: { op: "replace", path: "emails", value: Array.from({ length: 10_001 }, (_, at) => ({ value: `${at}@x` })) },
      scimType: "invalidValue",
    },
    { what: "no value", op: { op: "add", path: "title" }, scimType: "invalidValue" },
    { what: "a value without a path that is no object", op: { op: "add", value: "x" }, scimType: "invalidValue" },
    { what: "removing what is required", op: { op: "remove", path: "userName" }, scimType: "invalidValue" },
    { what: "an operation of another kind", op: { op: "move", path: "title" }, scimType: "invalidSyntax" },
    {
      what: "a filter on what is no list",
      op: { op: "replace", path: 'name[givenName eq "x"].familyName', value: "y" },
      scimType: "invalidPath",
    },
  ])("$what is refused as $scimType", ({ op, scimType }) => {
    expect(() => patched(op)).toThrow(expect.objectContaining({ status: 400, scimType }));
  });

  test("a thousand operations are run, and one more is tooMany", () => {
    const many = (length: number) => Array.from({ length }, (_, at) => ({ op: "replace", path: "title", value: `t${at}` }));
    expect(patched(...many(1_000)).title).toBe("t999");
    expect(() => patched(...many(1_001))).toThrow(expect.objectContaining({ status: 400, scimType: "tooMany" }));
  });

  test("operations take effect one after the other", () => {
    expect(patched({ op: "remove", path: "emails" }, { op: "add", path: "emails", value: [{ value: "a@b" }] }).emails).toEqual([
      { value: "a@b" },
    ]);
  });
});

test("any sequence of operations on a list of addresses gives what a naive list gives", () => {
  const address = fc.constantFrom("a@x", "b@x", "C@x", "c@x");
  const operation = fc.oneof(
    fc.record({ op: fc.constant("add" as const), values: fc.array(address, { minLength: 1, maxLength: 3 }) }),
    fc.record({
      op: fc.constant("replace" as const),
      values: fc.uniqueArray(address, { maxLength: 3, selector: (one) => one.toLowerCase() }),
    }),
    fc.record({ op: fc.constant("remove" as const), values: fc.array(address, { minLength: 1, maxLength: 3 }) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
      let naive: string[] = [];
      for (const { op, values } of operations) {
        const folded = values.map((one) => one.toLowerCase());
        if (op === "add") naive = [...new Set([...naive, ...folded])];
        else if (op === "replace") naive = folded;
        else naive = naive.filter((one) => !folded.includes(one));
      }
      const body = { Operations: operations.map(({ op, values }) => ({ op, path: "emails", value: values.map((value) => ({ value })) })) };
      const start: JsonObject = { userName: "x" };
      const result = operations.length === 0 ? start : applyPatch(start, readPatch(body as unknown as JsonObject), userType);
      const left = (normalise(result, userType).emails ?? []) as { value: string }[];
      expect(left.map(({ value }) => value.toLowerCase())).toEqual(naive);
    }),
    { numRuns: 1_000 },
  );
});
