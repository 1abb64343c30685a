import type { SecurityPromise } from "../../mutation.ts";

const attack = "test/attack/forwarded-headers.test.ts";
const unit = "test/upstream/request-headers.test.ts";
const networks = "test/core/networks.test.ts";
const fields = "src/upstream/forwarding-headers.ts";
const client = "src/http/client-address.ts";

/** Who is calling, and what was asked for. */
export const identityForwarded: readonly SecurityPromise[] = [
  {
    promise: "`Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `X-Original-*` and `X-Rewrite-URL` of a caller are deleted, in every spelling.",
    mutations: [
      {
        file: fields,
        find: 'folded.startsWith("x-forwarded") || ',
        replace: "",
        test: attack,
        named: "X-Forwarded-Host: evil.example is deleted and changes nothing",
      },
      {
        file: fields,
        find: 'folded.startsWith("forwarded") || ',
        replace: "",
        test: attack,
        named: "Forwarded: for=203.0.113.7 is deleted and changes nothing",
      },
      {
        file: fields,
        find: 'folded.startsWith("x-original-") || ',
        replace: "",
        test: attack,
        named: "X-Original-URL: /admin is deleted and changes nothing",
      },
      { file: fields, find: '  "x-real-ip",\n', replace: "", test: attack, named: "X-Real-IP: 203.0.113.7 is deleted and changes nothing" },
      {
        file: fields,
        find: '  "x-rewrite-url",\n',
        replace: "",
        test: attack,
        named: "X-Rewrite-URL: /admin is deleted and changes nothing",
      },
      {
        file: "src/upstream/request-headers.ts",
        find: "return isForwardingName(folded)",
        replace: "return isForwardingName(lower)",
        test: unit,
        named: "X_Real_IP does not arrive: CGI cannot tell it from the real one",
      },
    ],
  },
  {
    promise: "So are their relatives that applications believe (`True-Client-IP`, `CF-Connecting-IP` and others), and `Proxy` (httpoxy).",
    mutations: [
      {
        file: fields,
        find: '  "true-client-ip",\n',
        replace: "",
        test: unit,
        named: "the client's forwarding fields are replaced by ours",
      },
      { file: fields, find: '  "proxy",\n', replace: "", test: unit, named: "the client's forwarding fields are replaced by ours" },
    ],
  },
  {
    promise: "Then our own are written.",
    mutations: [
      {
        file: fields,
        find: 'headers.push("X-Forwarded-For", chain.join(", "), ',
        replace: "headers.push(",
        test: unit,
        named: "the client's forwarding fields are replaced by ours",
      },
      {
        file: fields,
        find: '"X-Real-IP", incoming.client);',
        replace: '"X-Real-IP", peer);',
        test: unit,
        named: "a trusted proxy's chain is kept from the client on, and the proxy added",
      },
    ],
  },
  {
    promise: "A peer outside `trustedProxies` is the client itself, whatever it says, and cannot choose the request id.",
    mutations: [
      {
        file: client,
        find: "if (!last.peerTrusted || forwardedFor === null) return last;",
        replace: "if (forwardedFor === null) return last;",
        test: attack,
        named: "X-Forwarded-For: 203.0.113.7 is deleted and changes nothing",
      },
      {
        file: "src/http/read-incoming.ts",
        find: "id: peerTrusted && isSaneId",
        replace: "id: isSaneId",
        test: attack,
        named: "its X-Request-Id is replaced",
      },
      {
        file: fields,
        find: "const chain = incoming.peerTrusted ? believedChain(incoming, peer) : [peer];",
        replace:
          'const chain = believedChain(incoming, peer).concat(namedBy(incoming));\n  function namedBy({ rawHeaders }: Incoming) {\n    return rawHeaders.filter((_, at) => rawHeaders[at - 1] === "X-Forwarded-For");\n  }',
        test: attack,
        named: "X-Forwarded-For: 203.0.113.7 is deleted and changes nothing",
      },
    ],
  },
  {
    promise: "Behind trusted proxies the client is the rightmost hop that is not one of them; an entry that is no address ends the walk.",
    mutations: [
      {
        file: client,
        find: "if (!trusted.has(hop)) return client;",
        replace: "",
        test: attack,
        named: "hops that the client made up stand left",
      },
      {
        file: client,
        find: "    client = hop;\n    if (!trusted.has(hop)) return client;",
        replace: "    client = hop;\n    return client;",
        test: attack,
        named: "further trusted proxies stand right of",
      },
      {
        file: client,
        find: "if (hop === null) return client;",
        replace: "if (hop === null) {\n      end = comma;\n      continue;\n    }",
        test: attack,
        named: "a name instead of an address: the client is 127.0.0.1",
      },
      {
        file: fields,
        find: "[...hops.slice(from), peer]",
        replace: "[...hops, peer]",
        test: unit,
        named: "a trusted proxy's chain is kept from the client on, and the proxy added",
      },
    ],
  },
  {
    promise: "IPv4-mapped IPv6 compares as IPv4, in addresses and in networks.",
    mutations: [
      {
        file: "src/core/networks.ts",
        find: "if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return { family: 4, words: [words[3] ?? 0] };",
        replace: "",
        test: attack,
        named: "network rules judge that client, mapped or not",
      },
      {
        file: "src/core/networks.ts",
        find: "prefixBits: mapped ? bits - 96 : bits",
        replace: "prefixBits: bits",
        test: networks,
        named: "::ffff:10.0.0.0/104 holds 10.1.1.1 and not 11.1.1.1",
      },
    ],
  },
];
