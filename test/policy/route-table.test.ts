import { expect, test } from "vitest";
import type { AppSettings } from "../../src/core/settings.ts";
import { allClaimNames } from "../../src/policy/access-list.ts";
import { compileRoutes } from "../../src/policy/route-table.ts";
import { allow, anApp, aRoute, deny, someSettings } from "../support/policy-builders.ts";

const origin = (hostname: string, port = 443) => ({ scheme: "https" as const, hostname, port });

test.each(["forwards", "backwards"])("hosts are found by the most specific name, the file read %s", (direction) => {
  const apps = [
    anApp({ name: "one label", hosts: ["*.acme.example"] }),
    anApp({ name: "exact", hosts: ["wiki.acme.example", "docs.acme.example"] }),
    anApp({ name: "deeper", hosts: ["*.eu.acme.example"] }),
  ];
  const table = compileRoutes(someSettings(direction === "forwards" ? apps : apps.toReversed()));
  const found = (hostname: string) => table.findSite(hostname)?.app?.settings.name ?? null;
  expect(found("wiki.acme.example")).toBe("exact");
  expect(found("docs.acme.example")).toBe("exact");
  expect(found("crm.acme.example")).toBe("one label");
  expect(found("crm.eu.acme.example")).toBe("deeper");
  expect(found("eu.acme.example")).toBe("one label");
});

test.each(["acme.example", "a.b.acme.example", ".acme.example", "crm.acme.example.evil.example", "crm-acme.example", "example", ""])(
  "*.acme.example does not cover %j",
  (hostname) => {
    expect(compileRoutes(someSettings([anApp({ hosts: ["*.acme.example"] })])).findSite(hostname)).toBeNull();
  },
);

test("the auth host is a site of its own, and no wildcard puts an app on it", () => {
  const site = compileRoutes(someSettings([anApp({ hosts: ["*.acme.example"] })])).findSite("auth.acme.example");
  expect(site).toMatchObject({ isAuth: true, app: null, origin: origin("auth.acme.example") });
});

test("an app that names the auth host shares it", () => {
  const site = compileRoutes(someSettings([anApp({ hosts: ["auth.acme.example"] })])).findSite("auth.acme.example");
  expect(site).toMatchObject({ isAuth: true, app: { id: "auth.acme.example" } });
});

test.each<{ when: string; app: Partial<AppSettings>; host: string; port?: number; expected: ReturnType<typeof origin> }>([
  { when: "none is configured", app: {}, host: "wiki.acme.example", port: 8443, expected: origin("wiki.acme.example", 8443) },
  {
    when: "one is",
    app: { origin: origin("wiki.acme.example", 444) },
    host: "wiki.acme.example",
    expected: origin("wiki.acme.example", 444),
  },
  {
    when: "one is, for another host of the app",
    app: { hosts: ["wiki.acme.example", "w.acme.example"], origin: origin("wiki.acme.example", 444) },
    host: "w.acme.example",
    expected: origin("w.acme.example", 444),
  },
  {
    when: "one is, for a wildcard",
    app: { hosts: ["*.acme.example"], origin: origin("x.acme.example", 444) },
    host: "y.acme.example",
    expected: origin("y.acme.example", 444),
  },
  {
    when: "visitors use another name",
    app: { origin: origin("public.example") },
    host: "wiki.acme.example",
    expected: origin("public.example"),
  },
])("a site's origin when $when", ({ app, host, port, expected }) => {
  const auth = { origin: origin("auth.acme.example", port), locale: { default: "en", available: ["en"] } };
  expect(compileRoutes(someSettings([anApp(app)], { auth })).findSite(host)?.origin).toEqual(expected);
});

test("a flood of invented names under a wildcard is answered and leaves other names alone", () => {
  const table = compileRoutes(someSettings([anApp({ hosts: ["*.acme.example"] }), anApp({ hosts: ["wiki.acme.example"] })]));
  for (let index = 0; index < 5_000; index += 1) expect(table.findSite(`h${index}.acme.example`)?.hostname).toBe(`h${index}.acme.example`);
  const once = table.findSite("again.acme.example");
  expect(table.findSite("again.acme.example")).toBe(once);
  expect(table.findSite("wiki.acme.example")?.app?.id).toBe("wiki.acme.example");
});

test.each([
  { path: "/", route: "/" },
  { path: "/administrator", route: "/" },
  { path: "/admin", route: "/admin" },
  { path: "/admin/", route: "/admin" },
  { path: "/admin/users", route: "/admin/users" },
  { path: "/admin/usersx", route: "/admin" },
  { path: "/Admin", route: "/" },
])("$path belongs to the route $route, whatever the order in the file", ({ path, route }) => {
  const paths = ["/", "/admin/users", "/admin"].map((prefix) => aRoute({ path: prefix }));
  for (const routes of [paths, paths.toReversed()]) {
    const table = compileRoutes(someSettings([anApp({ routes })]));
    const [app] = table.apps;
    expect(app && table.findRoute(app, path).settings.path).toBe(route);
    expect(app && table.findRoute(app, path).id).toBe(`wiki.acme.example${route}`);
  }
});

test("an app whose routes do not cover everything does not compile", () => {
  expect(() => compileRoutes(someSettings([anApp({ routes: [aRoute({ path: "/admin" })] })]))).toThrow(/no route for \//);
});

test("logout paths keep to their method", () => {
  const [app] = compileRoutes(someSettings([anApp({ logoutPaths: [{ method: "POST", glob: "/logout" }] })])).apps;
  expect([app?.isLogoutPath("POST", "/logout"), app?.isLogoutPath("GET", "/logout")]).toEqual([true, false]);
});

test("every claim that any rule asks about is recorded, however deep it stands", () => {
  const routes = [
    aRoute({ access: [allow({ any: [{ claims: { tier: ["gold"] } }, { not: { claims: { "realm.roles": ["x"] } } }] })] }),
    aRoute({ path: "/a", access: [deny({ all: [{ claims: { tier: ["lead"], area: ["eu"] } }] })] }),
  ];
  expect(allClaimNames(someSettings([anApp({ routes })]))).toEqual(["area", "realm.roles", "tier"]);
});
