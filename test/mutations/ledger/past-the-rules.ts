import type { Chapter } from "../promise.ts";

/** What an application may take a request for besides what its request line says. */
export const pastTheRules: Chapter = {
  title: "Past the rules",
  promises: [
    {
      promise: "What COPY or MOVE names as its Destination is judged for this visitor like a write to it, in every reading.",
      tests: {
        "test/attack/second-resource.test.ts": [
          "nothing is planted where the visitor may not write, named by its address",
          "nothing is planted where the visitor may not write, named with an escaped slash",
          "from a public path nothing is planted anonymously",
          "where only reading is allowed, nothing is written by a copy either",
        ],
        "test/e2e/mod-dav.test.ts": [
          "real mod_dav behind TLS: bob copies where he may write, and plants nothing where he may not",
          "litmus, behind TLS, finds in mod_dav what it finds straight",
        ],
      },
    },
    {
      promise:
        "A rule for an inner path counts for what is done to a whole collection around it, at its source and at its Destination. What a body names (BIND, MERGE, a REPORT) is not judged.",
      tests: {
        "test/attack/second-resource.test.ts": [
          "a rule for an inner path counts for the whole collection: a copy takes it along, to where it can be read",
          "a rule for an inner path counts for the whole collection: a deletion ends it",
          "a rule for an inner path counts for the whole collection: a copy onto it plants an inner path, and removes what was there",
          "a stranger copies no collection out of which an inner path is not public",
        ],
      },
    },
    {
      promise: "What a field of an object store names as the source of a copy is judged for this visitor like a GET of it.",
      tests: {
        "test/attack/second-resource.test.ts": [
          "what X-Amz-Copy-Source: /dav/admin/secret names is judged like a GET of it",
          "of two sources each is judged, and what Swift names lies below the account",
        ],
      },
    },
    {
      promise: "A Destination on another host, at another upstream or under /_vestibule/ is 502, and nothing is asked (RFC 4918 9.8.5).",
      tests: {
        "test/attack/second-resource.test.ts": [
          "a Destination of https://other.example/dav/x: 502, and nothing goes upstream",
          "a Destination of https://wiki.acme.example/other/x: 502, and nothing goes upstream",
        ],
      },
    },
    {
      promise:
        "An app host's cookie is set only in a browser that began there and holds the session at the auth origin. Not promised: that a script of the app, run in a visitor's browser, cannot act there as that visitor, or lead that browser through the legs for another one.",
      tests: {
        "test/attack/login-binding.test.ts": [
          "what a script of the app saw of a victim's way opens the victim's session in no other browser",
        ],
        "test/browser/stolen-ticket.test.ts": [
          "a service worker of the app that carries home what it saw of a signed-in visitor's way opens no session there",
        ],
        "test/attack/control-bodies.test.ts": ["no service worker is fetched from the gateway's own addresses"],
      },
    },
    {
      promise:
        "A method named in a field or in the query is judged besides the request's own. One in a form's body is not seen: rules that tell methods apart do not hold where the app obeys such a form.",
      tests: {
        "test/attack/method-overrides.test.ts": [
          "X-HTTP-Method-Override: DELETE is judged as a DELETE, too",
          "X_HTTP_Method_Override: DELETE is judged as a DELETE, too",
          "?_method=DELETE is judged as a DELETE, too",
          "what is public for GET does not open for another method by name",
        ],
      },
    },
    {
      promise:
        "Rules count for the names that servers fold to one: case, Unicode compatibility forms, signs without a width, dots and blanks at the end, NTFS streams. Short names (`ADMIN~1`) and a server's own aliases are not covered: put such paths behind a rule for all.",
      tests: {
        "test/attack/folded-names.test.ts": [
          "/Admin is never served past the rules of /admin",
          "/admin::$DATA is never served past the rules of /admin",
          "/admin%20 is never served past the rules of /admin",
          "/ad%E2%80%8Bmin is never served past the rules of /admin",
          "rules written in capitals hold for every spelling, and open nothing more",
        ],
      },
    },
    {
      promise:
        "What is made for one visitor is private to shared caches, and where being signed in makes a difference it varies by cookie. A key of the route, or the operator's own Cache-Control, says otherwise.",
      tests: {
        "test/attack/shared-caches.test.ts": [
          "fields that speak to shared caches alone end here",
          "where being signed in only makes a difference, the answer is private to both and varies",
        ],
      },
    },
    {
      promise: "An app's Clear-Site-Data signs no visitor out of other hosts, and its Alt-Svc leads no browser past the gateway.",
      tests: { "test/attack/shared-caches.test.ts": ['Clear-Site-Data: "*" signs nobody out of other hosts'] },
    },
    {
      promise: "A request that an upstream sends back is refused at its first return, as long as Via comes back with it.",
      tests: { "test/attack/upstream-loop.test.ts": ["a request that comes back is 508 at its first return"] },
    },
    {
      promise: "A CORS preflight is answered without a login where the route says so, for listed origins only, and opens nothing.",
      tests: {
        "test/gateway/preflight.test.ts": [
          "a preflight from a listed origin is answered without a login, and never reaches the app",
          "another origin: the rules decide as ever",
        ],
      },
    },
    {
      promise: "One address holds so many connections and no more; trusted proxies are not counted.",
      tests: {
        "test/http/listener/per-address.test.ts": [
          "one address holds so many connections and no more; another finds a place, and a place given up is free again",
        ],
      },
    },
    {
      promise: "The admin listener answers to no name that a web page could bring along.",
      tests: {
        "test/admin/console-sign-on.test.ts": ["the listener asked for as 'evil.example:9090' answers 421"],
      },
    },
  ],
};
