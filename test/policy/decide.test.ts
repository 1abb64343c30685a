import { expect, test } from "vitest";
import type { Identity } from "../../src/core/identity.ts";
import type { Incoming } from "../../src/core/incoming.ts";
import type { AppSettings, RouteSettings } from "../../src/core/settings.ts";
import { decide } from "../../src/policy/decide.ts";
import { compileRoutes } from "../../src/policy/route-table.ts";
import { allow, anApp, anIncoming, anonymous, aRoute, deny, known, someSettings } from "../support/policy-builders.ts";

function ask(
  routes: readonly Partial<RouteSettings>[],
  identity: Identity,
  request: Partial<Incoming> = {},
  app: Partial<AppSettings> = {},
) {
  const table = compileRoutes(someSettings([anApp({ routes: routes.map((route) => aRoute(route)), ...app })]));
  const incoming = anIncoming(request);
  const site = table.findSite(incoming.hostname);
  if (site?.app == null) throw new Error("no app there");
  return decide({ ...site, app: site.app }, identity, incoming, 0);
}

const rejected: Identity = { kind: "rejected", scheme: "bearer", why: "expired" };
const script = { wantsPage: false };
const staff = [{ access: [allow({ groups: ["staff"] }, "staff")] }];
const admins = [{ access: [allow({ groups: ["admins"] }, "admins")] }];
const open = [{ public: [{ method: null, glob: "/**" }] }];
const optional = [{ optional: [{ method: null, glob: "/**" }] }];

test.each([
  { when: "a browser without a session", identity: anonymous, request: {}, answer: { kind: "login", because: "no-session" } },
  {
    when: "a script without a token",
    identity: anonymous,
    request: script,
    answer: { kind: "challenge", because: "no-session", schemes: [] },
  },
  { when: "a member", identity: known(), request: {}, answer: { kind: "allow", rule: "staff", shadow: null } },
  {
    when: "a caller outside every group",
    identity: known({ groups: { kind: "known", names: [] } }),
    request: {},
    answer: { kind: "refuse", refusal: { reason: "no-rule-matched" }, principal: { subject: "s-1" } },
  },
  { when: "a bad token", identity: rejected, request: {}, answer: { kind: "challenge", because: "credential-rejected" } },
  {
    when: "a session of a provider that the app does not accept",
    identity: known({ provider: "google" }),
    request: {},
    answer: { kind: "login", because: "other-provider" },
  },
  {
    when: "a script with such a session",
    identity: known({ provider: "google" }),
    request: script,
    answer: { kind: "challenge", because: "other-provider" },
  },
  {
    when: "a token where the route takes none",
    identity: known({}, "bearer"),
    request: {},
    answer: { kind: "challenge", because: "other-provider" },
  },
])("a protected route and $when: $answer.kind", ({ identity, request, answer }) => {
  expect(ask(staff, identity, request).decision).toMatchObject(answer);
});

test.each([
  { when: "nobody", identity: anonymous },
  { when: "somebody", identity: known() },
  { when: "a bad token", identity: rejected },
  { when: "a provider not accepted", identity: known({ provider: "google" }) },
])("a public path and $when: passed without an identity", ({ identity }) => {
  expect(ask(open, identity).decision).toEqual({ kind: "pass", identity: null });
});

test.each([
  { when: "nobody", identity: anonymous, kind: "pass", sent: null },
  { when: "somebody", identity: known(), kind: "pass", sent: "s-1" },
  { when: "somebody whom the rules would refuse", identity: known({ groups: { kind: "known", names: [] } }), kind: "pass", sent: "s-1" },
  { when: "a provider not accepted", identity: known({ provider: "google" }), kind: "pass", sent: null },
  { when: "a bad token", identity: rejected, kind: "challenge", sent: undefined },
])("an optional path and $when: $kind", ({ identity, kind, sent }) => {
  const { decision } = ask([{ ...optional[0], access: [allow({ groups: ["staff"] })] }], identity);
  expect(decision.kind).toBe(kind);
  if (decision.kind === "pass") expect(decision.identity?.principal.subject ?? null).toBe(sent);
});

