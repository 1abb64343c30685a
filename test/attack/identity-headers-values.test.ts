import fc from "fast-check";
import { expect, test } from "vitest";
import type { Principal } from "../../src/core/session.ts";
import type { HeaderSettings } from "../../src/core/settings.ts";
import { compileIdentityHeaders, managedNames } from "../../src/upstream/headers/identity.ts";
import { anApp, headerSettings, known, someSettings } from "../support/policy-builders.ts";

/** The attack: a person chooses a name, an address or a group name that becomes another header, another member or another person. */
const managed = managedNames(someSettings([anApp()]));
const encodings = ["utf8", "percent", "rfc8187"] as const;
function send(template: string, principal: Partial<Principal>, encoding: HeaderSettings["encoding"] = "utf8", separator = ",") {
  const set = [{ name: "X-Who", template, separator, only: null }];
  const result = compileIdentityHeaders(headerSettings({ set, encoding }), managed)(known(principal));
  return result.kind === "refuse" ? result.refusal.reason : (result.edit.set[0]?.[1] ?? null);
}
const groups = (...names: string[]) => ({ groups: { kind: "known", names } }) as const;

const controls = [...Array(0x20).keys(), 0x7f, ...Array.from({ length: 0x20 }, (_, index) => 0x80 + index)];
test.each(encodings)("no control character gets into a header, encoded as %s", (encoding) => {
  for (const code of controls) {
    const evil = `a${String.fromCharCode(code)}b`;
    const fields = [
      ["{subject}", { subject: evil }],
      ["{email}", { email: `${evil}@acme.example` }],
      ["{name}", { name: evil }],
      ["{groups}", groups("staff", evil)],
      ["{extra.x}", { extra: { x: [evil] } }],
    ] as const;
    for (const [template, principal] of fields)
      expect([code, template, send(template, principal, encoding)]).toEqual([code, template, "identity-unfit-for-header"]);
  }
});

test.each([
  { when: "letters that a cut to one byte would turn into CR and LF", name: "x\u560d\u560aSet-Cookie: a=b" },
  { when: "line separators of Unicode", name: "x\u2028y\u2029z" },
  { when: "a colon", name: "Remote-User: admin" },
])("benign twin: $when travel as they are", ({ name }) => {
  const value = send("{name}", { name }) ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(value).not.toMatch(/[\u0000-\u001f\u007f]|[^\u0000-\u00ff]/);
  expect(Buffer.from(value, "latin1").toString("utf8")).toBe(name);
});

test.each([
  { when: "a broken surrogate in the subject", template: "{subject}", is: { subject: "admin\ud800" } },
  { when: "a subject with a space behind it", template: "{subject}", is: { subject: "admin " } },
  { when: "a subject with a no-break space before it", template: "{subject}", is: { subject: "\u00a0admin" } },
  { when: "an address with a space behind it", template: "{email}", is: { email: "admin@acme.example " } },
  { when: "a broken surrogate in a group", template: "{groups}", is: groups("admins\udfff") },
])("$when is refused, not repaired into somebody else", ({ template, is }) => {
  expect(send(template, is)).toBe("identity-unfit-for-header");
});

test.each([
  { separator: ",", name: "staff,admins", value: "staff%2Cadmins" },
  { separator: ", ", name: "staff, admins", value: "staff%2C admins" },
  { separator: ";", name: "staff;admins", value: "staff%3Badmins" },
  { separator: "|", name: "a|b", value: "a%7Cb" },
  { separator: " ", name: "domain admins", value: "domain%20admins" },
  { separator: "::", name: "a:b", value: "a%3Ab" },
  { separator: ",", name: "staff%2Cadmins", value: "staff%252Cadmins" },
  { separator: ",", name: " admins", value: "%20admins" },
  { separator: ",", name: "admins\u3000", value: "admins%E3%80%80" },
  { separator: "]", name: "a]b-c^d\\e", value: "a%5Db-c^d\\e" },
])("a group named $name stays one group between $separator", ({ separator, name, value }) => {
  expect(send("{groups}", groups(name), "utf8", separator)).toBe(value);
});

test.each(encodings)("whatever the names, splitting at the separator gives each group back, encoded as %s", (encoding) => {
  const decode = (value: string) => {
    if (encoding === "utf8") return Buffer.from(value, "latin1").toString("utf8");
    if (encoding === "percent") return decodeURIComponent(value);
    return value.startsWith("UTF-8''") ? decodeURIComponent(value.slice(7)) : value;
  };
  const name = fc.string({
    unit: fc.constantFrom("a", "b", ",", ";", " ", "%", "2", "C", "'", "ë", "\u00a0", "雪"),
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), fc.constantFrom(",", "; ", " ", ";;"), (names, separator) => {
      const value = send("{groups}", groups(...names), encoding, separator) ?? "";
      // Applications trim members after they split: that must not make another group either.
      const members = decode(value)
        .split(separator)
        .map((member) => decodeURIComponent(member.trim()));
      expect(members).toEqual(names);
      // And those that split first and decode then: never more members than groups.
      expect(value.split(separator).length).toBeLessThanOrEqual(names.length);
    }),
    { numRuns: 2_000 },
  );
});

test("an attribute with a separator inside stays one value, and an address of a picture stays what it is", () => {
  expect(send("{extra.x}", { extra: { x: ["Sales, EMEA"] } })).toBe("Sales%2C EMEA");
  expect(send("{extra.x}", { extra: { x: ["a%2cb"] } })).toBe("a%252cb");
  expect(send("{extra.x}", { extra: { x: ["https://p.example/o%2Fa%20b?x=1&y=%25"] } })).toBe("https://p.example/o%2Fa%20b?x=1&y=%25");
});

test.each([
  { encoding: "rfc8187", subject: "UTF-8''%61dmin", value: "UTF-8''UTF-8%27%27%2561dmin" },
  { encoding: "percent", subject: "%61dmin", value: "%2561dmin" },
  { encoding: "utf8", subject: "%61dmin", value: "%61dmin" },
] as const)("a subject $subject does not decode to admin, encoded as $encoding", ({ encoding, subject, value }) => {
  expect(send("{subject}", { subject }, encoding)).toBe(value);
});

test("why a header was refused names the header and never the value", () => {
  const set = [{ name: "X-Token", template: "{subject}", separator: ",", only: null }];
  const result = compileIdentityHeaders(headerSettings({ set }), managed)(known({ subject: "sec\nret" }));
  expect(result).toMatchObject({ kind: "refuse", refusal: { why: "X-Token: has a control character" } });
});
