import type { SecurityPromise } from "../../mutation.ts";

const edge = "test/attack/websocket-handshakes.test.ts";
const smuggling = "test/attack/upstream-websocket-smuggling.test.ts";
const relayed = "test/upstream/upgrade.test.ts";
const clean = "src/http/websocket-handshake.ts";
const asked = "src/upstream/upgrade-handshake.ts";
const forward = "src/upstream/forward-upgrade.ts";
const refused = "refused and closed, and what follows is no request";
const silent = "nothing of the client's reaches the upstream any more";

export const httpUpgrades: readonly SecurityPromise[] = [
  {
    promise: "An upgrade is a GET in HTTP/1.1 without a body.",
    mutations: [
      { file: clean, find: 'method === "GET" &&\n', replace: "", test: edge, named: `POST: ${refused}` },
      { file: clean, find: "httpMinor === 1 &&\n", replace: "", test: edge, named: `HTTP/1.0: ${refused}` },
      { file: clean, find: 'body.kind === "none" &&\n', replace: "", test: edge, named: `a body with a length: ${refused}` },
    ],
  },
  {
    promise: "It names exactly one token, `websocket`, in one field, and Connection says `upgrade`.",
    mutations: [
      {
        file: clean,
        find: 'fields.upgrade?.toLowerCase() === "websocket" &&\n',
        replace: "",
        test: edge,
        named: `two tokens, ours last: ${refused}`,
      },
      {
        file: clean,
        find: 'fields.upgrade?.toLowerCase() === "websocket"',
        replace: '/^websocket(?:\\/|$)/i.test(fields.upgrade ?? "")',
        test: edge,
        named: `a token with a version: ${refused}`,
      },
      {
        file: "src/http/fields.ts",
        find: 'fields.upgrade = joined(fields.upgrade, value, ", ");',
        replace: "fields.upgrade = value;",
        test: edge,
        named: `two Upgrade fields: ${refused}`,
      },
      {
        file: clean,
        find: '/(?:^|[\\s,])upgrade(?:$|[\\s,])/i.test(fields.connection ?? "") &&\n',
        replace: "",
        test: edge,
        named: `a Connection without upgrade: ${refused}`,
      },
    ],
  },
  {
    promise: "Its key and its version are what RFC 6455 says, once each.",
    mutations: [
      { file: clean, find: 'fields.webSocketVersion === "13" &&\n', replace: "", test: edge, named: `another version: ${refused}` },
      {
        file: clean,
        find: '/^[A-Za-z0-9+/]{22}==$/.test(fields.webSocketKey ?? "")',
        replace: "fields.webSocketKey !== null",
        test: edge,
        named: `a key of another length: ${refused}`,
      },
      {
        file: "src/http/fields.ts",
        find: "fields.webSocketKey = only(fields.webSocketKey, value, name);",
        replace: "fields.webSocketKey = value;",
        test: edge,
        named: `two keys: ${refused}`,
      },
      {
        file: "src/http/fields.ts",
        find: "fields.webSocketVersion = only(fields.webSocketVersion, value, name);",
        replace: "fields.webSocketVersion ??= value;",
        test: edge,
        named: `two versions: ${refused}`,
      },
    ],
  },
  {
    promise: "An upgrade to anything else is a plain request, and the connection ends after it.",
    mutations: [
      {
        file: "src/server.ts",
        find: "if (ignored.upgrade === req || state.draining) res.shouldKeepAlive = false;",
        replace: "if (state.draining) res.shouldKeepAlive = false;",
        test: edge,
        named: "an upgrade to h2c is a plain request; the connection ends after it",
      },
      {
        file: "src/upstream/hop-by-hop.ts",
        find: '  "upgrade",\n',
        replace: "",
        test: "test/attack/upstream-hop-by-hop.test.ts",
        named: "hop-by-hop fields and those that Connection names go no further",
      },
    ],
  },
  {
    promise:
      "The tunnel opens only after the upstream's own 101 to `websocket`: not a byte of the client's goes up before, or after another answer.",
    mutations: [
      {
        file: asked,
        find: "    asked.end();",
        replace: "    asked.write(handshake.head);\n    asked.end();",
        test: smuggling,
        named: `after 426 ${silent}`,
      },
      {
        file: asked,
        find: 'if (response.headers.upgrade?.toLowerCase() === "websocket") return',
        replace: "if (response.headers.upgrade !== undefined) return",
        test: smuggling,
        named: `after 101 to another protocol ${silent}`,
      },
      {
        file: asked,
        find: 'if (response.headers.upgrade?.toLowerCase() === "websocket") return',
        replace: 'if (response.headers.upgrade?.toLowerCase().startsWith("websocket")) return',
        test: smuggling,
        named: `after 101 to several protocols ${silent}`,
      },
      {
        file: asked,
        find: "if (response.httpVersionMajor !== 1 || status < 200) malformed",
        replace: "if (response.httpVersionMajor !== 1 || (status > 99 && status < 200)) malformed",
        test: smuggling,
        named: `after status 099 ${silent}`,
      },
      {
        file: asked,
        find: "if (response.httpVersionMajor !== 1 || status < 200) malformed",
        replace: "if (response.httpVersionMajor !== 1 || status < 100) malformed",
        test: smuggling,
        named: `after 101 without Upgrade ${silent}`,
      },
      {
        file: forward,
        find: "  socket.resume();",
        replace: "  answer.socket.write(handshake.head);\n  socket.pipe(answer.socket);",
        test: smuggling,
        named: `after 200 that claims to upgrade ${silent}`,
      },
    ],
  },
  {
    promise: "Any other status is relayed as a plain answer, and the connection closed.",
    mutations: [
      {
        file: forward,
        find: "response.shouldKeepAlive = false;",
        replace: "response.shouldKeepAlive = true;",
        test: relayed,
        named: "any other answer with a length is relayed as an answer, and the connection closed",
      },
      {
        file: forward,
        find: "  else socket.end();",
        replace: "",
        test: relayed,
        named: "any other answer with a length is relayed as an answer, and the connection closed",
      },
    ],
  },
  {
    promise: "A refused handshake closes the connection: what follows is no request.",
    mutations: [
      {
        file: "src/http/answer.ts",
        find: "  socket.end(Buffer.concat([",
        replace: "  socket.write(Buffer.concat([",
        test: edge,
        named: "a clean handshake without a session: 401, closed, and what follows is no request",
      },
    ],
  },
  {
    promise: "An error listener sits on the socket before the first wait, on both ways that lead to one.",
    mutations: [
      {
        file: "src/server.ts",
        find: 'socket.on("error", () => socket.destroy());',
        replace: "",
        test: "test/server/connections.test.ts",
        named: "the socket of a handshake has an error listener before anybody is asked",
      },
      {
        file: "src/server.ts",
        find: 'server.on("connect", onUpgrade);',
        replace: 'server.on("connect", deps.onUpgrade);',
        test: "test/server/connections.test.ts",
        named: "the socket of CONNECT has an error listener before anybody is asked",
      },
      {
        file: forward,
        find: 'socket.on("error", () => socket.destroy());',
        replace: "",
        test: relayed,
        named: "a client that resets while its handshake is under way does no harm",
      },
    ],
  },
];
