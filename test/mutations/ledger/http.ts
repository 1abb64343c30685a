import type { Chapter } from "../promise.ts";

/** HTTP (RFC 9110, 9112): each promise, and the tests that would notice if it were broken. */
export const http: Chapter = {
  title: "HTTP (RFC 9110, 9112)",
  promises: [
    {
      promise: "However many requests a client pipelines, one is under way for each connection, and all are answered in order.",
      tests: {
        "test/http/listener/pipelining.test.ts": [
          "a thousand pipelined requests are begun one by one and answered in order (TLS: true)",
          "what nobody reads is not begun, and holds nothing but bytes",
        ],
      },
    },
    {
      promise:
        "An address of the gateway's own that does not exist, or a caller over a limit, costs no body; what is read costs one buffer.",
      tests: {
        "test/attack/control-bodies.test.ts": ["a caller over the limit costs no body: 429"],
        "test/http/web-exchange.test.ts": [
          "a body of one-byte chunks arrives whole, and is refused where the pieces cost more than what they hold",
        ],
      },
    },
    {
      promise: "The framing of a forwarded request is the gateway's own, made from the bytes that are relayed.",
      tests: {
        "test/attack/upstream-one-request.test.ts": [
          "a POST with Content-Length is one request upstream, by the same length",
          "a chunked POST whose body looks like a request is one request upstream",
        ],
        "test/upstream/answers.test.ts": ["the operator's edits of the answer remove and set"],
      },
    },
    {
      promise: "Content-Length together with Transfer-Encoding is refused.",
      tests: { "test/http/read-incoming.test.ts": ["both framings: malformed"] },
    },
    {
      promise: "A repeated Content-Length is refused, equal or not.",
      tests: { "test/http/read-incoming.test.ts": ["two lengths: malformed"] },
    },
    {
      promise: "A Content-Length that is not plainly a number (signed, listed, with leading zeros, empty, beyond 2^53) is refused.",
      tests: {
        "test/attack/http-framing.test.ts": [
          "a length with leading zeros: refused, closed, and nothing reaches the upstream",
          "a length beyond 2^53: refused, closed, and nothing reaches the upstream",
        ],
        "test/http/read-incoming.test.ts": ["a signed length: malformed", "a list of lengths: malformed", "no digits: malformed"],
      },
    },
    {
      promise: "Any Transfer-Encoding but exactly `chunked`, once, is refused.",
      tests: {
        "test/attack/http-framing.test.ts": [
          "Chunked in another case: refused, closed, and nothing reaches the upstream",
          "gzip, chunked: refused, closed, and nothing reaches the upstream",
        ],
        "test/http/read-incoming.test.ts": ["no coding, said: malformed", "chunked in two fields: malformed"],
      },
    },
    {
      promise: "Transfer-Encoding in an HTTP/1.0 request is refused.",
      tests: { "test/attack/http-framing.test.ts": ["Transfer-Encoding in HTTP/1.0 is refused"] },
    },
    {
      promise: "Chunks are read to the letter: no lenient sizes, line ends or signs.",
      tests: {
        "test/attack/http-framing.test.ts": [
          "a chunk with a size followed by a space: the connection ends, and the smuggled request is never seen",
        ],
      },
    },
    {
      promise: "The connection of a refused request is closed: what follows on it is no request.",
      tests: {
        "test/attack/http-requests.test.ts": [
          "an absolute target for another host: 400, the connection closes, nothing reaches the upstream",
        ],
        "test/attack/http-framing.test.ts": ["Content-Length with Transfer-Encoding: refused, closed, and nothing reaches the upstream"],
      },
    },
    {
      promise: "HTTP/0.9 and `HTTP/2.0` request lines are refused.",
      tests: {
        "test/attack/http-requests.test.ts": [
          "HTTP/2.0: 400, the connection closes, nothing reaches the upstream",
          "HTTP/0.9, named: 400, the connection closes, nothing reaches the upstream",
        ],
      },
    },
    {
      promise: "A request without a Host is refused, also in HTTP/1.0 and beside an absolute target.",
      tests: {
        "test/attack/http-requests.test.ts": [
          "no Host in HTTP/1.0: 400, the connection closes, nothing reaches the upstream",
          "an absolute target and no Host: 400, the connection closes, nothing reaches the upstream",
        ],
      },
    },
    {
      promise: "A request with several Hosts is refused, equal or not; so is one with several Authorization or Origin fields.",
      tests: {
        "test/attack/http-requests.test.ts": [
          "two equal Hosts: 400, the connection closes, nothing reaches the upstream",
          "two different Hosts: 400, the connection closes, nothing reaches the upstream",
          "two Authorization fields: 400, the connection closes, nothing reaches the upstream",
          "two Origin fields: 400, the connection closes, nothing reaches the upstream",
        ],
      },
    },
    {
      promise: "More than 100 header fields are refused (431), and none of them is taken away before they are counted.",
      tests: {
        "test/attack/http-requests.test.ts": [
          "101 header fields: 431, the connection closes, nothing reaches the upstream",
          "100 header fields: forwarded as one request",
        ],
      },
    },
    {
      promise: "A target over 8 KiB is refused (414).",
      tests: {
        "test/attack/http-requests.test.ts": [
          "a target of more than 8 KiB: 414, the connection closes, nothing reaches the upstream",
          "a target of 60 KiB: 414, the connection closes, nothing reaches the upstream",
        ],
      },
    },
    {
      promise: "Header fields over 16 KiB are refused (431).",
      tests: {
        "test/attack/http-requests.test.ts": [
          "more than 16 KiB of header fields: 431, the connection closes, nothing reaches the upstream",
        ],
      },
    },
    {
      promise: "The authority of an absolute-form target and Host must agree, port included; user info and other schemes are refused.",
      tests: {
        "test/attack/http-requests.test.ts": [
          "an absolute target for another host: 400, the connection closes, nothing reaches the upstream",
          "an absolute target with another port: 400, the connection closes, nothing reaches the upstream",
          "an absolute target with user info: 400, the connection closes, nothing reaches the upstream",
          "an absolute target of another scheme: 400, the connection closes, nothing reaches the upstream",
        ],
      },
    },
    {
      promise: "CONNECT, TRACE, `OPTIONS *` and methods of other protocols never reach an upstream.",
      tests: {
        "test/attack/http-requests.test.ts": [
          "CONNECT with a path: 405, the connection closes, nothing reaches the upstream",
          "TRACE: 405, the connection closes, nothing reaches the upstream",
          "RTSP: 405, the connection closes, nothing reaches the upstream",
          "OPTIONS *: 405, the connection closes, nothing reaches the upstream",
        ],
      },
    },
    {
      promise:
        "`Expect: 100-continue`: whoever is refused gets that answer before any 100, and nobody is asked for a body that nothing will take.",
      tests: {
        "test/attack/refused-uploads.test.ts": [
          "a refused body held back for a 100 that never comes: answered at once, and the connection ends",
        ],
        "test/upstream/upload.test.ts": [
          "with a dead upstream the client gets its answer without a 100",
          "with a body that is declared too large the client gets its answer without a 100",
        ],
      },
    },
    {
      promise: "An expectation that is unknown is refused (417).",
      tests: {
        "test/attack/http-requests.test.ts": [
          "an expectation nobody knows: 417, the connection closes, nothing reaches the upstream",
          "100-continue among others: 417, the connection closes, nothing reaches the upstream",
        ],
      },
    },
    {
      promise: "Hop-by-hop fields of a client, and those that its Connection names, go no further.",
      tests: { "test/attack/upstream-hop-by-hop.test.ts": ["hop-by-hop fields and those that Connection names go no further"] },
    },
    {
      promise: "Hop-by-hop fields of an upstream, and those that its Connection names, do not reach the client.",
      tests: {
        "test/attack/upstream-hop-by-hop.test.ts": [
          "an upstream's hop-by-hop fields, and those that its Connection names, do not reach the client",
        ],
      },
    },
    {
      promise: "The same holds for upgrades, in both directions.",
      tests: {
        "test/upstream/upgrade.test.ts": [
          "a handshake goes up rebuilt, and bytes pass both ways afterwards, early ones included",
          "our own cookies and hop-by-hop fields do not come with a 101",
        ],
      },
    },
    {
      promise: "Naming an identity or forwarding header, Host, Cookie or Authorization in Connection takes nothing away.",
      tests: {
        "test/attack/upstream-hop-by-hop.test.ts": [
          "naming Remote-User in Connection takes nothing away",
          "naming X-Forwarded-For in Connection takes nothing away",
          "naming Host in Connection takes nothing away",
          "naming Cookie in Connection takes nothing away",
          "naming Authorization in Connection takes nothing away",
        ],
      },
    },
    {
      promise: "Naming the framing in Connection changes nothing, in either direction.",
      tests: {
        "test/attack/upstream-hop-by-hop.test.ts": ["an upstream cannot unframe its answer by naming Content-Length in Connection"],
        "test/attack/upstream-one-request.test.ts": ["Connection naming Content-Length does not change the framing"],
      },
    },
    {
      promise: "Trailers are dropped, the client's and the upstream's.",
      tests: {
        "test/attack/upstream-one-request.test.ts": ["the sender's trailers are dropped", "Trailer and TE does not change the framing"],
        "test/attack/upstream-hop-by-hop.test.ts": ["an upstream's trailers do not reach the client"],
      },
    },
    {
      promise: "An upgrade is a GET in HTTP/1.1 without a body.",
      tests: {
        "test/attack/websocket-handshakes.test.ts": [
          "POST: refused and closed, and what follows is no request",
          "HTTP/1.0: refused and closed, and what follows is no request",
          "a body with a length: refused and closed, and what follows is no request",
        ],
      },
    },
    {
      promise: "It names exactly one token, `websocket`, in one field, and Connection says `upgrade`.",
      tests: {
        "test/attack/websocket-handshakes.test.ts": [
          "two tokens, ours last: refused and closed, and what follows is no request",
          "a token with a version: refused and closed, and what follows is no request",
          "two Upgrade fields: refused and closed, and what follows is no request",
          "a Connection without upgrade: refused and closed, and what follows is no request",
        ],
      },
    },
    {
      promise: "Its key and its version are what RFC 6455 says, once each.",
      tests: {
        "test/attack/websocket-handshakes.test.ts": [
          "another version: refused and closed, and what follows is no request",
          "a key of another length: refused and closed, and what follows is no request",
          "two keys: refused and closed, and what follows is no request",
          "two versions: refused and closed, and what follows is no request",
        ],
      },
    },
    {
      promise: "An upgrade to anything else is a plain request, and the connection ends after it.",
      tests: {
        "test/attack/websocket-handshakes.test.ts": ["an upgrade to h2c is a plain request; the connection ends after it"],
        "test/attack/upstream-hop-by-hop.test.ts": ["hop-by-hop fields and those that Connection names go no further"],
      },
    },
    {
      promise:
        "The tunnel opens only after the upstream's own 101 to `websocket`: not a byte of the client's goes up before, or after another answer.",
      tests: {
        "test/attack/upstream-websocket-smuggling.test.ts": [
          "after 426 nothing of the client's reaches the upstream any more",
          "after 101 to another protocol nothing of the client's reaches the upstream any more",
          "after 101 to several protocols nothing of the client's reaches the upstream any more",
          "after status 099 nothing of the client's reaches the upstream any more",
          "after 101 without Upgrade nothing of the client's reaches the upstream any more",
          "after 200 that claims to upgrade nothing of the client's reaches the upstream any more",
        ],
      },
    },
    {
      promise: "Any other status is relayed as a plain answer, and the connection closed.",
      tests: { "test/upstream/upgrade.test.ts": ["any other answer with a length is relayed as an answer, and the connection closed"] },
    },
    {
      promise: "A refused handshake closes the connection: what follows is no request.",
      tests: {
        "test/attack/websocket-handshakes.test.ts": ["a clean handshake without a session: 401, closed, and what follows is no request"],
      },
    },
    {
      promise: "An error listener sits on the socket before the first wait, on both ways that lead to one.",
      tests: {
        "test/http/listener/connections.test.ts": [
          "the socket of a handshake has an error listener before anybody is asked",
          "the socket of CONNECT has an error listener before anybody is asked",
        ],
        "test/upstream/upgrade.test.ts": ["a client that resets while its handshake is under way does no harm"],
      },
    },
    {
      promise: "An upstream's answer with two framings, or a coding other than `chunked`, becomes a 502.",
      tests: {
        "test/attack/upstream-malformed-answers.test.ts": [
          "a transfer coding that is not chunked becomes a 502, and the connection is not used again",
          "chunked twice becomes a 502, and the connection is not used again",
          "chunked in HTTP/1.0 becomes a 502, and the connection is not used again",
        ],
      },
    },
    {
      promise: "So does one with a bad status line, status 099, or a 101 that was not asked for.",
      tests: {
        "test/attack/upstream-malformed-answers.test.ts": [
          "HTTP/2.0 in the status line becomes a 502, and the connection is not used again",
          "HTTP/0.9 in the status line becomes a 502, and the connection is not used again",
        ],
        "test/upstream/relay-answer.test.ts": [
          "an interim answer with status 99 is malformed",
          "an interim answer with status 101 is malformed",
        ],
      },
    },
    {
      promise: "So does one whose head is larger than 64 KiB.",
      tests: {
        "test/attack/upstream-malformed-answers.test.ts": [
          "a head of more than 64 KiB becomes a 502, and the connection is not used again",
        ],
      },
    },
    {
      promise: "Bytes behind the end of an answer are no visitor's next answer.",
      tests: {
        "test/attack/upstream-malformed-answers.test.ts": ["a body where there may be none is not taken for the next visitor's answer"],
      },
    },
    {
      promise: "A body that ends early closes the client's connection by a reset; it never looks whole, and nothing is appended.",
      tests: {
        "test/attack/upstream-truncation.test.ts": [
          "a length not reached, then FIN: the client's connection is broken off",
          "chunks without the last, then FIN: the client's connection is broken off",
          "a bad chunk size in the middle: the client's connection is broken off",
        ],
        "test/upstream/upgrade.test.ts": ["the last chunk never comes: the client sees no proper ending"],
      },
    },
    {
      promise: "A reset in the middle of an answer without a length, by HTTP/1.0 or 1.1, cuts it: only a FIN is its end.",
      tests: {
        "test/attack/upstream-truncation.test.ts": [
          'no length ("HTTP/1.0 200 OK\\r\\n\\r\\n"), …: the client\'s connection is broken off',
          "a handshake's plain answer without a length that is reset is cut too, from an HTTP/1.1 upstream",
          "an answer without a length that ends with FIN is whole, from an HTTP/1.0 upstream",
        ],
      },
    },
    {
      promise: "An answer that comes before the upload is over reaches the client, and both connections stay in order.",
      tests: {
        "test/upstream/upload.test.ts": [
          "an answer given before the upload is over reaches the client, and the next request works",
          "whoever goes on sending after an early answer is cut off",
        ],
        "test/e2e/early-answers.test.ts": ["413 Content Too Large at once reaches every one of curl's uploads"],
      },
    },
    {
      promise: "A request that is not idempotent is not sent again, with a body or without.",
      tests: {
        "test/attack/upstream-one-request.test.ts": [
          "a GET with a body, whose connection breaks before the answer, is not sent again",
          "a DELETE without a body, whose connection breaks before the answer, is not sent again",
        ],
      },
    },
    {
      promise: "An idempotent one is sent again only when an idle connection had been closed, and no byte of an answer has come.",
      tests: {
        "test/attack/upstream-one-request.test.ts": ["a GET on a fresh connection that breaks is not sent again"],
        "test/attack/upstream-malformed-answers.test.ts": [
          "half a head, and the connection closed becomes a 502, and the connection is not used again",
        ],
        "test/upstream/kept-connections.test.ts": [
          "eight kept connections that died: each of eight parallel GETs goes on until a new connection answers",
          "a POST is never sent twice",
        ],
      },
    },
    {
      promise:
        "NTLM and Negotiate authenticate one upstream connection, and that belongs to one visitor on one client connection and ends with it.",
      tests: {
        "test/attack/connection-authentication.test.ts": [
          "a handshake of NTLM in three steps works, and is good for this client connection alone",
          "visitors who share a client connection (a proxy before us) share no authentication",
          "the upstream connection ends with the client's",
        ],
        "test/e2e/apache-ntlm.test.ts": ["Apache with NTLM serves alice alone as alice"],
      },
    },
    {
      promise: "An upstream connection that spoke unasked, to the last byte that reached this machine, is closed before it is used again.",
      tests: {
        "test/attack/upstream-second-answers.test.ts": [
          "a second answer in a write of its own reaches no visitor",
          "a second answer that arrives while the next request is being judged reaches no visitor",
        ],
      },
    },
    {
      promise: "With `proxy.keepAlive: 0s` no upstream connection carries a second request.",
      tests: {
        "test/upstream/kept-connections.test.ts": ["keepAlive: 0s uses no upstream connection twice, and says so to the upstream"],
        "test/attack/upstream-second-answers.test.ts": ["with keepAlive: 0s no answer can reach another request, however late it comes"],
      },
    },
    {
      promise:
        "Addresses in an answer's fields are mapped back to where the visitor finds them; with `preserveHost: false` no field names the upstream.",
      tests: {
        "test/upstream/answer-addresses.test.ts": [
          "with stripPath, Location: ../../../next arrives as /api/next",
          "with stripPath, Service-Worker-Allowed: / arrives as /api/",
          "with preserveHost: false, Content-Security-Policy: default-src http://INSIDE 'self' arrives as",
          "benign twin: without either, Location: ../x passes byte for byte",
        ],
      },
    },
    {
      promise:
        "Interim answers go on within bounds (8 early hints of 16 KiB together, a 102 a second), and none to a client that is behind.",
      tests: {
        "test/attack/upstream-interim-floods.test.ts": [
          "a flood of early hints at a client that does not read leaves next to nothing to hold",
          "a flood of 102 at a client that does not read leaves next to nothing to hold",
          "benign twin: a few hints with a pause between and a 102 arrive, their addresses mapped",
        ],
      },
    },
    {
      promise:
        "Chunks of one byte hold no more than large ones, take turns with other visitors, and are refused beyond a megabyte of framing.",
      tests: {
        "test/attack/upstream-small-chunks.test.ts": [
          "an answer in chunks of one byte holds no more for a client that does not read than one in large chunks",
          "a flood of uploads in chunks of one byte takes turns with other visitors",
          "an upload whose framing is more than what it frames, by a megabyte and more, is refused",
          "benign twin: 100,000 chunks of one byte, and of sixteen, arrive whole both ways",
        ],
      },
    },
    {
      promise: "Users interleaved on shared connections, with uploads cut short in between, never mix.",
      tests: {
        "test/attack/upstream-interleaving.test.ts": ["hundreds of interleaved requests of two users, some of them aborted, never mix"],
        "test/attack/two-visitors.test.ts": ["visitors who ask at the same time over shared upstream connections never mix"],
        "test/attack/upstream-one-request.test.ts": ["an upload that breaks off never becomes a whole request"],
      },
    },
  ],
};
