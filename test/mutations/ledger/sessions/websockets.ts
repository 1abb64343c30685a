import type { SecurityPromise } from "../../mutation.ts";

export const webSockets: readonly SecurityPromise[] = [
  {
    promise: "A WebSocket handshake needs a session.",
    mutations: [
      {
        file: "src/policy/decide.ts",
        find: 'if (identity.kind === "anonymous")\n    return isOptional ?',
        replace: 'if (identity.kind === "anonymous")\n    return isOptional || incoming.websocket ?',
        test: "test/attack/websocket-handshakes.test.ts",
        named: "a clean handshake without a session: 401, closed, and what follows is no request",
      },
    ],
  },
  {
    promise: "A WebSocket handshake with a session needs the Origin of the app's own host, scheme and port; with a token it may have none.",
    mutations: [
      {
        file: "src/policy/decide.ts",
        find: 'if (identity.kind !== "known" || identity.via !== "session") return null;',
        replace: "return null;",
        test: "test/attack/websocket-handshakes.test.ts",
        named: "a clean handshake with a session and no Origin: 403, closed, and what follows is no request",
      },
      {
        file: "src/policy/decide.ts",
        find: 'if (identity.kind !== "known" || identity.via !== "session") return null;',
        replace: "",
        test: "test/policy/decide.test.ts",
        named: "a program with a token may open a WebSocket without an Origin",
      },
      {
        file: "src/policy/decide.ts",
        find: "if (isOwnOrigin(site, incoming.origin)) return null;",
        replace: "return null;",
        test: "test/attack/websocket-handshakes.test.ts",
        named: "a clean handshake from another origin: 403, closed, and what follows is no request",
      },
      {
        file: "src/policy/decide.ts",
        find: "if (isOwnOrigin(site",
        replace: 'if (incoming.origin === "null" || isOwnOrigin(site',
        test: "test/attack/websocket-handshakes.test.ts",
        named: "a clean handshake from the null origin: 403, closed, and what follows is no request",
      },
      {
        file: "src/policy/hosts.ts",
        find: "if (origin === formatOrigin(site.origin)) return true;",
        replace: "if (URL.parse(origin)?.host === new URL(formatOrigin(site.origin)).host) return true;",
        test: "test/attack/websocket-handshakes.test.ts",
        named: "a clean handshake from the own host over http: 403, closed, and what follows is no request",
      },
      {
        file: "src/policy/hosts.ts",
        find: "if (origin === formatOrigin(site.origin)) return true;",
        replace: "if (origin.startsWith(formatOrigin(site.origin))) return true;",
        test: "test/attack/websocket-handshakes.test.ts",
        named: "a clean handshake from a name that begins like ours: 403, closed, and what follows is no request",
      },
      {
        file: "src/policy/hosts.ts",
        find: "if (origin === formatOrigin(site.origin)) return true;",
        replace: "if (URL.parse(origin)?.hostname === site.origin.hostname) return true;",
        test: "test/policy/decide.test.ts",
        named: "a WebSocket from another port: refuse",
      },
      {
        file: "src/policy/hosts.ts",
        find: "if (origin === formatOrigin(site.origin)) return true;",
        replace: 'if (URL.parse(origin)?.hostname.endsWith(site.origin.hostname.replace(/^[^.]+/, ""))) return true;',
        test: "test/policy/decide.test.ts",
        named: "a WebSocket from a sibling host: refuse",
      },
    ],
  },
  {
    promise: "A listed Origin is another host that the same app names exactly: never another host under a wildcard.",
    mutations: [
      {
        file: "src/policy/hosts.ts",
        find: '!hostname.startsWith("*.") && origin === formatOrigin({ ...site.origin, hostname })',
        replace: 'origin.endsWith(hostname.replace(/^\\*/, ""))',
        test: "test/policy/decide.test.ts",
        named: "a WebSocket from a page of another host under the app's wildcard: refuse",
      },
    ],
  },
  {
    promise: "A foreign page opens no WebSocket to a public path either.",
    mutations: [
      {
        file: "src/policy/decide.ts",
        find: "const unfit = incoming.websocket ? websocketRefusal(site, route, incoming, identity) : null;",
        replace:
          "const unfit = incoming.websocket && !route.isPublic(incoming.method, reading) ? websocketRefusal(site, route, incoming, identity) : null;",
        test: "test/policy/decide.test.ts",
        named: "a foreign page may not open a WebSocket to a public path either",
      },
    ],
  },
];
