import type { SecurityPromise } from "../../mutation.ts";

export const lifetime: readonly SecurityPromise[] = [
  {
    promise: "Absolute lifetime is never extended by activity.",
    mutations: [
      {
        file: "src/store/memory-store.ts",
        find: "state.table.put({ ...current, lastSeenAt: now });",
        replace: "state.table.put({ ...current, lastSeenAt: now, createdAt: now, expiresAt: now + state.settings.lifetimeMs });",
        test: "test/contract/session-store.test.ts",
        named: "the memory store an active session outlives its idle limit, and never its lifetime",
      },
      {
        file: "src/store/session-limits.ts",
        find: "return now < session.expiresAt && now < session.createdAt + limits.lifetimeMs && now < session.lastSeenAt",
        replace: "return now < session.lastSeenAt",
        test: "test/contract/session-store.test.ts",
        named: "the memory store an active session outlives its idle limit, and never its lifetime",
      },
      {
        file: "src/store/redis-scripts.ts",
        find: "expireAt(math.min(now + ARGV[2], tonumber(ends)))",
        replace: "expireAt(now + ARGV[2])",
        test: "test/store/redis-store.test.ts",
        named: "redis itself lets sessions expire, and never later than their absolute end",
      },
    ],
  },
  {
    promise: "Absolute lifetime is never extended by a refresh.",
    mutations: [
      {
        file: "src/store/memory-store.ts",
        find: "refreshAt: change.refreshAt };\n  state.table.put",
        replace: "refreshAt: change.refreshAt, expiresAt: state.clock() + 2 * state.settings.lifetimeMs };\n  state.table.put",
        test: "test/contract/session-store.test.ts",
        named: "the memory store a renewed session has the new principal and tokens and the old limits",
      },
      {
        file: "src/store/redis-store.ts",
        find: "refreshAt: change.refreshAt };\n      const replaced",
        replace: "refreshAt: change.refreshAt, expiresAt: deps.clock() + 2 * deps.settings.lifetimeMs };\n      const replaced",
        test: "test/contract/session-store.test.ts",
        named: "the redis store a renewed session has the new principal and tokens and the old limits",
      },
    ],
  },
  {
    promise: "The provider's own end of a session caps it.",
    mutations: [
      {
        file: "src/store/session-limits.ts",
        find: "Math.min(now + limits.lifetimeMs, wanted.endsAtLatest ?? Number.POSITIVE_INFINITY)",
        replace: "now + limits.lifetimeMs",
        test: "test/contract/session-store.test.ts",
        named: "the memory store the provider's own end of the session caps it",
      },
    ],
  },
  {
    promise: "An app's own, shorter lifetime is never extended by activity there.",
    mutations: [
      {
        file: "src/identity/from-session.ts",
        find: " || now >= session.createdAt + lifetimeMs;",
        replace: ";",
        test: "test/identity/identify.test.ts",
        named: "activity keeps a session good under an app's shorter idle limit, up to that app's lifetime",
      },
    ],
  },
  {
    promise: "The absolute end holds for open connections too, though the store be silent.",
    mutations: [
      {
        file: "src/gateway/open-connections.ts",
        find: "if (connection.session !== null && now >= connection.session.expiresAt) cut",
        replace: "if (false) cut",
        test: "test/gateway/open-connections.test.ts",
        named: "a connection ends with the session's absolute limit, and not before",
      },
      {
        file: "src/gateway/still-allowed.ts",
        find: "if (session !== null && now >= session.createdAt + site.app.settings.session.lifetimeMs) return false;",
        replace: "",
        test: "test/gateway/open-connections.test.ts",
        named: "a connection ends with the app's own, shorter limit, and not before",
      },
    ],
  },
];
