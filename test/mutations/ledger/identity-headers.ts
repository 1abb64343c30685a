import type { Chapter } from "../promise.ts";

/** Identity headers: each promise, and the tests that would notice if it were broken. */
export const identityHeaders: Chapter = {
  title: "Identity headers",
  promises: [
    {
      promise: "A caller's own identity header is deleted before ours are written, from requests and WebSocket handshakes.",
      tests: {
        "test/attack/identity-headers-arriving.test.ts": [
          "of a signed-in visitor arrives exactly what the session says",
          "of a WebSocket handshake too",
        ],
      },
    },
    {
      promise: "It is deleted on public and optional paths too, where no visitor is signed in.",
      tests: {
        "test/attack/identity-headers-arriving.test.ts": [
          "of a stranger on a public path arrives exactly what the session says",
          "of a stranger on an optional path arrives exactly what the session says",
        ],
      },
    },
    {
      promise: "A public path gets no identity at all, even of a visitor who is signed in.",
      tests: { "test/policy/decide.test.ts": ["passed without an identity"] },
    },
    {
      promise: "Names are compared after folding: case, `-`, `_`, `.` and every other sign make no difference.",
      tests: {
        "test/attack/identity-headers-arriving.test.ts": ["of a signed-in visitor arrives exactly what the session says"],
        "test/attack/identity-headers-names.test.ts": ["Remote-User is the gateway's in every spelling"],
      },
    },
    {
      promise: "Every identity header and assertion header named anywhere in the configuration is the gateway's on all apps.",
      tests: {
        "test/attack/identity-headers-names.test.ts": [
          "X-Department is the gateway's in every spelling",
          "a header that another app gets is taken from callers of every app",
        ],
        "test/attack/identity-headers-arriving.test.ts": [
          "a route with an assertion alone sends one, and it is not the caller's",
          "of a stranger on a public path arrives exactly what the session says",
        ],
      },
    },
    {
      promise:
        "So are the well-known ones, whether the configuration names them or not: `Remote-*`, `X-Forwarded-User` and its kin, `X-Auth-Request-*`, `X-WEBAUTH-*`, and those of authentik, Cloudflare Access, Google IAP, Pomerium, mod_auth_openidc, SiteMinder, Tailscale, AWS, Azure, Kong, of TLS proxies and others (`src/lib/header-names.ts`).",
      tests: {
        "test/attack/identity-headers-names.test.ts": [
          "Remote-Anything is the gateway's in every spelling",
          "X-Forwarded-User is the gateway's in every spelling",
          "X-Forwarded-Email is the gateway's in every spelling",
          "X-Forwarded-Groups is the gateway's in every spelling",
          "X-Forwarded-Preferred-Username is the gateway's in every spelling",
          "X-Auth-Request-User is the gateway's in every spelling",
          "X-WEBAUTH-USER is the gateway's in every spelling",
        ],
        "test/attack/moved-requests.test.ts": [
          "a stranger's X-Authentik-Username does not arrive",
          "a stranger's OIDC_CLAIM_sub does not arrive",
          "a stranger's SSL_CLIENT_S_DN does not arrive",
          "fields that applications and their clients use arrive, byte for byte",
        ],
      },
    },
    {
      promise: "A flood of invented names does not hide a managed one, however long.",
      tests: { "test/attack/identity-headers-names.test.ts": ["a flood of invented names neither hides a managed one nor grows for ever"] },
    },
    {
      promise: "The operator's plain header edits can not forge an identity header either.",
      tests: { "test/upstream/request-headers.test.ts": ["the operator's edits remove and set, but never touch identity or framing"] },
    },
    {
      promise: "A claim that is missing gives no header, and never the caller's.",
      tests: {
        "test/attack/identity-headers-arriving.test.ts": ["of a visitor without an address arrives exactly what the session says"],
        "test/upstream/identity-headers.test.ts": [
          "one of two missing in {name} <{email}>: null",
          "an attribute that every object has in {extra.constructor}: null",
        ],
      },
    },
    {
      promise: "Groups that are known to be none give an explicit empty header; groups that are not known refuse the request.",
      tests: {
        "test/upstream/identity-headers.test.ts": ["groups, none:"],
        "test/attack/identity-headers-arriving.test.ts": ["groups that nobody knows: refused, and nothing arrives"],
      },
    },
    {
      promise: "Values with CR, LF, NUL or another control character are refused.",
      tests: {
        "test/attack/identity-headers-values.test.ts": [
          "no control character gets into a header, encoded as utf8",
          "no control character gets into a header, encoded as percent",
          "no control character gets into a header, encoded as rfc8187",
        ],
        "test/attack/identity-headers-arriving.test.ts": [
          "a line break in a group: refused, and nothing arrives",
          "a NUL in the address: refused, and nothing arrives",
        ],
      },
    },
    {
      promise: "A value that cannot be sent as it is refuses the request; it is not repaired into another person's.",
      tests: {
        "test/attack/identity-headers-values.test.ts": [
          "a broken surrogate in the subject is refused, not repaired into somebody else",
          "why a header was refused names the header and never the value",
        ],
        "test/attack/identity-headers-arriving.test.ts": [
          "a subject with a space behind it: refused, and nothing arrives",
          "groups that nobody knows: refused, and nothing arrives",
          "a line break in the name: refused, and nothing arrives",
        ],
      },
    },
    {
      promise: "Text beyond ASCII travels by the configured encoding, and nothing decodes to another text than it was.",
      tests: {
        "test/attack/identity-headers-values.test.ts": [
          "benign twin: letters that a cut to one byte would",
          "a subject %61dmin does not decode to admin, encoded as percent",
          "a subject UTF-8''%61dmin does not decode to admin, encoded as rfc8187",
        ],
        "test/upstream/identity-headers.test.ts": ["letters outside ASCII travel as rfc8187"],
      },
    },
    {
      promise: "A separator inside a group's name, in any disguise, never makes a second group.",
      tests: {
        "test/attack/identity-headers-values.test.ts": [
          "a group named staff,admins stays one group between ,",
          "a group named staff%2Cadmins stays one group between ,",
          "whatever the names, splitting at the separator gives each group back, encoded as utf8",
          "whatever the names, splitting at the separator gives each group back, encoded as percent",
        ],
      },
    },
    {
      promise: "Sizes are capped by refusing (8 KiB each, 16 KiB together, as they travel); nothing is cut off or left out.",
      tests: {
        "test/upstream/identity-headers.test.ts": [
          "a value is measured in bytes as it travels",
          "headers that are too large together are refused, none is left out",
        ],
        "test/attack/identity-headers-arriving.test.ts": ["more groups than a header holds: refused, and nothing arrives"],
      },
    },
    {
      promise: "The gateway's own cookies never go upstream, whatever their prefix, case or ending.",
      tests: {
        "test/attack/cookies.test.ts": [
          "vestibule never goes upstream, its neighbours do",
          "__Secure-vestibule=x never goes upstream, its neighbours do",
          "VESTIBULE=x never goes upstream, its neighbours do",
          "vestibule-login-abc=x never goes upstream, its neighbours do",
        ],
      },
    },
    {
      promise: "All other cookies pass byte for byte.",
      tests: {
        "test/upstream/request-headers.test.ts": ["our own cookies are taken out, and all other bytes of the field stay"],
        "test/attack/cookies.test.ts": ["vestibules=x is the application's and passes byte for byte"],
      },
    },
    {
      promise: "An upstream can neither set nor clear one of our cookies, in any disguise.",
      tests: {
        "test/attack/cookies.test.ts": [
          "an application's Set-Cookie 'vestibule=evil' is dropped, its others pass",
          "an application's Set-Cookie '=vestibule=evil' is dropped, its others pass",
        ],
      },
    },
    {
      promise: "An `Authorization` that signed the caller in here is consumed; the application's own passes.",
      tests: { "test/upstream/request-headers.test.ts": ["a bearer token that signed the caller", "the application's own Authorization"] },
    },
    {
      promise: "A rule that fills `Authorization` takes the caller's away, on its own route.",
      tests: { "test/upstream/identity-headers.test.ts": ["a rule for Authorization takes the header from callers on its own route only"] },
    },
    {
      promise: "`Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `X-Original-*` and `X-Rewrite-URL` of a caller are deleted, in every spelling.",
      tests: {
        "test/attack/forwarded-headers.test.ts": [
          "X-Forwarded-Host: evil.example is deleted and changes nothing",
          "Forwarded: for=203.0.113.7 is deleted and changes nothing",
          "X-Original-URL: /admin is deleted and changes nothing",
          "X-Real-IP: 203.0.113.7 is deleted and changes nothing",
          "X-Rewrite-URL: /admin is deleted and changes nothing",
        ],
        "test/upstream/request-headers.test.ts": ["X_Real_IP does not arrive: CGI cannot tell it from the real one"],
      },
    },
    {
      promise:
        "So is every other known field by which applications take path, prefix, method, host, scheme, port or client address from a request (`SCRIPT_NAME`, `X-Scheme`, `CF-Connecting-IP` …), and `Proxy` (httpoxy).",
      tests: {
        "test/upstream/request-headers.test.ts": ["the client's forwarding fields are replaced by ours"],
        "test/attack/moved-requests.test.ts": [
          "a stranger's SCRIPT_NAME does not arrive",
          "a stranger's Front-End-Https does not arrive",
          "SCRIPT_NAME: /pub shows no page of another path",
        ],
      },
    },
    {
      promise: "The configuration cannot set what the gateway deletes or writes; one list says both.",
      tests: { "test/config/refused.test.ts": ["header-forwarding.yaml is refused for what it says, and for nothing else"] },
    },
    {
      promise: "Then our own are written.",
      tests: {
        "test/upstream/request-headers.test.ts": [
          "the client's forwarding fields are replaced by ours",
          "a trusted proxy's chain is kept from the client on, and the proxy added",
        ],
      },
    },
    {
      promise: "A trace context counts when it comes from `trustedProxies`; that of all others is replaced before the request goes on.",
      tests: {
        "test/e2e/tracing.test.ts": [
          "the upstream is told of our span, and not of the one that a stranger made up",
          "a trusted proxy's trace is carried on, with its state and its word on sampling",
        ],
      },
    },
    {
      promise:
        "Only `forwardAuth.peers` may ask about requests of their own; fields that could be their client's are refused, and every identity header is in the answer.",
      tests: {
        "test/attack/forward-auth.test.ts": [
          "finds nothing there, on a published host or on another",
          "could be the client's: no answer is given",
          "a member is allowed, with every identity header of the app in the answer",
        ],
        "test/e2e/forward-auth.test.ts": ["who is no admin is refused, however the address is written"],
      },
    },
    {
      promise: "A peer outside `trustedProxies` is the client itself, whatever it says, and cannot choose the request id.",
      tests: {
        "test/attack/forwarded-headers.test.ts": [
          "X-Forwarded-For: 203.0.113.7 is deleted and changes nothing",
          "its X-Request-Id is replaced",
        ],
      },
    },
    {
      promise: "Behind trusted proxies the client is the rightmost hop that is not one of them; an entry that is no address ends the walk.",
      tests: {
        "test/attack/forwarded-headers.test.ts": [
          "hops that the client made up stand left",
          "further trusted proxies stand right of",
          "a name instead of an address: the client is 127.0.0.1",
        ],
        "test/upstream/request-headers.test.ts": ["a trusted proxy's chain is kept from the client on, and the proxy added"],
      },
    },
    {
      promise: "IPv4-mapped IPv6 compares as IPv4, in addresses and in networks.",
      tests: {
        "test/attack/forwarded-headers.test.ts": ["network rules judge that client, mapped or not"],
        "test/lib/networks.test.ts": ["::ffff:10.0.0.0/104 holds 10.1.1.1 and not 11.1.1.1"],
      },
    },
  ],
};