test("GET /x is not public for HEAD", () => {
  const routes = [{ public: [{ method: "GET", glob: "/x" }] }];
  expect(ask(routes, anonymous, { path: "/x" }).decision.kind).toBe("pass");
  expect(ask(routes, anonymous, { path: "/x", method: "HEAD" }).decision.kind).toBe("login");
});

test.each([
  { when: "a token of a provider that the route takes", provider: "google", kind: "allow" },
  { when: "a token of another provider", provider: "entra", kind: "challenge" },
])("bearer: [google] and $when: $kind", ({ provider, kind }) => {
  const { decision } = ask([{ ...staff[0], bearer: ["google"] }], known({ provider }, "bearer"), script);
  expect(decision.kind).toBe(kind);
  if (decision.kind === "challenge") expect(decision.schemes).toEqual(["bearer"]);
});

test("a token opens only the route that takes it, in every reading of the path", () => {
  const routes = [{ bearer: ["google"] }, { path: "/admin", bearer: [] }];
  expect(ask(routes, known({ provider: "google" }, "bearer"), { path: "/x", ...script }).decision.kind).toBe("allow");
  expect(
    ask(routes, known({ provider: "google" }, "bearer"), { path: "/x/..%2f", ...script, readings: ["/x", "/admin"] }).decision.kind,
  ).toBe("challenge");
});

test.each([
  { when: "a browser", identity: known({ acr: "pwd" }), request: {}, kind: "login" },
  { when: "a script", identity: known({ acr: "pwd" }), request: script, kind: "challenge" },
  { when: "strong already", identity: known({ acr: "mfa" }), request: {}, kind: "allow" },
])("a rule that wants a stronger login and $when: $kind", ({ identity, request, kind }) => {
  const { decision } = ask([{ access: [allow({ acr: ["mfa"] })] }], identity, request);
  expect(decision.kind).toBe(kind);
  if (decision.kind === "login" || decision.kind === "challenge") expect(decision).toMatchObject({ because: "step-up", acr: ["mfa"] });
});

test("a token that is not strong enough is told so, and not sent to a login page", () => {
  const routes = [{ access: [allow({ acr: ["mfa"] })], bearer: ["entra"] }];
  expect(ask(routes, known({ acr: "pwd" }, "bearer")).decision).toMatchObject({ kind: "challenge", because: "step-up", acr: ["mfa"] });
});

test.each([
  {
    when: "a visitor whom the rules refuse",
    routes: admins,
    identity: known(),
    answer: { kind: "allow", shadow: { reason: "no-rule-matched" } },
  },
  {
    when: "a visitor whom a rule denies",
    routes: [{ access: [deny({ anyone: true }, "no")] }],
    identity: known(),
    answer: { kind: "allow", rule: "no", shadow: { reason: "denied-by-rule", rule: "no" } },
  },
  {
    when: "a login that is not strong enough",
    routes: [{ access: [allow({ acr: ["mfa"] })] }],
    identity: known(),
    answer: { kind: "allow", shadow: { why: expect.stringContaining("mfa") } },
  },
  { when: "a visitor whom the rules allow", routes: staff, identity: known(), answer: { kind: "allow", shadow: null } },
  { when: "nobody", routes: admins, identity: anonymous, answer: { kind: "login" } },
  { when: "a bad token", routes: admins, identity: rejected, answer: { kind: "challenge" } },
  { when: "a provider not accepted", routes: admins, identity: known({ provider: "google" }), answer: { kind: "login" } },
])("enforce: false and $when: $answer.kind", ({ routes, identity, answer }) => {
  expect(ask([{ ...routes[0], enforce: false }], identity).decision).toMatchObject(answer);
});

const handshake = { websocket: true, wantsPage: false, origin: "https://wiki.acme.example" };
test.each([
  { when: "the app's own page", request: handshake, kind: "allow" },
  { when: "no Origin", request: { ...handshake, origin: null }, kind: "refuse" },
  { when: "another site", request: { ...handshake, origin: "https://evil.example" }, kind: "refuse" },
  { when: "a sibling host", request: { ...handshake, origin: "https://crm.acme.example" }, kind: "refuse" },
  { when: "a host that begins alike", request: { ...handshake, origin: "https://wiki.acme.example.evil.example" }, kind: "refuse" },
  { when: "another scheme", request: { ...handshake, origin: "http://wiki.acme.example" }, kind: "refuse" },
  { when: "another port", request: { ...handshake, origin: "https://wiki.acme.example:8443" }, kind: "refuse" },
  { when: "a sandboxed frame", request: { ...handshake, origin: "null" }, kind: "refuse" },
])("a WebSocket from $when: $kind", ({ request, kind }) => {
  expect(ask(staff, known(), request).decision.kind).toBe(kind);
});

