import { expect, test } from "vitest";
import type { Principal, Session } from "../../src/core/session.ts";
import type { HeaderSettings, IdentityHeaderSettings } from "../../src/core/settings.ts";
import { compileIdentityHeaders, managedNames } from "../../src/upstream/headers/identity.ts";
import { anApp, aRoute, headerSettings, known, someSettings } from "../support/policy-builders.ts";

function compile(change: Partial<HeaderSettings> = {}) {
  const headers = headerSettings(change);
  return compileIdentityHeaders(headers, managedNames(someSettings([anApp({ routes: [aRoute({ headers })] })])));
}
function rule(template: string, change: Partial<IdentityHeaderSettings> = {}): IdentityHeaderSettings {
  return { name: "X-Who", template, separator: ",", only: null, ...change };
}
/** The one header `X-Who`: its value, null when it is not sent, or `refused: reason`. */
function send(
  template: string,
  principal: Partial<Principal> = {},
  change: Partial<IdentityHeaderSettings> = {},
  encoding: HeaderSettings["encoding"] = "utf8",
) {
  const result = compile({ set: [rule(template, change)], encoding })(known(principal));
  if (result.kind === "refuse") return `refused: ${result.refusal.reason}`;
  return result.edit.set[0]?.[1] ?? null;
}
const groups = (...names: string[]) => ({ groups: { kind: "known", names } }) as const;
const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

test("the default set tells who, in the order of the file", () => {
  const result = compile()(known({ ...groups("staff", "admins") }));
  expect(result.kind === "edit" && result.edit.set).toEqual([
    ["Remote-User", "s-1"],
    ["Remote-Email", "alice@acme.example"],
    ["Remote-Name", "Alice"],
    ["Remote-Groups", "staff,admins"],
  ]);
});

test("nobody sends nothing, and still nobody else may fill the names", () => {
  const result = compile()(null);
  expect(result.kind === "edit" && result.edit.set).toEqual([]);
  expect(result.kind === "edit" && result.edit.removes("Remote-User")).toBe(true);
});

test.each([
  { when: "no e-mail", template: "{email}", is: { email: null }, value: null },
  { when: "no name", template: "{name}", is: { name: null }, value: null },
  { when: "a blank name", template: "{name}", is: { name: "  " }, value: null },
  { when: "one of two missing", template: "{name} <{email}>", is: { email: null }, value: null },
  { when: "both there", template: "{name} <{email}>", is: {}, value: "Alice <alice@acme.example>" },
  { when: "an attribute", template: "{extra.department}", is: { extra: { department: ["R&D"] } }, value: "R&D" },
  { when: "an attribute that was not filled", template: "{extra.department}", is: {}, value: null },
  { when: "an attribute that every object has", template: "{extra.constructor}", is: {}, value: null },
  { when: "the provider", template: "{provider}:{subject}", is: {}, value: "entra:s-1" },
  { when: "the strength", template: "{acr}", is: { acr: "mfa" }, value: "mfa" },
  { when: "plain text", template: "yes", is: {}, value: "yes" },
  { when: "a name with spaces around it", template: "{name}", is: { name: " Alice " }, value: "Alice" },
])("$when in $template: $value", ({ template, is, value }) => {
  expect(send(template, is)).toBe(value);
});

test.each([
  { when: "some", is: groups("staff", "ops"), change: {}, value: "staff,ops" },
  { when: "another separator", is: groups("staff", "ops"), change: { separator: "; " }, value: "staff; ops" },
  { when: "none", is: groups(), change: {}, value: "" },
  { when: "a filter", is: groups("app-wiki", "APP-crm", "staff"), change: { only: ["app-*"] }, value: "app-wiki,APP-crm" },
  { when: "a filter that leaves none", is: groups("staff"), change: { only: ["app-*"] }, value: "" },
  { when: "an empty name", is: groups("", "staff"), change: {}, value: "staff" },
  { when: "not known", is: { groups: { kind: "unknown", why: "overage" } } as const, change: {}, value: "refused: membership-unknown" },
])("groups, $when: $value", ({ is, change, value }) => {
  expect(send("{groups}", is, change)).toBe(value);
});

test("groups that are not known harm no header that does not ask for them", () => {
  expect(send("{subject}", { groups: { kind: "unknown", why: "overage" } })).toBe("s-1");
});

test.each([
  { encoding: "utf8", value: bytes("Zoë Łukasz 雪") },
  { encoding: "percent", value: "Zo%C3%AB %C5%81ukasz %E9%9B%AA" },
  { encoding: "rfc8187", value: "UTF-8''Zo%C3%AB%20%C5%81ukasz%20%E9%9B%AA" },
] as const)("letters outside ASCII travel as $encoding: $value", ({ encoding, value }) => {
  expect(send("{name}", { name: "Zoë Łukasz 雪" }, {}, encoding)).toBe(value);
});

