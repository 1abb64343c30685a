import type { SecurityPromise } from "../../mutation.ts";

export const openConnections: readonly SecurityPromise[] = [
  {
    promise: "WebSockets and event streams end with their session (within 5 s; in fact within one).",
    mutations: [
      {
        file: "src/gateway/open-connections.ts",
        find: "watch(state, connection);\n  }\n  for",
        replace: "}\n  for",
        test: "test/attack/ended-sessions.test.ts",
        named: "a WebSocket ends within a second of its session, at the client and at the upstream",
      },
      {
        file: "src/gateway/open-connections.ts",
        find: "watch(state, connection);\n  }\n  for",
        replace: "}\n  for",
        test: "test/attack/ended-sessions.test.ts",
        named: "an event stream ends within a second of its session, at the client and at the upstream",
      },
      {
        file: "src/gateway/open-connections.ts",
        find: 'if (change.kind === "ended") cut(state, connection, "the session ended");\n      else renewed',
        replace: 'if (change.kind !== "ended") renewed',
        test: "test/attack/ended-sessions.test.ts",
        named: "a connection that is watched already ends at once",
      },
      {
        file: "src/upstream/forward-upgrade.ts",
        find: "plan.onOpen?.(() => close());",
        replace: "",
        test: "test/attack/ended-sessions.test.ts",
        named: "a WebSocket ends within a second of its session, at the client and at the upstream",
      },
    ],
  },
  {
    promise: "An open connection ends with its session in whichever process that was ended.",
    mutations: [
      {
        file: "src/store/redis-store.ts",
        find: "watch.look(key);",
        replace: "",
        test: "test/store/redis-store.test.ts",
        named: "after its own logout in one process, another that knew the session refuses it within a second",
      },
    ],
  },
  {
    promise: "A session that runs out is announced though nobody asks for it.",
    mutations: [
      {
        file: "src/store/memory-store.ts",
        find: "for (const session of state.table.all()) peek(state, session.id);",
        replace: "",
        test: "test/contract/session-store.test.ts",
        named: "the memory store a watched session that runs out is announced though nobody asks for it",
      },
    ],
  },
  {
    promise: "Who loses a group loses the open connections that needed it.",
    mutations: [
      {
        file: "src/gateway/open-connections.ts",
        find: "connection.session = session;\n  review(state, connection);",
        replace: "connection.session = session;",
        test: "test/attack/ended-sessions.test.ts",
        named: "who loses the group loses the connection that needed it, and keeps the others",
      },
    ],
  },
];