test("a program with a token may open a WebSocket without an Origin: no page can make a browser send one", () => {
  const routes = [{ bearer: ["google"], access: [allow({ anyone: true })] }];
  const program = { ...handshake, origin: null };
  expect(ask(routes, known({ provider: "google" }, "bearer"), program).decision.kind).toBe("allow");
  expect(ask(routes, known({ provider: "google" }, "bearer"), { ...program, origin: "https://evil.example" }).decision.kind).toBe("refuse");
});

test("a foreign page may not open a WebSocket to a public path either", () => {
  const { decision } = ask(open, anonymous, { ...handshake, origin: "https://evil.example" });
  expect(decision).toMatchObject({ kind: "refuse", refusal: { reason: "origin-not-allowed" } });
});

test.each([
  {
    when: "another host that the app names",
    hosts: ["wiki.acme.example", "w.acme.example"],
    origin: "https://w.acme.example",
    kind: "allow",
  },
  { when: "another host under the app's wildcard", hosts: ["*.acme.example"], origin: "https://w.acme.example", kind: "refuse" },
])("a WebSocket from a page of $when: $kind", ({ hosts, origin, kind }) => {
  expect(ask(staff, known(), { ...handshake, origin }, { hosts }).decision.kind).toBe(kind);
});

test("a WebSocket of nobody gets 401, never a redirect", () => {
  expect(ask(staff, anonymous, { ...handshake, wantsPage: true }).decision.kind).toBe("challenge");
});

test("websocket: false refuses handshakes and nothing else", () => {
  const [route] = [aRoute()];
  const routes = [{ proxy: { ...route.proxy, websocket: false } }];
  expect(ask(routes, known(), handshake).decision).toMatchObject({ kind: "refuse", refusal: { reason: "websocket-not-allowed" } });
  expect(ask(routes, known()).decision.kind).toBe("allow");
});

const guarded = [{ public: [{ method: null, glob: "/files/**" }] }, { path: "/admin", access: [allow({ groups: ["admins"] })] }];
test.each([
  { when: "an encoded slash into a protected route", path: "/files%2fx", identity: anonymous, kind: "login" },
  { when: "a doubled slash", path: "//admin", identity: known(), kind: "refuse" },
  { when: "parameters on the protected name", path: "/admin;x=1/users", identity: known(), kind: "refuse" },
  { when: "a backslash for Windows", path: "/admin%5cusers", identity: known(), kind: "refuse" },
  { when: "a letter encoded", path: "/%61dmin", identity: known(), kind: "refuse" },
  { when: "a path with one reading", path: "/files/a", identity: anonymous, kind: "pass" },
  { when: "an encoded slash that stays public in both readings", path: "/files/a%2fb", identity: anonymous, kind: "pass" },
  { when: "an encoded slash that stays allowed in both readings", path: "/page%2fb", identity: known(), kind: "allow" },
])("$when ($path): $kind", ({ path, identity, kind }) => {
  const { decision } = ask(guarded, identity, { path });
  expect(decision.kind).toBe(kind);
});

test("of several readings the plain one says which route forwards", () => {
  const identity = known({ groups: { kind: "known", names: ["admins"] } });
  const { route, decision } = ask(guarded, identity, { path: "//admin" });
  expect([route.id, decision.kind]).toEqual(["wiki.acme.example/", "allow"]);
});

test("the decision does not depend on the order of the readings", () => {
  const readings = ["/files/x", "/admin", "/page"];
  const kinds = [readings, readings.toReversed()].map(
    (order) => ask(guarded, known(), { path: "/files/x", readings: order }).decision.kind,
  );
  expect(kinds).toEqual(["refuse", "refuse"]);
});

test("an app without providers lets nobody in by session", () => {
  expect(ask(staff, known(), {}, { providers: [] }).decision.kind).toBe("login");
});
