import type { SecurityPromise } from "../../mutation.ts";

const documents = "test/protocol/provider-documents.test.ts";
const secrecy = "test/protocol/secrecy.test.ts";
const leaking = "test/attack/tokens-leaking.test.ts";
const log = "test/observe/log.test.ts";
const fetching = "src/protocol/provider-fetch.ts";
const metadata = "src/protocol/provider-metadata.ts";
const kept = "src/protocol/kept-document.ts";
const keys = "src/protocol/provider-keys.ts";
const shared = "src/protocol/shared-keys.ts";
const sharing = "test/protocol/shared-keys.test.ts";
const scrub = "src/observe/scrub.ts";

/** What is fetched from providers, and where their tokens may be. */
export const oidcDocuments: readonly SecurityPromise[] = [
  {
    promise: "What is fetched from a provider is bounded: under 5 s, 1 MiB, no redirect followed.",
    mutations: [
      {
        file: fetching,
        find: "export const fetchTimeoutMs = 4_500;",
        replace: "export const fetchTimeoutMs = 5_500;",
        test: documents,
        named: "a provider that accepts and never answers is given up within 5 s",
      },
      {
        file: fetching,
        find: "const usualLargestBodyBytes = 1024 * 1024;",
        replace: "const usualLargestBodyBytes = 1024 * 1024 * 1024;",
        test: documents,
        named: "metadata that is larger than 1 MiB is no good",
      },
      {
        file: fetching,
        find: 'redirect: "manual"',
        replace: 'redirect: "follow"',
        test: documents,
        named: "metadata that answers 302 to another place is no good",
      },
    ],
  },
  {
    promise: "Issuer and endpoints are https unless `insecure.httpProviders` says otherwise.",
    mutations: [
      {
        file: metadata,
        find: 'if (url.protocol !== "https:" && !(allowHttp && url.protocol === "http:"))',
        replace: 'if (url.protocol !== "https:" && url.protocol !== "http:")',
        test: documents,
        named: "plain http is refused for issuer and endpoints unless the operator opened that hole",
      },
      {
        file: metadata,
        find: 'if (url.protocol !== "https:" && !(allowHttp && url.protocol === "http:"))',
        replace: "if (allowHttp === null)",
        test: documents,
        named: "metadata with jwks_uri = file:///etc/passwd is refused as a whole",
      },
      {
        file: fetching,
        find: 'if (protocol !== "https:" && !(deps.allowHttp && protocol === "http:")) throw',
        replace: 'if (protocol === "") throw',
        test: documents,
        named: "plain http is refused for issuer and endpoints unless the operator opened that hole",
      },
    ],
  },
  {
    promise: "The metadata's issuer must be the configured one, character by character.",
    mutations: [
      {
        file: metadata,
        find: "if (document.issuer !== issuer)",
        replace: 'if (document.issuer === "")',
        test: "test/conformance/basic-rp.test.ts",
        named: "rp-discovery-issuer-not-matching-config: metadata of another issuer is refused",
      },
      {
        file: metadata,
        find: "if (document.issuer !== issuer)",
        replace: 'if (String(document.issuer).replace(/\\/$/, "") !== issuer)',
        test: "test/conformance/basic-rp.test.ts",
        named: "rp-discovery-issuer-not-matching-config: metadata of another issuer is refused",
      },
    ],
  },
  {
    promise: "The last good document is kept while the provider has none; withdrawn keys stop counting with the next good one.",
    mutations: [
      {
        file: kept,
        find: 'const renewed = reload("due").catch(() => value);',
        replace: 'const renewed = reload("due");\n      renewed.catch(() => (known = null));',
        test: documents,
        named: "known keys keep working while the key set is unreachable or empty, with at most one fetch a minute",
      },
      {
        file: keys,
        find: 'if (keys.length === 0) throw unavailable("jwks: no usable signature key");',
        replace: "",
        test: documents,
        named: "known keys keep working while the key set is unreachable or empty, with at most one fetch a minute",
      },
      {
        file: kept,
        find: "return age > deps.staleMs ? renewed : value;",
        replace: "return value;",
        test: documents,
        named: "withdrawn keys stop counting with the next refresh, which a sleeping gateway waits for",
      },
    ],
  },
  {
    promise: "Unknown `kid`s cause at most one fetch a minute, and do not keep anybody from logging in after a rotation.",
    mutations: [
      {
        file: keys,
        find: "< forcedReloadPauseMs) return latest",
        replace: "< 0) return latest",
        test: documents,
        named: "a thousand tokens with unknown kids cost one fetch a minute",
      },
      {
        file: keys,
        find: "if (!document.mayReload()) return null;",
        replace: "",
        test: documents,
        named: "after a refresh has failed, an unknown kid within the same minute causes no fetch of its own",
      },
      {
        file: keys,
        find: "renewalFor(source)?.steps",
        replace: 'renewalFor("request")?.steps',
        test: documents,
        named: "a flood of unknown kids does not keep people from logging in after a rotation",
      },
    ],
  },
  {
    promise: "Unknown key ids cause at most one fetch a minute in all processes together, and what one of them found, all know.",
    mutations: [
      {
        file: shared,
        find: "if (await isFirstThisMinute(reason)) return",
        replace: "if (reason !== null) return",
        test: sharing,
        named: "unknown kids cost one fetch a minute in all processes together",
      },
      {
        file: shared,
        find: 'if (reason !== "provider") await Promise.allSettled(',
        replace: 'if (reason === "provider") await Promise.allSettled(',
        test: sharing,
        named: "while the key set is down, a refresh that is due and unknown kids share the one fetch of the minute",
      },
      {
        file: shared,
        find: 'reason === "provider" ? "login" : "other"',
        replace: 'reason === "provider" ? String(performance.now()) : "other"',
        test: sharing,
        named: "after a rotation the first login in each process succeeds, all at once, with one fetch",
      },
      {
        file: shared,
        find: 'store.once("jwks", `${name}:${reason}`, minuteMs)',
        replace: 'store.once("jwks", name, minuteMs)',
        test: sharing,
        named: "strangers do not use up what a login needs",
      },
      {
        file: shared,
        find: "if (there !== null && Math.abs(clock() - there.at) <= deps.freshMs) return take(there);",
        replace: "",
        test: sharing,
        named: "what one process fetched, another need not fetch, and has when the provider is away",
      },
    ],
  },
  {
    promise: "A key set in the store is believed only when it is newer than what the process knows: no withdrawn key comes back.",
    mutations: [
      {
        file: shared,
        find: "(seenAt !== null && there.at <= seenAt)",
        replace: "(seenAt !== null && there.at === seenAt)",
        test: sharing,
        named: "an old record that is put back into the store brings no withdrawn key back",
      },
    ],
  },
  {
    promise: "Tokens are in no upstream's headers but those of a rule that asks for one by name.",
    mutations: [
      {
        file: "src/upstream/identity-headers.ts",
        find: 'return { kind: "edit", edit: { removes, set } };',
        replace:
          'const token = identity.session?.tokens?.accessToken ?? "";\n' +
          '  return { kind: "edit", edit: { removes, set: [...set, ["X-Forwarded-Access-Token", token]] } };',
        test: leaking,
        named: "a login leaves no token anywhere but in the headers that ask for one by name",
      },
      {
        file: "src/upstream/identity-headers.ts",
        find: "const key = fromTokens && identity.session !== null ? identity.session : identity.principal;",
        replace: "const key = identity.principal;",
        test: "test/upstream/identity-headers.test.ts",
        named: "tokens are sent only where a rule names them, and follow a refresh",
      },
    ],
  },
  {
    promise: "Tokens are in no address, cookie or page (the provider's own logout page gets the ID token as its hint, as specified).",
    mutations: [
      {
        file: "src/protocol/userinfo.ts",
        find: "metadata.userinfo_endpoint, {",
        replace: 'metadata.userinfo_endpoint + "?access_token=" + accessToken, {',
        test: "test/conformance/basic-rp.test.ts",
        named: "rp-userinfo-bearer-header: the access token travels in the header, never in the URL or a body",
      },
      {
        file: "src/control/login/hand-over.ts",
        find: "    path: target.path,\n",
        replace: '    path: target.path + "#" + session.tokens?.accessToken,\n',
        test: leaking,
        named: "a login leaves no token anywhere but in the headers that ask for one by name",
      },
      {
        file: "src/control/session-endpoint.ts",
        find: "subject: principal.subject,",
        replace: "subject: principal.subject,\n    token: session.tokens?.idToken,",
        test: leaking,
        named: "a login leaves no token anywhere but in the headers that ask for one by name",
      },
    ],
  },
  {
    promise: "Tokens, codes and secrets are in no log line and no error, whatever the provider answers.",
    mutations: [
      {
        file: "src/protocol/library-failure.ts",
        find: 'if (typeof code !== "string" || !/^(OAUTH_|ERR_INVALID_ARG)/.test(code)) break;',
        replace: "",
        test: secrecy,
        named: "when the ID token's payload is not JSON",
      },
      {
        file: "src/protocol/provider-text.ts",
        find: 'for (const secret of secrets) if (secret !== "") clean',
        replace: 'for (const secret of secrets) if (secret === "") clean',
        test: secrecy,
        named: "when the error quotes what was sent",
      },
      {
        file: scrub,
        find: 'typeof value === "string" && secretNames.test(name) ? redacted :',
        replace: "",
        test: log,
        named: "tokens by name is taken out",
      },
      {
        file: scrub,
        find: "for (const pattern of credentials) {",
        replace: "for (const pattern of credentials.slice(0, 1)) {",
        test: log,
        named: "a JWT inside a text is taken out",
      },
      {
        file: scrub,
        find: "for (const pattern of credentials) {",
        replace: "for (const pattern of credentials.slice(1)) {",
        test: log,
        named: "a bearer credential inside a text is taken out",
      },
    ],
  },
];
