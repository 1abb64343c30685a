import type { SecurityPromise } from "../../mutation.ts";

const attack = "test/attack/cookies.test.ts";
const unit = "test/upstream/request-headers.test.ts";
const cookies = "src/http/cookies.ts";
const edits = "src/upstream/request-headers.ts";

/** Cookies and credentials on their way through. */
export const identityCredentials: readonly SecurityPromise[] = [
  {
    promise: "The gateway's own cookies never go upstream, whatever their prefix, case or ending.",
    mutations: [
      {
        file: edits,
        find: "stripOwnCookies(value, cookieName)",
        replace: "value",
        test: attack,
        named: "vestibule never goes upstream, its neighbours do",
      },
      {
        file: cookies,
        find: 'name.toLowerCase().replace(/^__(?:host|secure)-/, "")',
        replace: 'name.toLowerCase().replace(/^__host-/, "")',
        test: attack,
        named: "__Secure-vestibule=x never goes upstream, its neighbours do",
      },
      {
        file: cookies,
        find: "name.toLowerCase().replace",
        replace: "name.replace",
        test: attack,
        named: "VESTIBULE=x never goes upstream, its neighbours do",
      },
      {
        file: cookies,
        find: "return bare === base ||",
        replace: "return bare === base;\n  return",
        test: attack,
        named: "vestibule-login-abc=x never goes upstream, its neighbours do",
      },
    ],
  },
  {
    promise: "All other cookies pass byte for byte.",
    mutations: [
      {
        file: cookies,
        find: 'kept.join(";").trimStart()',
        replace: 'kept.map((pair) => pair.trim()).join("; ")',
        test: unit,
        named: "our own cookies are taken out, and all other bytes of the field stay",
      },
      {
        file: cookies,
        find: "return bare === base ||",
        replace: "return bare.startsWith(base) ||",
        test: attack,
        named: "vestibules=x is the application's and passes byte for byte",
      },
    ],
  },
  {
    promise: "An upstream can neither set nor clear one of our cookies, in any disguise.",
    mutations: [
      {
        file: "src/upstream/response-headers.ts",
        find: 'if (kind === "set-cookie" && setsOwnCookie(value, cookieName)) continue;',
        replace: "",
        test: attack,
        named: "an application's Set-Cookie 'vestibule=evil' is dropped, its others pass",
      },
      {
        file: cookies,
        find: '.replace(/^[\\s=]+/, "")',
        replace: "",
        test: attack,
        named: "an application's Set-Cookie '=vestibule=evil' is dropped, its others pass",
      },
    ],
  },
  {
    promise: "An `Authorization` that signed the caller in here is consumed; the application's own passes.",
    mutations: [
      {
        file: edits,
        find: 'const consumed = identity?.via === "bearer";',
        replace: "const consumed = false;",
        test: unit,
        named: "a bearer token that signed the caller",
      },
      {
        file: edits,
        find: 'const consumed = identity?.via === "bearer";',
        replace: "const consumed = true;",
        test: unit,
        named: "the application's own Authorization",
      },
    ],
  },
  {
    promise: "A rule that fills `Authorization` takes the caller's away, on its own route.",
    mutations: [
      {
        file: "src/upstream/identity-headers.ts",
        find: 'const ownsAuthorization = folded.has("authorization");',
        replace: "const ownsAuthorization = false;",
        test: "test/upstream/identity-headers.test.ts",
        named: "a rule for Authorization takes the header from callers on its own route only",
      },
    ],
  },
];
