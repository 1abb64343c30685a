import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/directory/documents.ts";
import { createMemoryDirectory } from "../../../src/directory/memory/store.ts";
import { compileFilter } from "../../../src/directory/scim/evaluate.ts";
import { type Filter, parseFilter } from "../../../src/directory/scim/filter.ts";
import { userType } from "../../../src/directory/scim/schema.ts";
import { createScimRig, enterpriseSchema, groupSchema, type ScimReply } from "../../support/scim-rig.ts";

const zoe: JsonObject = {
  id: "AbC",
  externalId: "Ext-1",
  userName: "Zoe@acme.example",
  displayName: 'Zoë "Z" Brandt\\',
  active: true,
  name: { givenName: "Zoë", familyName: "Brandt" },
  emails: [
    { value: "zoe@acme.example", type: "work", primary: true },
    { value: "zoe@home.example", type: "home" },
  ],
  meta: { lastModified: "2026-05-04T09:30:00.000Z" },
  [enterpriseSchema]: { department: "IT", manager: { value: "boss" } },
};
const fits = (filter: string) => compileFilter(parseFilter(filter), userType)(zoe);

describe("filters", () => {
  test.each([
    'userName eq "zoe@ACME.example"',
    'USERNAME EQ "zoe@acme.example"',
    'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "zoe"',
    'name.familyName co "RAND"',
    'externalId eq "Ext-1"',
    'displayName eq "Zoë \\"Z\\" Brandt\\\\"',
    'displayName ew "\\\\"',
    "emails pr",
    'emails eq "ZOE@home.example"',
    'emails co "home.example"',
    'emails[type eq "work" and value co "acme"]',
    'emails[type eq "work"].value eq "zoe@acme.example"',
    'not (userName eq "bob")',
    'not(userName eq "bob")',
    'userName eq "bob" or active eq true and name.givenName sw "z"',
    '(userName eq "bob" or active eq true) and name.givenName sw "z"',
    'active eq "True"',
    "active ne false",
    'meta.lastModified gt "2026-05-04T09:29:59Z"',
    'meta.lastModified eq "2026-05-04T11:30:00+02:00"',
    `${enterpriseSchema}:department eq "it"`,
    `${enterpriseSchema}:manager.value eq "boss"`,
    `${enterpriseSchema}:manager eq "boss"`,
    "title eq null",
    'title ne "Boss"',
    "not (title pr)",
    'userName gt "a" and userName lt "zz"',
    'nickName ne "x"',
    "unknownAttribute eq null",
    'not (unknownAttribute eq "x")',
  ])("%s fits", (filter) => expect(fits(filter)).toBe(true));

  test.each([
    'externalId eq "ext-1"',
    'id eq "abc"',
    'emails[type eq "work" and value co "home"]',
    'emails[type eq "home" and primary eq true]',
    'emails[type eq "work"].value eq "zoe@home.example"',
    'unknownAttribute eq "x"',
    "title pr",
    "active eq false",
    'userName eq "zoe@acme.example" and not (emails pr)',
    "constructor pr",
  ])("%s does not fit", (filter) => expect(fits(filter)).toBe(false));

  test.each([
    "",
    "userName",
    "userName eq",
    "userName eq zoe",
    'userName xx "a"',
    'userName eq "a" and',
    '(userName eq "a"',
    'userName eq "a")',
    'userName eq "a" userName eq "b"',
    'emails[type eq "work"',
    'userName eq "a',
    'not userName eq "a"',
    "active gt true",
    'active eq "maybe"',
    'meta.lastModified gt "yesterday"',
    'name eq "x"',
    "userName gt null",
    "__proto__ pr",
    'userName[x eq "1"]',
    `${"(".repeat(200)}userName pr${")".repeat(200)}`,
    `${"emails[".repeat(200)}value pr${"]".repeat(200)}`,
    `${"not (".repeat(200)}userName pr${")".repeat(200)}`,
    `userName eq "${"x".repeat(9000)}"`,
  ])("%s is refused as invalidFilter", (filter) => {
    expect(() => fits(filter)).toThrow(expect.objectContaining({ status: 400, scimType: "invalidFilter" }));
  });
});

