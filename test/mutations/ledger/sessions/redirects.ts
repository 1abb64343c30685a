import type { SecurityPromise } from "../../mutation.ts";

export const redirects: readonly SecurityPromise[] = [
  {
    promise: "A return URL leads to configured hosts only.",
    mutations: [
      {
        file: "src/control/return-to.ts",
        find: "if (url === null || site === null || site.app === null) return null;",
        replace:
          'if (url !== null && site === null) return { site: { hostname: url.hostname, origin: { scheme: "https", hostname: url.hostname, port: 443 }, app: null, isAuth: false }, path: url.pathname };\n  if (url === null || site === null || site.app === null) return null;',
        test: "test/attack/redirects-open.test.ts",
        named: 'login?return="https://evil.example/" stays on configured origins',
      },
    ],
  },
  {
    promise: "A return URL is rebuilt from the configured origin: what stands in its path names no other host.",
    mutations: [
      {
        file: "src/control/return-to.ts",
        find: "return formatOrigin(target.site.origin) + target.path;",
        replace: "return new URL(target.path, formatOrigin(target.site.origin)).href;",
        test: "test/attack/redirects-open.test.ts",
        named: "coming back to the page //evil.example/ stays on its host",
      },
    ],
  },
  {
    promise: "A return URL of another scheme, port or with a user name is the app's root instead.",
    mutations: [
      {
        file: "src/control/return-to.ts",
        find: "url.protocol === `${site.origin.scheme}:` &&",
        replace: "",
        test: "test/attack/redirects-open.test.ts",
        named: "http://wiki.acme.example/x is not quite the app's origin: its root instead",
      },
      {
        file: "src/control/return-to.ts",
        find: 'url.host.replace(/\\.(?=:|$)/, "") === authorityOf(site.origin) &&',
        replace: "",
        test: "test/attack/redirects-open.test.ts",
        named: "https://wiki.acme.example:8443/x is not quite the app's origin: its root instead",
      },
      {
        file: "src/control/return-to.ts",
        find: 'url.username === "" &&',
        replace: "",
        test: "test/attack/redirects-open.test.ts",
        named: "https://alice@wiki.acme.example/x is not quite the app's origin: its root instead",
      },
      {
        file: "src/control/return-to.ts",
        find: '&&\n    url.password === ""',
        replace: "",
        test: "test/attack/redirects-open.test.ts",
        named: "https://:p@wiki.acme.example/x is not quite the app's origin: its root instead",
      },
    ],
  },
  {
    promise: "A return to the gateway's own pages is the app's root: a login never logs out.",
    mutations: [
      {
        file: "src/control/return-to.ts",
        find: '|| reading.readings.some((one) => isUnderPrefix(one.toLowerCase(), "/_vestibule"))',
        replace: "",
        test: "test/attack/redirects-open.test.ts",
        named: "coming back to the gateway's own /_vestibule/logout is the app's root instead",
      },
      {
        file: "src/control/return-to.ts",
        find: "reading.readings.some((one) => isUnderPrefix(one.toLowerCase()",
        replace: "[path].some((one) => isUnderPrefix(one",
        test: "test/attack/redirects-open.test.ts",
        named: "coming back to the gateway's own /%5fvestibule/logout is the app's root instead",
      },
    ],
  },
  {
    promise: "Where a login leads to travels sealed: nobody can make one up.",
    mutations: [
      {
        file: "src/control/sealed-json.ts",
        find: "const text = sealer.open(purpose, sealed);",
        replace: "const text = sealer.open(purpose, sealed) ?? sealed;",
        test: "test/attack/login-binding.test.ts",
        named: "a wish that is plain JSON is refused and leads nowhere",
      },
    ],
  },
  {
    promise: "The signed-out page leads to configured apps only.",
    mutations: [
      {
        file: "src/control/logout/signed-out-endpoint.ts",
        find: "startAgainUrl: site === null || site.app === null ? null :",
        replace: 'startAgainUrl: site === null || site.app === null ? query.get("state") :',
        test: "test/attack/redirects-open.test.ts",
        named: "a made-up state on the signed-out page names no place to go",
      },
    ],
  },
];
