import type { Chapter } from "../promise.ts";

/** OpenID Connect (Core 3.1.3.7, RFC 9700, RFC 9207, Back-Channel Logout 1.0): each promise, and the tests that would notice if it were broken. */
export const oidc: Chapter = {
  title: "OpenID Connect (Core 3.1.3.7, RFC 9700, RFC 9207, Back-Channel Logout 1.0)",
  promises: [
    {
      promise: "Every login is an authorization code flow with PKCE S256.",
      tests: {
        "test/login/oidc/begin-login.test.ts": [
          "every login is a code flow with PKCE S256, state and nonce to the configured redirect URI",
          "nonce and verifier are new every time, and neither is in the URL as a secret",
        ],
        "test/conformance/basic-rp.test.ts": ["the redirect back: an ID token comes along unasked: login.answer-rejected"],
      },
    },
    {
      promise: "The code is redeemed with the verifier of this very login.",
      tests: { "test/login/oidc/begin-login.test.ts": ["the code is redeemed with the verifier"] },
    },
    {
      promise: "Nonce and verifier are new for every login.",
      tests: { "test/login/oidc/begin-login.test.ts": ["nonce and verifier are new every time, and neither is in the URL as a secret"] },
    },
    {
      promise: "`state` must be the one of this login.",
      tests: {
        "test/conformance/basic-rp.test.ts": [
          "the redirect back: the state is another one: login.answer-rejected",
          "the redirect back: the state is missing: login.answer-rejected",
        ],
      },
    },
    {
      promise: "`state` counts once, in one process and across processes.",
      tests: {
        "test/attack/login-binding.test.ts": [
          "a provider's answer counts once, though the cookies of the attempt are brought again",
          "a state that another process has used is refused after verification",
        ],
      },
    },
    {
      promise: "`state` and nonce are bound to the browser that began: an answer of the attacker's signs no victim in.",
      tests: { "test/attack/login-binding.test.ts": ["login CSRF: the attacker's answer from the provider signs no victim in"] },
    },
    {
      promise: "The answer of one provider counts at no other's address (mix-up).",
      tests: { "test/attack/login-binding.test.ts": ["an answer delivered at another provider's callback is refused (mix-up)"] },
    },
    {
      promise: "`iss` in the answer must be this provider's where it stands, and stand there where it was announced; in errors too.",
      tests: {
        "test/conformance/basic-rp.test.ts": [
          "the redirect back: iss is another provider (mix-up): login.answer-rejected",
          "the redirect back: iss is missing although announced: login.answer-rejected",
          "the redirect back: an error of another provider: login.answer-rejected",
        ],
      },
    },
    {
      promise: "Nothing may stand twice in the answer.",
      tests: { "test/conformance/basic-rp.test.ts": ["nothing may stand twice in the redirect back"] },
    },
    {
      promise: "There is one redirect URI per provider, from the configuration; never from Host or a parameter.",
      tests: {
        "test/attack/redirect-uri.test.ts": ["with the auth host a login has the redirect URI of the configuration"],
        "test/login/oidc/begin-login.test.ts": [
          "every login is a code flow with PKCE S256, state and nonce to the configured redirect URI",
          "the code is redeemed with the verifier",
        ],
      },
    },
    {
      promise: "An ID token's signature is verified, with a key of that issuer.",
      tests: {
        "test/conformance/basic-rp.test.ts": [
          "rp-id_token-sig: RS256 is verified, and refused when the signature is broken",
          "a token signed by a key of somebody else is refused under the same kid",
          "a key inside the token's own header is not looked at",
          "a key for encryption is no signature key, whatever its kid",
        ],
      },
    },
    {
      promise: "The algorithm is asymmetric, whatever is announced or configured, and one of those that are.",
      tests: {
        "test/conformance/back-channel-logout.test.ts": ["the algorithm must be one of those registered"],
        "test/conformance/basic-rp.test.ts": ["signingAlgorithms narrows what the provider announces"],
        "test/login/oidc/provider-documents.test.ts": ["a probe tells what is wrong and never throws"],
      },
    },
    {
      promise: "Critical header extensions are refused.",
      tests: { "test/login/oidc/bearer.test.ts": ["a bearer token: the header makes a known extension"] },
    },
    {
      promise: "`iss` is exactly the configured issuer.",
      tests: {
        "test/login/oidc/id-token.test.ts": [
          "an ID token is refused when iss lacks the slash",
          "an ID token is refused when iss is a list",
        ],
      },
    },
    {
      promise: "`aud` names this client.",
      tests: {
        "test/login/oidc/id-token.test.ts": [
          "an ID token is refused when aud is another client",
          "an ID token is refused when aud is missing",
        ],
      },
    },
    {
      promise: "`azp` is this client where it stands, also beside a single audience; among several it must stand there.",
      tests: {
        "test/login/oidc/id-token.test.ts": [
          "an ID token is refused when azp is another client beside a single",
          "an ID token is refused when azp is another client among several",
          "an ID token is refused when there are several audiences and no azp",
        ],
      },
    },
    {
      promise: "`exp` is required and lies ahead.",
      tests: {
        "test/login/oidc/id-token.test.ts": [
          "an ID token is refused when exp is missing",
          "an ID token is refused when exp is just beyond the tolerance",
        ],
      },
    },
    {
      promise: "`nbf`, where it stands, is past.",
      tests: { "test/login/oidc/id-token.test.ts": ["an ID token is refused when nbf is just beyond the tolerance"] },
    },
    {
      promise: "`iat` is required, not in the future beyond the tolerance and not a day old.",
      tests: {
        "test/login/oidc/id-token.test.ts": [
          "an ID token is refused when iat is missing",
          "an ID token is refused when iat is just beyond the tolerance",
          "an ID token is refused when iat is a day and more old",
        ],
      },
    },
    {
      promise: "`nonce` is the one of this login.",
      tests: {
        "test/login/oidc/id-token.test.ts": [
          "an ID token is refused when the nonce is another one",
          "an ID token is refused when the nonce is missing",
        ],
      },
    },
    {
      promise: "`sub` is required; a token for another purpose and the hash of another access token or code are refused.",
      tests: {
        "test/login/oidc/id-token.test.ts": ["an ID token is refused when sub is missing"],
        "test/conformance/basic-rp.test.ts": [
          "an ID token: the ID token is a logout token: login.answer-rejected",
          "an ID token: rp-id_token-bad-at_hash",
          "an ID token: c_hash is of another code: login.answer-rejected",
        ],
      },
    },
    {
      promise: "`acr` and `auth_time` are what was asked for.",
      tests: {
        "test/login/oidc/begin-login.test.ts": [
          "strength: the acr is another one: accepted false",
          "strength: the acr is missing: accepted false",
          "strength: max_age is exceeded: accepted false",
          "strength: a new login was asked for and auth_time",
          "strength: the wish for a new login was ignored",
        ],
      },
    },
    {
      promise: "Userinfo counts only with the ID token's `sub`, and a signed one only when it verifies and is for this client.",
      tests: {
        "test/conformance/basic-rp.test.ts": [
          "userinfo: rp-userinfo-bad-sub-claim",
          "userinfo: sub is missing: login.answer-rejected",
          "rp-userinfo-sig: a signed userinfo answer is verified",
        ],
        "test/login/oidc/id-token.test.ts": ["userinfo cannot speak about the login: only the signed token states protocol claims"],
      },
    },
    {
      promise: "Accounts are (provider, subject), never the e-mail address: the same subject at another provider is another person.",
      tests: {
        "test/contract/session-store.test.ts": ["a principal's logout ends all of that principal and nobody else"],
        "test/policy/conditions.test.ts": ["users, a subject that plays somebody of"],
        "test/login/oidc/bearer.test.ts": ["an access token is a principal, under the same mapping as a login, until it expires"],
      },
    },
    {
      promise: "An e-mail address counts with exactly one `@` and no other way to read it.",
      tests: {
        "test/login/claims/map-claims.test.ts": [
          "the e-mail address alice@evil.example@acme.example is read as null",
          "the e-mail address alice @acme.example is read as null",
          "the e-mail address alice@acme.example:80 is read as null",
        ],
        "test/policy/conditions.test.ts": ["emailDomains: [acme.example], two @: unknown"],
      },
    },
    {
      promise: "E-mail rules compare the whole domain, lower-cased.",
      tests: {
        "test/policy/conditions.test.ts": [
          "emailDomains: [acme.example], a subdomain: miss",
          "emailDomains: [acme.example], the domain as a prefix: miss",
          "emailDomains: [acme.example], the domain in capitals: hit",
        ],
      },
    },
    {
      promise: "An address that the provider does not call verified, where it says so, is none; a no outweighs a yes.",
      tests: {
        "test/login/claims/map-claims.test.ts": ["the e-mail address with email_verified false it counts: false"],
        "test/login/oidc/id-token.test.ts": ["what is said against an address stays said: the token says no"],
      },
    },
    {
      promise: "An address whose domain belongs to another provider is refused, in any letters.",
      tests: {
        "test/login/claims/map-claims.test.ts": [
          "the e-mail address of a domain that another provider owns is refused, whatever its letters",
        ],
      },
    },
    {
      promise: "A groups claim of an unexpected shape, or too large, is unknown.",
      tests: { "test/login/claims/map-claims.test.ts": ["groups a list with one number", "groups null", "groups more than 2,000"] },
    },
    {
      promise: "An overage marker, or a claim that is kept elsewhere, is unknown too, and survives a userinfo answer.",
      tests: {
        "test/login/claims/map-claims.test.ts": ["groups an overage marker beside a list", "groups hasgroups as text"],
        "test/login/oidc/id-token.test.ts": ["an overage marker of the token survives a userinfo answer with groups"],
      },
    },
    {
      promise: "Unknown groups refuse where groups matter, in allow rules and in deny rules; they never mean no restriction.",
      tests: { "test/policy/conditions.test.ts": ["groups that are not known"], "test/policy/access-list.test.ts": ["unknown groups and"] },
    },
    {
      promise: "A refresh is about the same person: same `iss`, `sub` and `aud`.",
      tests: {
        "test/login/oidc/refresh-login.test.ts": [
          "the session is refused when the nonce is another one",
          "the session is refused when azp is another client",
          "the session is refused when the signature is broken",
        ],
        "test/login/oidc/id-token.test.ts": ["an ID token is refused when iss lacks the slash"],
      },
    },
    {
      promise: "New claims replace old ones at once, also when they are fewer; what is no longer stated is unknown.",
      tests: {
        "test/login/oidc/refresh-login.test.ts": [
          "new claims replace old ones at once, also when they are fewer",
          "groups and rule claims that only the login's ID token named become unknown when nobody names them any more",
        ],
      },
    },
    {
      promise: "A logout token is verified in full: signature, `alg` as registered, `typ`.",
      tests: {
        "test/conformance/back-channel-logout.test.ts": [
          "a logout token: the signature is broken: logout.token-rejected",
          "the algorithm must be one of those registered",
          "a logout token: typ is at+jwt: logout.token-rejected",
        ],
      },
    },
    {
      promise: "Its `iss`, `aud`, `iat`, `exp`, `events` and `jti` are checked, `sub` or `sid` is there, and no `nonce`.",
      tests: {
        "test/conformance/back-channel-logout.test.ts": [
          "a logout token: iss is another issuer: logout.token-rejected",
          "a logout token: aud is another client: logout.token-rejected",
          "a logout token: iat is missing: logout.token-rejected",
          "a logout token: iat is an hour old: logout.token-rejected",
          "a logout token: exp passed 90 s ago: logout.token-rejected",
          "a logout token: events holds another event: logout.token-rejected",
          "a logout token: jti is missing: logout.token-rejected",
          "a logout token: neither sub nor sid is given: logout.token-rejected",
          "a logout token: there is a nonce: logout.token-rejected",
        ],
      },
    },
    {
      promise: "A `jti` counts once.",
      tests: { "test/logout/logout.test.ts": ["a logout token that verifies ends the sessions it names, once"] },
    },
    {
      promise: "Whatever does not verify is answered 400 and no-store, and ends nothing.",
      tests: {
        "test/logout/logout.test.ts": [
          "a token that does not verify is refused with 400, no-store and a JSON error",
          "two tokens is refused with 400, no-store and a JSON error",
        ],
      },
    },
    {
      promise: "A valid one ends the sessions of its `sid`, or else of its `sub`, and no others.",
      tests: {
        "test/logout/logout.test.ts": [
          "a logout token that verifies ends the sessions it names, once",
          "a token without sid ends everything of its subject",
          "a token with only the sub, where sessions take",
          "a token with a sid of another session of the same",
        ],
      },
    },
    {
      promise: "They are gone in every process within a second.",
      tests: {
        "test/e2e/two-instances.test.ts": [
          "the provider's own logout is told to one instance, and ends the session in both within a second",
        ],
      },
    },
    {
      promise: "A front-channel message counts with this issuer and a `sid` only.",
      tests: {
        "test/conformance/back-channel-logout.test.ts": [
          "a front-channel logout: the issuer is another one",
          "a front-channel logout: the session is missing",
        ],
      },
    },
    {
      promise: "What is fetched from a provider is bounded: under 5 s, 1 MiB, no redirect followed.",
      tests: {
        "test/login/oidc/provider-documents.test.ts": [
          "a provider that accepts and never answers is given up within 5 s",
          "metadata that is larger than 1 MiB is no good",
          "metadata that answers 302 to another place is no good",
        ],
      },
    },
    {
      promise: "Issuer and endpoints are https unless `insecure.httpProviders` says otherwise.",
      tests: {
        "test/login/oidc/provider-documents.test.ts": [
          "plain http is refused for issuer and endpoints unless the operator opened that hole",
          "metadata with jwks_uri = file:///etc/passwd is refused as a whole",
        ],
      },
    },
    {
      promise: "The metadata's issuer must be the configured one, character by character.",
      tests: { "test/conformance/basic-rp.test.ts": ["rp-discovery-issuer-not-matching-config: metadata of another issuer is refused"] },
    },
    {
      promise: "The last good document is kept while the provider has none; withdrawn keys stop counting with the next good one.",
      tests: {
        "test/login/oidc/provider-documents.test.ts": [
          "known keys keep working while the key set is unreachable or empty, with at most one fetch a minute",
          "withdrawn keys stop counting with the next refresh, which a sleeping gateway waits for",
        ],
      },
    },
    {
      promise: "Unknown `kid`s cause at most one fetch a minute, and do not keep visitors from logging in after a rotation.",
      tests: {
        "test/login/oidc/provider-documents.test.ts": [
          "a thousand tokens with unknown kids cost one fetch a minute",
          "after a refresh has failed, an unknown kid within the same minute causes no fetch of its own",
          "a flood of unknown kids does not keep people from logging in after a rotation",
        ],
      },
    },
    {
      promise: "Unknown key ids cause at most one fetch a minute in all processes together, and what one of them found, all know.",
      tests: {
        "test/login/oidc/shared-keys.test.ts": [
          "unknown kids cost one fetch a minute in all processes together",
          "while the key set is down, a refresh that is due and unknown kids share the one fetch of the minute",
          "after a rotation the first login in each process succeeds, all at once, with one fetch",
          "strangers do not use up what a login needs",
          "what one process fetched, another need not fetch, and has when the provider is away",
        ],
      },
    },
    {
      promise: "A key set in the store is believed only when it is newer than what the process knows: no withdrawn key comes back.",
      tests: { "test/login/oidc/shared-keys.test.ts": ["an old record that is put back into the store brings no withdrawn key back"] },
    },
    {
      promise: "Tokens are in no upstream's headers but those of a rule that asks for one by name.",
      tests: {
        "test/attack/tokens-leaking.test.ts": ["a login leaves no token anywhere but in the headers that ask for one by name"],
        "test/upstream/identity-headers.test.ts": ["tokens are sent only where a rule names them, and follow a refresh"],
      },
    },
    {
      promise: "Tokens are in no address, cookie or page (the provider's own logout page gets the ID token as its hint, as specified).",
      tests: {
        "test/conformance/basic-rp.test.ts": [
          "rp-userinfo-bearer-header: the access token travels in the header, never in the URL or a body",
        ],
        "test/attack/tokens-leaking.test.ts": ["a login leaves no token anywhere but in the headers that ask for one by name"],
      },
    },
    {
      promise: "Tokens, codes and secrets are in no log line and no error, whatever the provider answers.",
      tests: {
        "test/login/oidc/secrecy.test.ts": ["when the ID token's payload is not JSON", "when the error quotes what was sent"],
        "test/observe/log.test.ts": [
          "tokens by name is taken out",
          "a JWT inside a text is taken out",
          "a bearer credential inside a text is taken out",
        ],
      },
    },
    {
      promise:
        "What a signed ID token says against somebody at refresh counts at once, whatever userinfo does; a null member ends nothing.",
      tests: {
        "test/login/oidc/refresh-login.test.ts": [
          "new claims replace old ones at once, also when they are fewer",
          "a null stands for an absent member, and ends no session",
        ],
      },
    },
    {
      promise: "Of several tenants the account is tenant and oid, and an address counts only where the tenant owns its domain.",
      tests: {
        "test/login/oidc/tenants.test.ts": [
          "the account is (tenant, oid): the same oid in two tenants is two people",
          "an address counts when its tenant owns the domain, or the operator says so",
        ],
      },
    },
    {
      promise: "An ID token goes to the provider's logout page by form where the address would pass 2,000 characters.",
      tests: {
        "test/login/oidc/begin-login.test.ts": [
          "leaving when the address would pass 2,000 characters (Entra ID loses longer ones): a form",
        ],
      },
    },
    {
      promise:
        "An operator's fault is one line with its values and its cure, and shows in the provider's state; what a browser brought does not.",
      tests: {
        "test/e2e/planted-at-providers.test.ts": [
          "the client secret is wrong: one line with the cure, and the provider's state until a login works",
          "the redirect URI is not registered: the browser brings that word, so the log has it, and not the provider's state",
          "a stranger's bad answer says nothing about the provider",
        ],
      },
    },
    {
      promise: "An answer that comes twice makes no second exchange and no second session, and leads on to the page that was wanted.",
      tests: {
        "test/e2e/second-answers.test.ts": [
          "a reloaded callback asks nothing of the provider, makes no session, and leads to the page by one click",
          "a page of another host is never the way on: the note is sealed for this state",
        ],
      },
    },
  ],
};