test.each([
  { encoding: "utf8", value: "100% O'Brien" },
  { encoding: "percent", value: "100%25 O'Brien" },
  { encoding: "rfc8187", value: "100% O'Brien" },
] as const)("ASCII as $encoding: $value", ({ encoding, value }) => {
  expect(send("{name}", { name: "100% O'Brien" }, {}, encoding)).toBe(value);
});

test.each([
  { when: "8 KiB", length: 8_192, answer: "sent" },
  { when: "a byte more", length: 8_193, answer: "refused: identity-unfit-for-header" },
])("a value of $when is $answer", ({ length, answer }) => {
  const value = send("{name}", { name: "n".repeat(length) });
  expect(value?.startsWith("refused") ? value : "sent").toBe(answer);
});

test("a value is measured in bytes as it travels", () => {
  expect(send("{name}", { name: "ë".repeat(4_097) })).toBe("refused: identity-unfit-for-header");
  expect(send("{name}", { name: "ë".repeat(4_096) })).toHaveLength(8_192);
  expect(send("{name}", { name: "ë".repeat(1_400) }, {}, "percent")).toBe("refused: identity-unfit-for-header");
});

test("headers that are too large together are refused, none is left out", () => {
  const set = ["X-A", "X-B", "X-C"].map((name) => rule("{name}", { name }));
  expect(compile({ set })(known({ name: "n".repeat(5_000) })).kind).toBe("edit");
  const result = compile({ set })(known({ name: "n".repeat(6_000) }));
  expect(result).toMatchObject({ kind: "refuse", refusal: { reason: "identity-unfit-for-header" } });
});

test("ten thousand groups are refused at once, and a filter makes them fit", () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `department-${index}`);
  expect(send("{groups}", groups(...names))).toBe("refused: identity-unfit-for-header");
  expect(send("{groups}", groups(...names, "app-wiki"), { only: ["app-*"] })).toBe("app-wiki");
});

const session = (accessToken: string | null): Session => ({
  id: "i",
  key: "k",
  principal: known().principal,
  createdAt: 0,
  lastSeenAt: 0,
  address: null,
  userAgent: null,
  apps: {},
  expiresAt: 1,
  providerSession: null,
  logoutHandle: null,
  tokens: accessToken === null ? null : { accessToken, idToken: "id.token", refreshToken: "r", accessTokenExpiresAt: null },
  refreshAt: null,
});

test("tokens are sent only where a rule names them, and follow a refresh", () => {
  const headers = compile({ set: [rule("Bearer {accessToken}", { name: "Authorization" }), rule("{idToken}")] });
  const { principal } = known();
  const sent = (token: string | null) => {
    const result = headers({ kind: "known", via: "session", principal, session: session(token) });
    return result.kind === "edit" ? result.edit.set : null;
  };
  expect(sent("one")).toEqual([
    ["Authorization", "Bearer one"],
    ["X-Who", "id.token"],
  ]);
  expect(sent("two")?.[0]).toEqual(["Authorization", "Bearer two"]);
  expect(sent(null)).toEqual([]);
});

test("a rule for Authorization takes the header from callers on its own route only", () => {
  const withRule = headerSettings({ set: [rule("Bearer {accessToken}", { name: "Authorization" })] });
  const managed = managedNames(someSettings([anApp({ routes: [aRoute({ headers: withRule })] })]));
  const removes = (headers: HeaderSettings) => {
    const result = compileIdentityHeaders(headers, managed)(null);
    return result.kind === "edit" && result.edit.removes("authorization");
  };
  expect([removes(withRule), removes(headerSettings())]).toEqual([true, false]);
});

test("a caller who was seen before costs a look-up, and a changed principal is seen anew", () => {
  const headers = compile();
  const alice = known();
  expect(headers({ ...alice })).toBe(headers({ ...alice }));
  const demoted = { ...alice, principal: { ...alice.principal, ...groups() } };
  const result = headers(demoted);
  expect(result.kind === "edit" && result.edit.set.at(-1)).toEqual(["Remote-Groups", ""]);
});

test.each([
  { when: "a placeholder that nothing fills", set: [rule("{shoesize}")] },
  { when: "a placeholder of every object", set: [rule("{constructor}")] },
  { when: "a line break in the template", set: [rule("a\r\nb")] },
  { when: "two names that fold to one", set: [rule("a", { name: "X-Who" }), rule("b", { name: "x_who" })] },
  { when: "a list without a separator", set: [rule("{groups}", { separator: "" })] },
])("$when does not compile", ({ set }) => {
  expect(() => compile({ set })).toThrow();
});
