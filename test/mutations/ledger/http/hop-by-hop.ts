import type { SecurityPromise } from "../../mutation.ts";

const edge = "test/attack/upstream-hop-by-hop.test.ts";
const request = "src/upstream/request-headers.ts";
const response = "src/upstream/response-headers.ts";
const hops = "src/upstream/hop-by-hop.ts";

export const httpHopByHop: readonly SecurityPromise[] = [
  {
    promise: "Hop-by-hop fields of a client, and those that its Connection names, go no further.",
    mutations: [
      {
        file: request,
        find: ' || isHopByHop(folded)) return "drop";',
        replace: ') return "drop";',
        test: edge,
        named: "hop-by-hop fields and those that Connection names go no further",
      },
      {
        file: request,
        find: "if (connection !== null) removeNamed(headers, connection);",
        replace: "",
        test: edge,
        named: "hop-by-hop fields and those that Connection names go no further",
      },
      {
        file: request,
        find: "connection ??= [];",
        replace: "connection = [];",
        test: edge,
        named: "hop-by-hop fields and those that Connection names go no further",
      },
    ],
  },
  {
    promise: "Hop-by-hop fields of an upstream, and those that its Connection names, do not reach the client.",
    mutations: [
      {
        file: response,
        find: 'return isHopByHop(lower) ? "drop" : "pass";',
        replace: 'return "pass";',
        test: edge,
        named: "an upstream's hop-by-hop fields, and those that its Connection names, do not reach the client",
      },
      {
        file: response,
        find: "if (connection !== null) removeNamed(headers, connection);",
        replace: "",
        test: edge,
        named: "an upstream's hop-by-hop fields, and those that its Connection names, do not reach the client",
      },
    ],
  },
  {
    promise: "The same holds for upgrades, in both directions.",
    mutations: [
      {
        file: "src/upstream/upgrade-handshake.ts",
        find: 'headers.push("Connection", "Upgrade", "Upgrade", "websocket");',
        replace: "headers.push(...plan.incoming.rawHeaders.slice(2));",
        test: "test/upstream/upgrade.test.ts",
        named: "a handshake goes up rebuilt, and bytes pass both ways afterwards, early ones included",
      },
      {
        file: request,
        find: "if (connection !== null) removeNamed(headers, connection);",
        replace: "if (connection !== null && !incoming.websocket) removeNamed(headers, connection);",
        test: "test/upstream/upgrade.test.ts",
        named: "a handshake goes up rebuilt, and bytes pass both ways afterwards, early ones included",
      },
      {
        file: "src/upstream/forward-upgrade.ts",
        find: "const { headers } = machinery.buildResponseHeaders(response.rawHeaders, { status: 101, edits, setCookie: plan.setCookie });",
        replace: "const headers = response.rawHeaders;",
        test: "test/upstream/upgrade.test.ts",
        named: "our own cookies and hop-by-hop fields do not come with a 101",
      },
    ],
  },
  {
    promise: "Naming an identity or forwarding header, Host, Cookie or Authorization in Connection takes nothing away.",
    mutations: [
      {
        file: request,
        find: "    writeOurs(headers, plan, peer, edits);\n",
        replace: "    writeOurs(headers, plan, peer, edits);\n    if (connection !== null) removeNamed(headers, connection);\n",
        test: edge,
        named: "naming Remote-User in Connection takes nothing away",
      },
      {
        file: request,
        find: "    writeOurs(headers, plan, peer, edits);\n",
        replace: "    writeOurs(headers, plan, peer, edits);\n    if (connection !== null) removeNamed(headers, connection);\n",
        test: edge,
        named: "naming X-Forwarded-For in Connection takes nothing away",
      },
      { file: hops, find: '["host", ', replace: "[", test: edge, named: "naming Host in Connection takes nothing away" },
      { file: hops, find: '"cookie", "set-cookie", ', replace: "", test: edge, named: "naming Cookie in Connection takes nothing away" },
      { file: hops, find: ', "authorization"]', replace: "]", test: edge, named: "naming Authorization in Connection takes nothing away" },
    ],
  },
  {
    promise: "Naming the framing in Connection changes nothing, in either direction.",
    mutations: [
      {
        file: hops,
        find: '"content-length", ',
        replace: "",
        test: edge,
        named: "an upstream cannot unframe its answer by naming Content-Length in Connection",
      },
      {
        file: request,
        find: 'if (incoming.body.kind === "length" && incoming.body.bytes > 0)',
        replace: 'if (!connection?.includes("content-length") && incoming.body.kind === "length" && incoming.body.bytes > 0)',
        test: "test/attack/upstream-one-request.test.ts",
        named: "Connection naming Content-Length does not change the framing",
      },
    ],
  },
  {
    promise: "Trailers are dropped, the client's and the upstream's.",
    mutations: [
      {
        file: "src/upstream/upload.ts",
        find: "    stream.push(null);",
        replace: '    stream.push(request.rawTrailers.join(":"));\n    stream.push(null);',
        test: "test/attack/upstream-one-request.test.ts",
        named: "the sender's trailers are dropped",
      },
      {
        file: hops,
        find: '  "trailer",\n',
        replace: "",
        test: "test/attack/upstream-one-request.test.ts",
        named: "Trailer and TE does not change the framing",
      },
      {
        file: "src/upstream/forward-request.ts",
        find: "onResponseEnd: () => relayEnd(exchange),",
        replace: "onResponseEnd: (_, trailers) => {\n      exchange.response.addTrailers(trailers);\n      relayEnd(exchange);\n    },",
        test: edge,
        named: "an upstream's trailers do not reach the client",
      },
    ],
  },
];
