import type { Chapter } from "../promise.ts";

/** Sessions, cookies, redirects, pages: each promise, and the tests that would notice if it were broken. */
export const sessions: Chapter = {
  title: "Sessions, cookies, redirects, pages",
  promises: [
    {
      promise: "An app's own, shorter limits end what is open on that app, too.",
      tests: {
        "test/attack/ended-sessions.test.ts": [
          "an app's own lifetime ends what is open on that app, and the session lives on",
          "an app's own idle limit ends what is open on that app, and the session lives on",
        ],
      },
    },
    {
      promise: "A personal token is kept as a hash alone: neither the store, nor its dump, nor a log line has the token.",
      tests: {
        "test/contract/session-store.test.ts": ["a token's record is found by the token's hash, in every process, and holds no token"],
        "test/e2e/personal-tokens-everywhere.test.ts": ["a store's dump has neither tokens nor their owners in it"],
        "test/e2e/personal-tokens.test.ts": ["a token goes to no application: not on public or optional paths"],
      },
    },
    {
      promise: "A personal token reaches no application, whether it was asked for or not.",
      tests: { "test/e2e/personal-tokens.test.ts": ["a token goes to no application: not on public or optional paths"] },
    },
    {
      promise:
        "An ended personal token is refused in every process, and what it opened is cut; a person who is revoked loses each of theirs.",
      tests: {
        "test/e2e/personal-tokens-everywhere.test.ts": [
          "a token that is ended by its owner at one instance is refused in every process, and its WebSocket is cut",
          "revoking a person ends sessions and tokens at all instances, and nobody else's",
        ],
      },
    },
    {
      promise: "A personal token has the groups of its person as last known, and never the strength of a login.",
      tests: {
        "test/e2e/personal-tokens.test.ts": ["groups that the person loses are lost with the token at the person's next login"],
        "test/identity/refresh.test.ts": ["a personal token whose provider looks after its account is renewed without a login's strength"],
      },
    },
    {
      promise:
        "A token is made and ended by its owner's own page alone, and personal tokens that are none are answered before the store is asked.",
      tests: {
        "test/e2e/personal-tokens.test.ts": ["no more are made than the file allows, each with a name, and only from the page's own form"],
        "test/e2e/personal-tokens-everywhere.test.ts": ["guesses are answered 429 before they reach the store"],
      },
    },
    {
      promise: "Over https the session cookie has the `__Host-` prefix.",
      tests: { "test/http/session-cookies.test.ts": ["over https the cookie is host-only, secure, out of scripts' reach and lax"] },
    },
    {
      promise: "Every cookie of ours is Secure.",
      tests: {
        "test/http/session-cookies.test.ts": ["over https the cookie is host-only, secure, out of scripts' reach and lax"],
        "test/login/flow/login.test.ts": ["every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax"],
      },
    },
    {
      promise: "Every cookie of ours is HttpOnly.",
      tests: {
        "test/http/session-cookies.test.ts": ["over https the cookie is host-only, secure, out of scripts' reach and lax"],
        "test/login/flow/login.test.ts": ["every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax"],
      },
    },
    {
      promise: "Every cookie of ours is SameSite=Lax.",
      tests: {
        "test/http/session-cookies.test.ts": ["over https the cookie is host-only, secure, out of scripts' reach and lax"],
        "test/login/flow/login.test.ts": ["every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax"],
      },
    },
    {
      promise: "Every cookie of ours is for Path=/ of one host: none has a Domain.",
      tests: {
        "test/http/session-cookies.test.ts": ["over https the cookie is host-only, secure, out of scripts' reach and lax"],
        "test/login/flow/login.test.ts": ["every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax"],
      },
    },
    {
      promise: "Deleting a cookie uses the attributes it was set with.",
      tests: {
        "test/http/session-cookies.test.ts": ["deleting uses the same name and attributes"],
        "test/login/flow/login.test.ts": ["every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax"],
      },
    },
    {
      promise: "A session cookie that was not issued here, or was altered, is no session.",
      tests: { "test/attack/cookies.test.ts": ["a changed signature: not signed in"] },
    },
    {
      promise: "A session cookie is good on one host only.",
      tests: {
        "test/attack/logout-forced.test.ts": ["cookies of another host's copy"],
        "test/http/session-cookies.test.ts": ["what is issued is read on that host and nowhere else"],
      },
    },
    {
      promise: "Two cookies of our name = not signed in.",
      tests: { "test/attack/cookies.test.ts": ["two session cookies: not signed in", "a good one and a bad one: not signed in"] },
    },
    {
      promise: "Two of another cookie of ours count as none.",
      tests: { "test/attack/login-binding.test.ts": ["a planted second binding cookie makes the browser nobody's"] },
    },
    {
      promise: "A login has a new session id: none that the browser brought along, none that follows from who logs in.",
      tests: {
        "test/attack/login-binding.test.ts": ["session fixation: an id that the visitor brings along is never the one that is signed in"],
        "test/contract/session-store.test.ts": ["the memory store ids are never the same and never derived from who logs in"],
      },
    },
    {
      promise: "A change of strength has a new session id, and the old one is dead.",
      tests: {
        "test/e2e/login-variants.test.ts": ["a rule that needs a stronger acr leads to a new login that asks for it, under a new session"],
        "test/login/flow/login.test.ts": ["with another strength, are two logins, and the later one counts"],
      },
    },
    {
      promise: "A session that an earlier login made is kept only for the very same person and only while it is a twin of this login.",
      tests: {
        "test/login/flow/login.test.ts": [
          "as another person, are two logins, and the later one counts",
          "a session past the app's own lifetime leads to a new login",
        ],
      },
    },
    {
      promise: "A new login ends this browser's older session of the provider.",
      tests: {
        "test/login/flow/login.test.ts": ["a new login has a new session id and ends this browser's older session of the provider"],
      },
    },
    {
      promise: "Absolute lifetime is never extended by activity.",
      tests: {
        "test/contract/session-store.test.ts": ["the memory store an active session outlives its idle limit, and never its lifetime"],
        "test/sessions/redis/store.test.ts": ["redis itself lets sessions expire, and never later than their absolute end"],
      },
    },
    {
      promise: "Absolute lifetime is never extended by a refresh.",
      tests: {
        "test/contract/session-store.test.ts": [
          "the memory store a renewed session has the new principal and tokens and the old limits",
          "the redis store a renewed session has the new principal and tokens and the old limits",
        ],
      },
    },
    {
      promise: "The provider's own end of a session caps it.",
      tests: { "test/contract/session-store.test.ts": ["the memory store the provider's own end of the session caps it"] },
    },
    {
      promise: "An app's own, shorter lifetime is never extended by activity there.",
      tests: {
        "test/identity/identify.test.ts": ["activity keeps a session good under an app's shorter idle limit, up to that app's lifetime"],
      },
    },
    {
      promise: "The absolute end holds for open connections too, though the store be silent.",
      tests: {
        "test/gateway/open-connections.test.ts": [
          "a connection ends with the session's absolute limit, and not before",
          "a connection ends with the app's own, shorter limit, and not before",
        ],
      },
    },
    {
      promise: "A visitor's logout ends the session, and with it every host's.",
      tests: { "test/logout/logout.test.ts": ["a link on the app's own page logs out at once, everywhere"] },
    },
    {
      promise: "A logout on the auth host ends all sessions of this browser.",
      tests: { "test/logout/logout.test.ts": ["logging out on the auth origin ends all sessions of this browser, and no other browser's"] },
    },
    {
      promise: "The app's own logout ends the session.",
      tests: {
        "test/gateway/app-logout.test.ts": ["the app's logout URL by a link on the app's own page: the app answers, then the session ends"],
      },
    },
    {
      promise: "A provider that cannot be left keeps no visitor signed in here.",
      tests: { "test/logout/logout.test.ts": ["a provider that cannot be left keeps nobody signed in here"] },
    },
    {
      promise: "A provider's back-channel logout ends the sessions it names.",
      tests: { "test/logout/logout.test.ts": ["a logout token that verifies ends the sessions it names, once"] },
    },
    {
      promise: "A provider's front-channel logout ends the session it names.",
      tests: { "test/logout/logout.test.ts": ["a front-channel message ends the provider session that it names"] },
    },
    {
      promise: "A revocation that arrives while a session is half begun ends it.",
      tests: { "test/sessions/redis/sessions.test.ts": ["a revocation that arrives while a session is half begun ends it"] },
    },
    {
      promise: "What one process ended, by logout, revocation or provider, every other refuses within a second.",
      tests: {
        "test/sessions/redis/store.test.ts": [
          "after its own logout in one process, another that knew the session refuses it within a second",
          "after its principal's revocation in one process, another that knew the session refuses it within a second",
          "after its provider's logout in one process, another that knew the session refuses it within a second",
        ],
        "test/sessions/redis/faults.test.ts": [
          "while only the messages are cut, a session revoked elsewhere is refused within a second or so",
        ],
      },
    },
    {
      promise: "A remembered session is believed only while messages are proven to arrive.",
      tests: {
        "test/sessions/cache.test.ts": [
          "read 901 ms ago with the messages proven after 0 ms: believed is false",
          "the age counts from the question, not from a late answer",
        ],
      },
    },
    {
      promise: "What was revoked while an answer was under way is not kept as good.",
      tests: { "test/sessions/cache.test.ts": ["an answer that a message about the session has overtaken is not kept"] },
    },
    {
      promise: "When messages and store are cut, a session is believed for the grace and no longer.",
      tests: { "test/sessions/cache.test.ts": ["a silent store beyond the grace: a failure"] },
    },
    {
      promise: "What was ended stays ended after a failover to a replica that had not heard of it.",
      tests: {
        "test/sessions/redis/sentinel.test.ts": ["a logout that no replica had heard of is said again to the one that is promoted"],
      },
    },
    {
      promise: "An emptied store forgets every session at once.",
      tests: { "test/sessions/redis/store.test.ts": ["an emptied redis forgets every session at once"] },
    },
    {
      promise: "WebSockets and event streams end with their session (within 5 s; in fact within one).",
      tests: {
        "test/attack/ended-sessions.test.ts": [
          "a WebSocket ends within a second of its session, at the client and at the upstream",
          "an event stream ends within a second of its session, at the client and at the upstream",
          "a connection that is watched already ends at once",
        ],
      },
    },
    {
      promise: "An open connection ends with its session in whichever process that was ended.",
      tests: {
        "test/sessions/redis/store.test.ts": [
          "after its own logout in one process, another that knew the session refuses it within a second",
        ],
      },
    },
    {
      promise: "A session that runs out is announced without a request for it.",
      tests: {
        "test/contract/session-store.test.ts": ["the memory store a watched session that runs out is announced though nobody asks for it"],
      },
    },
    {
      promise: "Who loses a group loses the open connections that needed it.",
      tests: { "test/attack/ended-sessions.test.ts": ["who loses the group loses the connection that needed it, and keeps the others"] },
    },
    {
      promise: "A posted logout counts only from the app's own site.",
      tests: { "test/attack/logout-forced.test.ts": ["our origin, but another site ends nothing", "a foreign origin alone ends nothing"] },
    },
    {
      promise: "A logout link of another or an unknown site asks first.",
      tests: {
        "test/attack/logout-forced.test.ts": [
          "a link on another site: asks first",
          "a link on a sibling host: asks first",
          "a foreign Origin with our Referer: asks first",
          "a Referer that begins like ours: asks first",
          "no word on where it comes from: asks first",
        ],
      },
    },
    {
      promise: "No image, frame or prefetch logs a visitor out.",
      tests: {
        "test/attack/logout-forced.test.ts": [
          "an image on the app's own page: asks first",
          "a prefetch: asks first",
          "a prefetch by an old browser: asks first",
        ],
      },
    },
    {
      promise: "A stranger's link does not drop the cookies of a login under way.",
      tests: { "test/attack/logout-forced.test.ts": ["another site's link and a login under way: 0 attempts are forgotten"] },
    },
    {
      promise: "An app's logout URL opened by another site ends no session of ours.",
      tests: {
        "test/gateway/app-logout.test.ts": [
          "another site's image: the app answers and the session stays",
          "another site's form, in an old browser: the app answers and the session stays",
        ],
      },
    },
    {
      promise: "The attacker's answer from the provider signs no victim in (login CSRF).",
      tests: { "test/attack/login-binding.test.ts": ["login CSRF: the attacker's answer from the provider signs no victim in"] },
    },
    {
      promise: "The attacker's ticket signs no victim in as the attacker (login CSRF).",
      tests: { "test/attack/login-binding.test.ts": ["login CSRF: the attacker's ticket signs no victim in as the attacker"] },
    },
    {
      promise: "An attacker's login link, followed by a signed-in victim, hands the victim's session to no other browser.",
      tests: {
        "test/attack/login-binding.test.ts": [
          "a stolen ticket signs nobody in: a browser with a binding of its own",
          "a stolen ticket signs nobody in: a browser that has never been there",
        ],
      },
    },
    {
      promise: "A ticket is good once, for a minute, on one host.",
      tests: {
        "test/attack/login-binding.test.ts": [
          "a ticket is good once: its rightful browser cannot use it twice",
          "a ticket older than a minute is worthless",
          "not even where both hosts hold the same binding",
        ],
        "test/contract/session-store.test.ts": ["the redis store a parked text is handed back to exactly one taker"],
      },
    },
    {
      promise: "No login begins in an image, a script or a frame.",
      tests: { "test/attack/login-flood.test.ts": ["no login begins in a request for iframe"] },
    },
    {
      promise: "A return URL leads to configured hosts only.",
      tests: { "test/attack/redirects-open.test.ts": ['login?return="https://evil.example/" stays on configured origins'] },
    },
    {
      promise: "A return URL is rebuilt from the configured origin: what stands in its path names no other host.",
      tests: { "test/attack/redirects-open.test.ts": ["coming back to the page //evil.example/ stays on its host"] },
    },
    {
      promise: "A return URL of another scheme, port or with a user name is the app's root instead.",
      tests: {
        "test/attack/redirects-open.test.ts": [
          "http://wiki.acme.example/x is not quite the app's origin: its root instead",
          "https://wiki.acme.example:8443/x is not quite the app's origin: its root instead",
          "https://alice@wiki.acme.example/x is not quite the app's origin: its root instead",
          "https://:p@wiki.acme.example/x is not quite the app's origin: its root instead",
        ],
      },
    },
    {
      promise: "A return to the gateway's own pages is the app's root: a login never logs out.",
      tests: {
        "test/attack/redirects-open.test.ts": [
          "coming back to the gateway's own /_vestibule/logout is the app's root instead",
          "coming back to the gateway's own /%5fvestibule/logout is the app's root instead",
        ],
      },
    },
    {
      promise: "Where a login leads to travels sealed, so no browser can make one up.",
      tests: { "test/attack/login-binding.test.ts": ["a wish that is plain JSON is refused and leads nowhere"] },
    },
    {
      promise: "The signed-out page leads to configured apps only.",
      tests: { "test/attack/redirects-open.test.ts": ["a made-up state on the signed-out page names no place to go"] },
    },
    {
      promise: "Values reflected in pages are escaped.",
      tests: {
        "test/attack/pages-injection.test.ts": [
          'no page runs "\\"><script>alert(1)</script>", wherever it stands',
          'nothing sent with a request comes back unescaped: "<img src=x onerror=alert(1)>"',
          'no page runs "<img src=x onerror=alert(1)>", wherever it stands',
        ],
      },
    },
    {
      promise: "No `javascript:` address becomes a link or a form's target.",
      tests: { "test/attack/pages-injection.test.ts": ['no page runs "javascript:alert(1)", wherever it stands'] },
    },
    {
      promise: "CSP without unsafe-inline, on every page: one style and at most one script, by their hashes.",
      tests: { "test/attack/pages-injection.test.ts": ["every page allows one style by its hash"] },
    },
    {
      promise: "Every page carries `frame-ancestors 'none'`, nosniff, no-store and a Referrer-Policy.",
      tests: { "test/attack/pages-injection.test.ts": ["every page allows one style by its hash"] },
    },
    {
      promise: "Every other answer of the control plane carries them, too.",
      tests: { "test/attack/pages-injection.test.ts": ["every control answer is kept nowhere, sniffed by nobody and framed by nobody"] },
    },
    {
      promise: "Refusals of requests are neither cached nor sniffed.",
      tests: { "test/attack/http-requests.test.ts": ["every refusal carries a request id, is kept by nobody"] },
    },
    {
      promise: "A WebSocket handshake needs a session.",
      tests: {
        "test/attack/websocket-handshakes.test.ts": ["a clean handshake without a session: 401, closed, and what follows is no request"],
      },
    },
    {
      promise:
        "A WebSocket handshake with a session needs the Origin of the app's own host, scheme and port; with a token it may have none.",
      tests: {
        "test/attack/websocket-handshakes.test.ts": [
          "a clean handshake with a session and no Origin: 403, closed, and what follows is no request",
          "a clean handshake from another origin: 403, closed, and what follows is no request",
          "a clean handshake from the null origin: 403, closed, and what follows is no request",
          "a clean handshake from the own host over http: 403, closed, and what follows is no request",
          "a clean handshake from a name that begins like ours: 403, closed, and what follows is no request",
        ],
        "test/policy/decide.test.ts": [
          "a program with a token may open a WebSocket without an Origin",
          "a WebSocket from another port: refuse",
          "a WebSocket from a sibling host: refuse",
        ],
      },
    },
    {
      promise: "A listed Origin is another host that the same app names exactly: never another host under a wildcard.",
      tests: { "test/policy/decide.test.ts": ["a WebSocket from a page of another host under the app's wildcard: refuse"] },
    },
    {
      promise: "A foreign page opens no WebSocket to a public path either.",
      tests: { "test/policy/decide.test.ts": ["a foreign page may not open a WebSocket to a public path either"] },
    },
    {
      promise:
        "A form that a login interrupts is kept for its own person, browser, host and path only, never for a stranger, and sent only by a click.",
      tests: {
        "test/e2e/interrupted-form.test.ts": [
          "another person who signs in at the same browser never sees what was typed, nor sends it",
          "another browser, in which alice is signed in, never sees what was typed",
          "another host never sees what was typed, and the own one does",
          "is sent to its own host and to no other",
          "a stranger's form is not kept, nor one with a made-up cookie, nor where the app says no",
          "a form that a login interrupts is shown again after it, and a click sends it as it was",
        ],
      },
    },
  ],
};