/** Another evaluator, as plain as it can be: over a world of three attributes, on the tree that the test itself made. */
type Tree =
  | { kind: "eq" | "co" | "ne" | "gt"; attribute: "userName" | "title"; value: string }
  | { kind: "type"; value: string; word: string }
  | { kind: "pr"; attribute: "userName" | "title" | "emails" }
  | { kind: "not"; inner: Tree }
  | { kind: "and" | "or"; one: Tree; other: Tree };

const word = fc.constantFrom("a", "B", "ab", "É", 'q"t', "b\\c", "");
const leaf: fc.Arbitrary<Tree> = fc.oneof(
  fc.record({ kind: fc.constantFrom("eq", "co", "ne", "gt"), attribute: fc.constantFrom("userName", "title"), value: word }),
  fc.record({ kind: fc.constant("type"), value: word, word }),
  fc.record({ kind: fc.constant("pr"), attribute: fc.constantFrom("userName", "title", "emails") }),
) as fc.Arbitrary<Tree>;
const tree = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.record({ kind: fc.constant("not" as const), inner: tie("tree") }),
    fc.record({ kind: fc.constantFrom("and" as const, "or" as const), one: tie("tree"), other: tie("tree") }),
  ),
})).tree;
const resource = fc.record(
  {
    userName: word,
    title: word,
    emails: fc.array(fc.record({ value: word, type: word }, { requiredKeys: ["value"] }), { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

function written(one: Tree): string {
  const text = (value: string) => JSON.stringify(value);
  switch (one.kind) {
    case "not":
      return `not (${written(one.inner)})`;
    case "and":
    case "or":
      return `(${written(one.one)}) ${one.kind} (${written(one.other)})`;
    case "pr":
      return `${one.attribute} pr`;
    case "type":
      return `emails[type eq ${text(one.value)} or value eq ${text(one.word)}]`;
    default:
      return `${one.attribute} ${one.kind} ${text(one.value)}`;
  }
}

function holds(one: Tree, it: { userName?: string; title?: string; emails?: { value: string; type?: string }[] }): boolean {
  const low = (text: string | undefined) => (text === undefined || text === "" ? null : text.toLowerCase());
  switch (one.kind) {
    case "not":
      return !holds(one.inner, it);
    case "and":
      return holds(one.one, it) && holds(one.other, it);
    case "or":
      return holds(one.one, it) || holds(one.other, it);
    case "pr":
      return one.attribute === "emails"
        ? (it.emails ?? []).some((e) => low(e.value) !== null || low(e.type) !== null)
        : low(it[one.attribute]) !== null;
    case "type":
      return (it.emails ?? []).some(
        (e) =>
          (low(e.type) !== null && low(e.type) === one.value.toLowerCase()) ||
          (low(e.value) !== null && low(e.value) === one.word.toLowerCase()),
      );
    default: {
      const own = low(it[one.attribute]);
      const wanted = one.value.toLowerCase();
      if (one.kind === "ne") return own !== wanted;
      if (own === null) return false;
      return one.kind === "eq" ? own === wanted : one.kind === "co" ? own.includes(wanted) : own > wanted;
    }
  }
}

test("any filter over any resource answers as a naive evaluator does", () => {
  fc.assert(
    fc.property(tree, resource, (one, it) => {
      expect(compileFilter(parseFilter(written(one)), userType)(it as JsonObject)).toBe(holds(one, it as never));
    }),
    { numRuns: 2_000 },
  );
});

test("no text makes the parser fail in any other way than invalidFilter", () => {
  const piece = fc.constantFrom(
    "userName",
    " ",
    "eq",
    '"',
    '"a"',
    "(",
    ")",
    "[",
    "]",
    "and",
    "or",
    "not",
    "pr",
    "\\",
    "emails",
    ".value",
    "true",
    "null",
    "1",
    "é",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      let parsed: Filter | null = null;
      try {
        parsed = parseFilter(pieces.join(""));
      } catch (error) {
        expect(error).toMatchObject({ name: "ScimError", scimType: "invalidFilter" });
      }
      if (parsed !== null) expect(parsed.kind).toBeTypeOf("string");
    }),
    { numRuns: 3_000 },
  );
});

describe("lists", () => {
  const names = (reply: ScimReply) => reply.body.Resources.map(({ userName }) => userName);

  test("are paged in a stable order, with the number of all", async () => {
    const rig = createScimRig();
    for (let at = 1; at <= 7; at += 1) {
      rig.now += 1_000;
      await rig.user({ userName: `u${at}` });
    }
    const page = await rig.scim("GET", "/Users?startIndex=3&count=2");
    expect(page.body).toMatchObject({ totalResults: 7, startIndex: 3, itemsPerPage: 2 });
    expect(names(page)).toEqual(["u3", "u4"]);
    expect((await rig.scim("GET", "/Users?count=0")).body).toMatchObject({ totalResults: 7, itemsPerPage: 0 });
    expect(names(await rig.scim("GET", "/Users?startIndex=-4&count=1"))).toEqual(["u1"]);
    expect((await rig.scim("GET", "/Users?startIndex=99")).body).toMatchObject({ totalResults: 7, Resources: [] });
    expect((await rig.scim("GET", "/Users?count=many")).status).toBe(400);
    expect((await rig.scim("GET", `/Users?startIndex=${"9".repeat(20)}`)).body).toMatchObject({ totalResults: 7, Resources: [] });
    expect((await rig.scim("GET", `/Users?count=${"9".repeat(400)}&startIndex=-${"9".repeat(400)}`)).body).toMatchObject({
      startIndex: 1,
      itemsPerPage: 7,
    });
    expect((await rig.scim("GET", "/Users?startIndex=1.5")).status).toBe(400);
    for (const query of ["count=-3", "count=-3&sortBy=userName"]) {
      expect((await rig.scim("GET", `/Users?${query}`)).body, query).toMatchObject({ totalResults: 7, Resources: [] });
    }
    expect(names(await rig.scim("GET", '/Users?filter=userName sw "u"&startIndex=6'))).toEqual(["u6", "u7"]);
  });

  test("have at most the announced number of resources to a page, also over all types", async () => {
    const rig = createScimRig();
    for (let at = 0; at < 201; at += 1) await rig.user();
    await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName: "g" });
    for (const query of ["count=1000", "count=1000&sortBy=userName"]) {
      expect((await rig.scim("GET", `/Users?${query}`)).body, query).toMatchObject({ totalResults: 201, itemsPerPage: 200 });
    }
    const search = (startIndex: number) =>
      rig.scim("POST", "/.search", { schemas: ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], count: 1_000, startIndex });
    expect((await search(1)).body).toMatchObject({ totalResults: 202, itemsPerPage: 200 });
    expect(names(await search(201))).toHaveLength(2);
  });

  test("that an index does not answer look at a bounded number of resources, and a narrower filter is answered", async () => {
    const memory = createMemoryDirectory();
    let isLarge = false;
    const find: typeof memory.find = async (name, value, page) => {
      const found = await memory.find(name, value, page);
      return isLarge && name === "user.all:entra" ? { ...found, total: 20_001 } : found;
    };
    const rig = createScimRig({}, { store: { ...memory, find } });
    await rig.user({ userName: "one", title: "T" });
    isLarge = true;
    expect((await rig.scim("GET", '/Users?filter=title eq "T"')).body).toMatchObject({ status: "400", scimType: "tooMany" });
    expect((await rig.scim("GET", "/Users?sortBy=title")).body.scimType).toBe("tooMany");
    expect(names(await rig.scim("GET", '/Users?filter=userName eq "one" and title eq "T"'))).toEqual(["one"]);
    expect((await rig.scim("GET", "/Users")).body.totalResults).toBe(20_001);
  });

  test("are sorted by any attribute, without case, those without a value last", async () => {
    const rig = createScimRig();
    await rig.user({ userName: "c", title: "b" });
    await rig.user({ userName: "A", emails: [{ value: "z@x" }, { value: "a@x", primary: true }] });
    await rig.user({ userName: "B", title: "A", emails: [{ value: "m@x" }] });
    expect(names(await rig.scim("GET", "/Users?sortBy=userName"))).toEqual(["A", "B", "c"]);
    expect(names(await rig.scim("GET", "/Users?sortBy=userName&sortOrder=descending"))).toEqual(["c", "B", "A"]);
    expect(names(await rig.scim("GET", "/Users?sortBy=title"))).toEqual(["B", "c", "A"]);
    expect(names(await rig.scim("GET", "/Users?sortBy=emails.value"))).toEqual(["A", "B", "c"]);
    expect((await rig.scim("GET", "/Users?sortBy=nothing")).body.scimType).toBe("invalidPath");
    expect((await rig.scim("GET", "/Users?sortBy=title&sortOrder=up")).body.scimType).toBe("invalidValue");
  });

  test("find by every index what a scan would find, and keep the order", async () => {
    const rig = createScimRig();
    const [one, two, three] = [
      await rig.user({ userName: "one", externalId: "1", displayName: "Same" }),
      await rig.user({ userName: "two", displayName: "same", active: false }),
      await rig.user({ userName: "three", emails: [{ value: "T@acme.example" }] }),
    ];
    const group = await rig.scim("POST", "/Groups", {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
      displayName: "G",
      members: [{ value: three.id }, { value: one.id }],
    });
    const found = async (filter: string) => names(await rig.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`));
    expect(await found(`id eq "${two.id}"`)).toEqual(["two"]);
    expect(await found('externalId eq "1"')).toEqual(["one"]);
    expect(await found('displayName eq "SAME"')).toEqual(["one", "two"]);
    expect(await found('emails.value eq "t@ACME.example"')).toEqual(["three"]);
    expect(await found("active eq false")).toEqual(["two"]);
    expect(await found(`groups eq "${group.body.id}"`)).toEqual(["one", "three"]);
    expect(await found(`groups.display eq "g"`)).toEqual(["one", "three"]);
    expect(await found('displayName eq "same" and active eq true')).toEqual(["one"]);
    expect(await found('userName eq "three" or userName eq "ONE"')).toEqual(["one", "three"]);
    expect(await found('not (userName eq "one")')).toEqual(["two", "three"]);
    const at = new Date(rig.now).toISOString();
    expect(await found(`meta.lastModified ge "${at}"`)).toEqual(["three"]);
    expect(await found(`meta.lastModified lt "${at}"`)).toEqual(["one", "two"]);
    expect(await found(`meta.lastModified gt "${at}"`)).toEqual([]);
  });

  test(".search answers what the same GET would", async () => {
    const rig = createScimRig();
    await rig.user({ userName: "a" });
    await rig.user({ userName: "b" });
    const body = { schemas: ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], filter: 'userName eq "b"', attributes: ["userName"] };
    expect(names(await rig.scim("POST", "/Users/.search", body))).toEqual(["b"]);
    expect((await rig.scim("GET", "/Users/.search")).status).toBe(405);
  });

  test(".search at the root answers Users, then Groups, page by page", async () => {
    const rig = createScimRig();
    for (const userName of ["a", "b", "c"]) await rig.user({ userName, displayName: "x" });
    for (const displayName of ["x", "y"]) {
      // Lists are in the order of creation; of one millisecond, in the order of ids, which are random.
      rig.now += 1;
      await rig.scim("POST", "/Groups", { schemas: [groupSchema], displayName });
    }
    const search = async (query: object) => {
      const { body } = await rig.scim("POST", "/.search", { schemas: ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], ...query });
      return [body.totalResults, ...body.Resources.map((one) => one.userName ?? one.displayName)];
    };
    expect(await search({})).toEqual([5, "a", "b", "c", "x", "y"]);
    expect(await search({ count: 2 })).toEqual([5, "a", "b"]);
    expect(await search({ startIndex: 3, count: 2 })).toEqual([5, "c", "x"]);
    expect(await search({ startIndex: 5 })).toEqual([5, "y"]);
    expect(await search({ filter: 'displayName eq "x"' })).toEqual([4, "a", "b", "c", "x"]);
    expect(await search({ filter: 'userName eq "b"' })).toEqual([1, "b"]);
    expect((await rig.scim("GET", "/.search")).status).toBe(405);
    expect(
      (await rig.scim("POST", "/.search", { schemas: ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], filter: "x x" })).status,
    ).toBe(400);
  });
});
