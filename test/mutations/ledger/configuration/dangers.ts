import type { SecurityPromise } from "../../mutation.ts";

const refused = "test/config/refused.test.ts";
const meaning = "test/config/meaning.test.ts";
const headers = "src/config/rules-headers.ts";
const apps = "src/config/rules-apps.ts";
const providers = "src/config/rules-providers.ts";
const sessions = "src/config/rules-sessions.ts";
const only = "is refused for what it says, and for nothing";

/** What is wrong although each key by itself looks right. */
export const configurationDangers: readonly SecurityPromise[] = [
  {
    promise:
      "Plain http for visitors or providers, unchecked upstream certificates and public mail domains each need their own `insecure` key.",
    mutations: [
      {
        file: "src/config/rules-server.ts",
        find: 'if (origin.scheme !== "https" && draft.insecure?.plainHttp === false)',
        replace: 'if (origin.scheme === "")',
        test: meaning,
        named: "insecure.plainHttp opens what is closed without it, and is told at every start",
      },
      {
        file: apps,
        find: 'if (origin.scheme !== "https" && draft.insecure?.plainHttp === false)',
        replace: 'if (origin.scheme === "")',
        test: refused,
        named: `origin-http.yaml ${only}`,
      },
      {
        file: "src/config/rules-saml.ts",
        find: "if (httpAllowed || /^https:/i.test(url)) return;",
        replace: "if (url !== '') return;",
        test: meaning,
        named: "insecure.httpProviders opens what is closed without it, and is told at every start",
      },
      {
        file: apps,
        find: "if (says.proxy?.tls?.insecureSkipVerify === true && draft.insecure?.skipUpstreamVerify === false)",
        replace: "if (draft.insecure === undefined)",
        test: meaning,
        named: "insecure.skipUpstreamVerify opens what is closed without it, and is told at every start",
      },
      {
        file: providers,
        find: "if (!publicAllowed && isPublicEmailDomain(domain))",
        replace: "if (domain === '')",
        test: meaning,
        named: "insecure.publicEmailDomains opens what is closed without it, and is told at every start",
      },
      {
        file: "src/config/rules-server.ts",
        find: "if (open) report.warning(",
        replace: "if (open === null) report.warning(",
        test: meaning,
        named: "insecure.plainHttp opens what is closed without it, and is told at every start",
      },
    ],
  },
  {
    promise: "Identity headers that fold to one name, or that HTTP has a use for, are refused; plain edits may not name them.",
    mutations: [
      {
        file: headers,
        find: "if (other === undefined) seen.set(folded, name);",
        replace: 'if (other !== "") seen.set(folded, name);',
        test: refused,
        named: `header-folding-to-one.yaml ${only}`,
      },
      {
        file: headers,
        find: "if (isFramingName(name) || isForwardingName(name) || neverIdentity.has(folded))",
        replace: "if (isForwardingName(name) || neverIdentity.has(folded))",
        test: refused,
        named: `header-framing.yaml ${only}`,
      },
      {
        file: headers,
        find: "if (isFramingName(name) || isForwardingName(name) || neverIdentity.has(folded))",
        replace: "if (isFramingName(name) || neverIdentity.has(folded))",
        test: refused,
        named: `header-forwarding.yaml ${only}`,
      },
      {
        file: headers,
        find: "if (identity.has(folded) || isWellKnownIdentityName(name))",
        replace: "if (isWellKnownIdentityName(name))",
        test: refused,
        named: `header-edit-identity.yaml ${only}`,
      },
    ],
  },
  {
    promise: "Two apps on one host, two routes on one path, and two providers of one mail domain are refused.",
    mutations: [
      {
        file: apps,
        find: "if (owner === undefined) owners.set(host, here);",
        replace: "if (host !== '') owners.set(host, here);",
        test: refused,
        named: `host-twice.yaml ${only}`,
      },
      { file: apps, find: "if (earlier < at)", replace: "if (earlier < 0)", test: refused, named: `route-twice.yaml ${only}` },
      {
        file: providers,
        find: "if (owner !== undefined) {",
        replace: "if (owner === '') {",
        test: refused,
        named: `email-domain-two-owners.yaml ${only}`,
      },
    ],
  },
  {
    promise: "An app may only shorten sessions; several workers need a shared store; the admin listener has an address of its own.",
    mutations: [
      {
        file: apps,
        find: "if (own !== undefined && general !== undefined && own > general)",
        replace: "if (own === null)",
        test: refused,
        named: `session-longer.yaml ${only}`,
      },
      {
        file: sessions,
        find: "if (draft.workers !== null && draft.workers !== 1)",
        replace: "if (draft.workers === 0)",
        test: refused,
        named: `workers-two.yaml ${only}`,
      },
      {
        file: "src/config/rules-server.ts",
        find: "if (taken >= 0) report",
        replace: "if (taken < -1) report",
        test: refused,
        named: `admin-on-a-listener.yaml ${only}`,
      },
    ],
  },
  {
    promise: "Session secrets have 32 bytes and are not given twice; an unsigned or symmetric algorithm cannot be configured.",
    mutations: [
      {
        file: sessions,
        find: "if (bytes > 0 && bytes < minSecretBytes)",
        replace: "if (bytes < 0)",
        test: refused,
        named: `secret-short.yaml ${only}`,
      },
      { file: sessions, find: "if (twin >= 0 && twin < at)", replace: "if (twin < -1)", test: refused, named: `secret-twice.yaml ${only}` },
      {
        file: "src/config/schema-providers.ts",
        find: "z.array(signingAlgorithm()).prefault([])",
        replace: "z.array(z.string()).prefault([])",
        test: refused,
        named: `signing-algorithm-none.yaml ${only}`,
      },
    ],
  },
];
