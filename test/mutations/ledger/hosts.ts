import type { Chapter } from "../promise.ts";

/** Hosts and paths: each promise, and the tests that would notice if it were broken. */
export const hosts: Chapter = {
  title: "Hosts and paths",
  promises: [
    {
      promise: "A path with a backslash, a `#`, or a control character (NUL too, encoded or not) is refused.",
      tests: {
        "test/attack/paths.test.ts": [
          "/open\\admin is ambiguous and refused",
          "/admin%00 is ambiguous and refused",
          "/open%0d%0aX:y is ambiguous and refused",
          "/open%7f is ambiguous and refused",
        ],
        "test/attack/http-requests.test.ts": ["a fragment in the query: 400, the connection closes, nothing reaches the upstream"],
      },
    },
    {
      promise:
        "A path with a dot segment is refused, in whatever encoding: plain, escaped once or twice, before a parameter, between any slashes.",
      tests: {
        "test/attack/paths.test.ts": [
          "/open/../admin is ambiguous and refused",
          "/open/%2e/admin is ambiguous and refused",
          "/open/.. is ambiguous and refused",
          "/open/..;/admin is ambiguous and refused",
          "/open/..%2fadmin is ambiguous and refused",
          "/open/%252e%252e/admin is ambiguous and refused",
        ],
      },
    },
    {
      promise: "An invalid or overlong percent sequence is refused: broken digits, overlong UTF-8, surrogates, what lies beyond Unicode.",
      tests: {
        "test/attack/paths.test.ts": [
          "/%zz is ambiguous and refused",
          "/%c0%afadmin is ambiguous and refused",
          "/%e0%80%afadmin is ambiguous and refused",
          "/%ed%a0%80 is ambiguous and refused",
          "/%f5%80%80%80 is ambiguous and refused",
        ],
      },
    },
    {
      promise:
        "Where upstreams may read a path in several ways (`%2f`, `%5c`, `;`, `//`, a second decoding), the rules judge every reading.",
      tests: {
        "test/attack/paths.test.ts": [
          "/%2Fadmin may be the admin's page to an upstream, so its rules count",
          "/%5cadmin may be the admin's page to an upstream, so its rules count",
          "/;x/admin may be the admin's page to an upstream, so its rules count",
          "/%3bx/admin may be the admin's page to an upstream, so its rules count",
          "///admin//x may be the admin's page to an upstream, so its rules count",
          "/%2561dmin may be the admin's page to an upstream, so its rules count",
        ],
        "test/lib/path.test.ts": ["parameters are cut before and after slashes are decoded, escaped ones too"],
      },
    },
    {
      promise: "The strictest decision over all readings counts, in whatever order they come.",
      tests: {
        "test/attack/paths.test.ts": [
          "/%2fadmin may be the admin's page to an upstream, so its rules count",
          "//admin may be the admin's page to an upstream, so its rules count",
        ],
        "test/policy/decide.test.ts": ["the decision does not depend on the order of the readings"],
      },
    },
    {
      promise: "A path is judged by what its escapes stand for, and goes out unchanged, byte for byte.",
      tests: {
        "test/attack/paths.test.ts": [
          "/%61dmin may be the admin's page to an upstream, so its rules count",
          "/Open/%41%7e is open and goes out byte for byte",
          "/a//b/ is open and goes out byte for byte",
        ],
      },
    },
    {
      promise: "The query takes no part in path rules, and goes out unchanged.",
      tests: { "test/attack/paths.test.ts": ["/open?x=/../admin;%2e%2e%00 is open and goes out byte for byte"] },
    },
    {
      promise: "`/_vestibule/` is matched in every reading of the path, and never proxied, by request or by WebSocket.",
      tests: {
        "test/attack/paths.test.ts": [
          "/%5fvestibule/session belongs to the gateway and never reaches an upstream, public as everything is",
          "//_vestibule/session belongs to the gateway and never reaches an upstream, public as everything is",
          "/_vestibule belongs to the gateway and never reaches an upstream, public as everything is",
        ],
        "test/attack/websocket-handshakes.test.ts": ["a handshake under /_vestibule/ opens no tunnel to the app, signed in or not"],
      },
    },
    {
      promise: "Case, one trailing dot and the default port fold to one route and one cookie host.",
      tests: {
        "test/attack/hosts.test.ts": [
          "Host 'WIKI.Acme.Example' is the wiki, and the session's cookie counts there",
          "Host 'wiki.acme.example.' is the wiki, and the session's cookie counts there",
          "Host 'wiki.acme.example:80' is the wiki, and the session's cookie counts there",
        ],
      },
    },
    {
      promise: "They fold to one host in redirects, too: the configured one, whatever Host or X-Forwarded-Host says.",
      tests: {
        "test/attack/hosts.test.ts": [
          "whoever asks for Host 'WIKI.Acme.Example' is sent back from the login to the app's one address",
          "X-Forwarded-Host chooses neither the site nor the login's address",
        ],
      },
    },
    {
      promise: "Any other spelling of a host is malformed: 400.",
      tests: {
        "test/attack/hosts.test.ts": [
          "Host 'wiki.acme.example/evil' is malformed and refused",
          "Host 'u@wiki.acme.example' is malformed and refused",
          "Host 'wiki..acme.example' is malformed and refused",
          "Host 'aaaaaaaa",
          "Host 'a.a.a.a",
          "Host 'wiki.acme.example:080' is malformed and refused",
          "Host 'wiki.acme.example:' is malformed and refused",
          "Host 'wiki.acme.example:65536' is malformed and refused",
          "Host '[::1' is malformed and refused",
        ],
      },
    },
    {
      promise: "A host that is not configured, or a port that is not the site's, is 421 and never reaches a default upstream.",
      tests: {
        "test/attack/hosts.test.ts": [
          "evil.example is nobody's: 421, and no default upstream hears of it",
          "wiki.acme.example:1 is nobody's: 421, and no default upstream hears of it",
          "the auth origin's host serves nothing but the gateway's own pages",
        ],
      },
    },
    {
      promise: "Wildcards match one label, on label borders, and never the host where people sign in.",
      tests: {
        "test/attack/hosts.test.ts": ["a.b.apps.acme.example is nobody's: 421, and no default upstream hears of it"],
        "test/policy/route-table.test.ts": [
          '*.acme.example does not cover "crm-acme.example"',
          '*.acme.example does not cover ".acme.example"',
          "the auth host is a site of its own, and no wildcard puts an app on it",
        ],
      },
    },
    {
      promise: "The most specific host wins, whatever the order in the file.",
      tests: { "test/policy/route-table.test.ts": ["hosts are found by the most specific name, the file read forwards"] },
    },
    {
      promise: "The longest path wins, on segment borders, whatever the order in the file.",
      tests: {
        "test/policy/route-table.test.ts": ["/admin/users belongs to the route /admin/users, whatever the order in the file"],
        "test/attack/paths.test.ts": ["/administrator is open and goes out byte for byte"],
      },
    },
    {
      promise: "Health lives on the admin listener alone; on a public one its paths are the app's, and a User-Agent means nothing.",
      tests: {
        "test/attack/hosts.test.ts": [
          "kube-probe/1.33 asking for / is a visitor like any other: a health check has the admin listener",
          "GoogleHC/1.0 asking for /readyz is a visitor like any other: a health check has the admin listener",
        ],
        "test/control/endpoints.test.ts": ["the admin listener answers health and metrics, and nothing else"],
      },
    },
  ],
};
