import { expect, test } from "vitest";
import { makeSecret } from "../../src/core/secret.ts";
import type { Settings } from "../../src/core/settings.ts";
import { describeChanges } from "../../src/process/settings-changes.ts";
import { allow, anApp, aProvider, aRoute, someSettings } from "../support/policy-builders.ts";

const before = someSettings([anApp({ routes: [aRoute({ path: "/admin" }), aRoute()] })], { providers: [aProvider("entra")] });
const none = { added: [], removed: [], changed: [] };
const withRoutes = (...routes: Parameters<typeof aRoute>[0][]): Settings => ({
  ...before,
  apps: [anApp({ routes: routes.map((route) => aRoute(route)) })],
});
const entra = aProvider("entra");

test.each([
  {
    when: "nothing",
    next: someSettings([anApp({ routes: [aRoute({ path: "/admin" }), aRoute()] })], { providers: [entra] }),
    changes: none,
  },
  {
    when: "a new app",
    next: { ...before, apps: [...before.apps, anApp({ hosts: ["hr.acme.example"] })] },
    changes: { ...none, added: ["app hr.acme.example", "route hr.acme.example/"] },
  },
  { when: "a route that is gone", next: withRoutes({}), changes: { ...none, removed: ["route wiki.acme.example/admin"] } },
  {
    when: "new rules and a new upstream for a route",
    next: withRoutes(
      { path: "/admin", access: [allow({ groups: ["admins"] })], upstreams: [{ url: "http://127.0.0.1:8", weight: 1 }] },
      {},
    ),
    changes: { ...none, changed: ["route wiki.acme.example/admin (upstream, access)"] },
  },
  {
    when: "a rule on another line",
    next: withRoutes({ path: "/admin", access: [{ ...allow({ anyone: true }), origin: "elsewhere" }] }, {}),
    changes: none,
  },
  {
    when: "another client at the provider, and a second provider",
    next: {
      ...before,
      providers: [{ ...entra, protocol: { ...entra.protocol, clientId: "other" } as typeof entra.protocol }, aProvider("google")],
    },
    changes: { added: ["provider google"], removed: [], changed: ["provider entra (clientId)"] },
  },
  {
    when: "another secret",
    next: { ...before, sessions: { ...before.sessions, secrets: [makeSecret("new".repeat(16)), ...before.sessions.secrets] } },
    changes: { ...none, changed: ["key sessions (secret)"] },
  },
  { when: "trusted proxies", next: { ...before, trustedProxies: ["10.0.0.0/8"] }, changes: { ...none, changed: ["key trustedProxies"] } },
  {
    when: "a protection switched off",
    next: { ...before, insecure: { ...before.insecure, plainHttp: true } },
    changes: { ...none, changed: ["key insecure (plainHttp)"] },
  },
])("a reload that brings $when is told in names", ({ next, changes }) => {
  expect(describeChanges(before, next)).toEqual(changes);
});
