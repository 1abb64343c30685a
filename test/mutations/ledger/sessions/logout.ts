import type { SecurityPromise } from "../../mutation.ts";

export const logout: readonly SecurityPromise[] = [
  {
    promise: "A visitor's logout ends the session, and with it every host's.",
    mutations: [
      {
        file: "src/control/logout/logout-endpoint.ts",
        find: 'for (const session of sessions) await endSession(parts, incoming, session, "logout");',
        replace: "",
        test: "test/control/logout.test.ts",
        named: "a link on the app's own page logs out at once, everywhere",
      },
    ],
  },
  {
    promise: "A logout on the auth host ends all sessions of this browser.",
    mutations: [
      {
        file: "src/control/logout/logout-endpoint.ts",
        find: "const listed = site.isAuth ? parts.browserSessions.read(incoming.cookie).map(({ id }) => id) : [];",
        replace: "const listed: string[] = [];",
        test: "test/control/logout.test.ts",
        named: "logging out on the auth origin ends all sessions of this browser, and no other browser's",
      },
    ],
  },
  {
    promise: "The app's own logout ends the session.",
    mutations: [
      {
        file: "src/gateway/app-logout.ts",
        find: 'if (!(await deps.sessions.end(session.id, "logout"))) return;',
        replace: "",
        test: "test/gateway/app-logout.test.ts",
        named: "the app's logout URL by a link on the app's own page: the app answers, then the session ends",
      },
    ],
  },
  {
    promise: "A provider that cannot be left keeps nobody signed in here.",
    mutations: [
      {
        file: "src/control/logout/leave-providers.ts",
        find: 'error }, "a provider could not be left");\n    return null;',
        replace: 'error }, "a provider could not be left");\n    throw error;',
        test: "test/control/logout.test.ts",
        named: "a provider that cannot be left keeps nobody signed in here",
      },
    ],
  },
  {
    promise: "A provider's back-channel logout ends the sessions it names.",
    mutations: [
      {
        file: "src/control/logout/backchannel-endpoint.ts",
        find: "await endByNotice(parts, request, provider.id, notice);",
        replace: "",
        test: "test/control/logout.test.ts",
        named: "a logout token that verifies ends the sessions it names, once",
      },
    ],
  },
  {
    promise: "A provider's front-channel logout ends the session it names.",
    mutations: [
      {
        file: "src/control/logout/frontchannel-endpoint.ts",
        find: "await endByNotice(parts, request, provider.id, notice);",
        replace: "",
        test: "test/control/logout.test.ts",
        named: "a front-channel message ends the provider session that it names",
      },
    ],
  },
  {
    promise: "A revocation that arrives while a session is half begun ends it.",
    mutations: [
      {
        file: "src/store/redis-sessions.ts",
        find: 'if (!(await deps.index.holds(session))) await remove(deps, session.key, "revoked", []);\n  else await',
        replace: "await",
        test: "test/store/redis-sessions.test.ts",
        named: "a revocation that arrives while a session is half begun ends it",
      },
    ],
  },
  {
    promise: "What one process ended, by logout, revocation or provider, every other refuses within a second.",
    mutations: [
      {
        file: "src/store/redis-store.ts",
        find: "const inUse = cache.forget(key);",
        replace: "const inUse = null;",
        test: "test/store/redis-store.test.ts",
        named: "after its own logout in one process, another that knew the session refuses it within a second",
      },
      {
        file: "src/store/redis-store.ts",
        find: "const inUse = cache.forget(key);",
        replace: "const inUse = null;",
        test: "test/store/redis-store.test.ts",
        named: "after its principal's revocation in one process, another that knew the session refuses it within a second",
      },
      {
        file: "src/store/redis-store.ts",
        find: "const inUse = cache.forget(key);",
        replace: "const inUse = null;",
        test: "test/store/redis-store.test.ts",
        named: "after its provider's logout in one process, another that knew the session refuses it within a second",
      },
      {
        file: "src/store/session-cache.ts",
        find: "const believedMs = 900;",
        replace: "const believedMs = 60_000;",
        test: "test/store/redis-faults.test.ts",
        named: "while only the messages are cut, a session revoked elsewhere is refused within a second or so",
      },
    ],
  },
  {
    promise: "A remembered session is believed only while messages are proven to arrive.",
    mutations: [
      {
        file: "src/store/session-cache.ts",
        find: "now - Math.max(entry.loadedAt, deps.provenAt()) > maxAgeMs || ",
        replace: "",
        test: "test/store/session-cache.test.ts",
        named: "read 901 ms ago with the messages proven after 0 ms: believed is false",
      },
      {
        file: "src/store/session-cache.ts",
        find: "entries.set(id, { session, loadedAt, usedAt",
        replace: "entries.set(id, { session, loadedAt: deps.monotonic(), usedAt",
        test: "test/store/session-cache.test.ts",
        named: "the age counts from the question, not from a late answer",
      },
    ],
  },
  {
    promise: "What was revoked while an answer was under way is not kept as good.",
    mutations: [
      {
        file: "src/store/session-cache.ts",
        find: "if (load.outdated || session === undefined) return;",
        replace: "if (session === undefined) return;",
        test: "test/store/session-cache.test.ts",
        named: "an answer that a message about the session has overtaken is not kept",
      },
    ],
  },
  {
    promise: "When messages and store are cut, a session is believed for the grace and no longer.",
    mutations: [
      {
        file: "src/store/session-cache.ts",
        find: "withinAge(id, graceMs) : undefined",
        replace: "entries.get(id)?.session : undefined",
        test: "test/store/session-cache.test.ts",
        named: "a silent store beyond the grace: a failure",
      },
    ],
  },
  {
    promise: "What was ended stays ended after a failover to a replica that had not heard of it.",
    mutations: [
      {
        file: "src/store/redis-store.ts",
        find: "startOver();\n      ended.repeat();",
        replace: "startOver();",
        test: "test/store/redis-sentinel.test.ts",
        named: "a logout that no replica had heard of is said again to the one that is promoted",
      },
    ],
  },
  {
    promise: "An emptied store forgets every session at once.",
    mutations: [
      {
        file: "src/store/redis-store.ts",
        find: "cache.flush();",
        replace: "",
        test: "test/store/redis-store.test.ts",
        named: "an emptied redis forgets every session at once",
      },
    ],
  },
];
