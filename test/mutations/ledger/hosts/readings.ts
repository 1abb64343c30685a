import type { SecurityPromise } from "../../mutation.ts";

const edge = "test/attack/paths.test.ts";
const path = "src/core/path.ts";
const counted = "may be the admin's page to an upstream, so its rules count";
const unchanged = "is open and goes out byte for byte";

export const hostsReadings: readonly SecurityPromise[] = [
  {
    promise: "Where upstreams may read a path in several ways (`%2f`, `%5c`, `;`, `//`, a second decoding), the rules judge every reading.",
    mutations: [
      {
        file: path,
        find: "for (const once of [plain, decodeAgain(plain)]) {",
        replace: 'for (const once of [plain, decodeAgain(plain)].map((text) => text.replaceAll("%2F", "%2f"))) {',
        test: edge,
        named: `/%2Fadmin ${counted}`,
      },
      {
        file: path,
        find: "for (const once of [plain, decodeAgain(plain)]) {",
        replace: 'for (const once of [plain, decodeAgain(plain)].map((text) => text.replaceAll("%5C", "%5c"))) {',
        test: edge,
        named: `/%5cadmin ${counted}`,
      },
      {
        file: path,
        find: "for (const once of [plain, decodeAgain(plain)]) {",
        replace: 'for (const once of [plain, decodeAgain(plain)].map((text) => text.replaceAll(";", "_"))) {',
        test: edge,
        named: `/;x/admin ${counted}`,
      },
      {
        file: path,
        find: "for (const once of [plain, decodeAgain(plain)]) {",
        replace: 'for (const once of [plain, decodeAgain(plain)].map((text) => text.replaceAll("%3B", "%3b"))) {',
        test: edge,
        named: `/%3bx/admin ${counted}`,
      },
      {
        file: path,
        find: 'slashed.replace(/;[^/]*/g, "")];',
        replace: "slashed];",
        test: "test/core/path.test.ts",
        named: "parameters are cut before and after slashes are decoded, escaped ones too",
      },
      {
        file: path,
        find: 'readings.add(reading.replace(/\\/{2,}/g, "/"));',
        replace: "",
        test: edge,
        named: `///admin//x ${counted}`,
      },
      {
        file: path,
        find: "for (const once of [plain, decodeAgain(plain)]) {",
        replace: "for (const once of [plain]) {",
        test: edge,
        named: `/%2561dmin ${counted}`,
      },
    ],
  },
  {
    promise: "The strictest decision over all readings counts, in whatever order they come.",
    mutations: [
      {
        file: "src/policy/decide.ts",
        find: "return strictness(other) > strictness(one) ? other : one;",
        replace: "return one;",
        test: edge,
        named: `/%2fadmin ${counted}`,
      },
      {
        file: "src/policy/decide.ts",
        find: "return strictness(other) > strictness(one) ? other : one;",
        replace: "return other;",
        test: "test/policy/decide.test.ts",
        named: "the decision does not depend on the order of the readings",
      },
      {
        file: "src/policy/decide.ts",
        find: "decideReading(site, findRoute(site.app, reading), identity, incoming, reading, now)",
        replace: "decideReading(site, route, identity, incoming, reading, now)",
        test: edge,
        named: `//admin ${counted}`,
      },
    ],
  },
  {
    promise: "A path is judged by what its escapes stand for, and goes out unchanged, byte for byte.",
    mutations: [
      {
        file: path,
        find: "text: decodesToItself(first) ? String.fromCharCode(first) : spell(first),",
        replace: "text: spell(first),",
        test: edge,
        named: `/%61dmin ${counted}`,
      },
      {
        file: "src/upstream/target.ts",
        find: "stripPath(incoming.path, prefix) : incoming.path;",
        replace: "stripPath(incoming.path, prefix) : (incoming.readings[0] ?? incoming.path);",
        test: edge,
        named: `/Open/%41%7e ${unchanged}`,
      },
      {
        file: "src/upstream/target.ts",
        find: "stripPath(incoming.path, prefix) : incoming.path;",
        replace: 'stripPath(incoming.path, prefix) : incoming.path.replace(/\\/{2,}/g, "/");',
        test: edge,
        named: `/a//b/ ${unchanged}`,
      },
    ],
  },
  {
    promise: "The query takes no part in path rules, and goes out unchanged.",
    mutations: [
      {
        file: "src/http/target.ts",
        find: "{ path: target.slice(0, mark), query: target.slice(mark), authority }",
        replace: '{ path: target, query: "", authority }',
        test: edge,
        named: `/open?x=/../admin;%2e%2e%00 ${unchanged}`,
      },
    ],
  },
  {
    promise: "`/_vestibule/` is matched in every reading of the path, and never proxied, by request or by WebSocket.",
    mutations: [
      {
        file: "src/gateway/site.ts",
        find: "for (const reading of incoming.readings) if (isUnderPrefix(reading,",
        replace: "for (const reading of [incoming.path]) if (isUnderPrefix(reading,",
        test: edge,
        named: "/%5fvestibule/session belongs to the gateway and never reaches an upstream, public as everything is",
      },
      {
        file: "src/gateway/site.ts",
        find: "for (const reading of incoming.readings) if (isUnderPrefix(reading,",
        replace: "for (const reading of incoming.readings.slice(0, 1)) if (isUnderPrefix(reading,",
        test: edge,
        named: "//_vestibule/session belongs to the gateway and never reaches an upstream, public as everything is",
      },
      {
        file: "src/gateway/site.ts",
        find: 'isUnderPrefix(reading, "/_vestibule")',
        replace: 'reading.startsWith("/_vestibule/")',
        test: edge,
        named: "/_vestibule belongs to the gateway and never reaches an upstream, public as everything is",
      },
      {
        file: "src/gateway/handle-request.ts",
        find: "if (isControlPath(incoming)) serveControl",
        replace: "if (isControlPath(incoming) && !incoming.websocket) serveControl",
        test: "test/attack/websocket-handshakes.test.ts",
        named: "a handshake under /_vestibule/ opens no tunnel to the app, signed in or not",
      },
    ],
  },
];
