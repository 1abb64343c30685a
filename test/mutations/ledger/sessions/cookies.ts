import type { SecurityPromise } from "../../mutation.ts";

export const cookies: readonly SecurityPromise[] = [
  {
    promise: "Over https the session cookie has the `__Host-` prefix.",
    mutations: [
      {
        file: "src/identity/session-cookies.ts",
        find: "const name = deps.secure ? `__Host-${deps.baseName}` : deps.baseName;",
        replace: "const name = deps.baseName;",
        test: "test/identity/session-cookies.test.ts",
        named: "over https the cookie is host-only, secure, out of scripts' reach and lax",
      },
    ],
  },
  {
    promise: "Every cookie of ours is Secure.",
    mutations: [
      {
        file: "src/identity/session-cookies.ts",
        find: 'SameSite=Lax${deps.secure ? "; Secure" : ""}`',
        replace: "SameSite=Lax`",
        test: "test/identity/session-cookies.test.ts",
        named: "over https the cookie is host-only, secure, out of scripts' reach and lax",
      },
      {
        file: "src/control/own-cookies.ts",
        find: '${session.name.startsWith("__Host-") ? "; Secure" : ""}',
        replace: "",
        test: "test/control/login.test.ts",
        named: "every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax",
      },
    ],
  },
  {
    promise: "Every cookie of ours is HttpOnly.",
    mutations: [
      {
        file: "src/identity/session-cookies.ts",
        find: "Path=/; HttpOnly; SameSite=Lax",
        replace: "Path=/; SameSite=Lax",
        test: "test/identity/session-cookies.test.ts",
        named: "over https the cookie is host-only, secure, out of scripts' reach and lax",
      },
      {
        file: "src/control/own-cookies.ts",
        find: "Path=/; HttpOnly; SameSite=Lax",
        replace: "Path=/; SameSite=Lax",
        test: "test/control/login.test.ts",
        named: "every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax",
      },
    ],
  },
  {
    promise: "Every cookie of ours is SameSite=Lax.",
    mutations: [
      {
        file: "src/identity/session-cookies.ts",
        find: "; SameSite=Lax",
        replace: "",
        test: "test/identity/session-cookies.test.ts",
        named: "over https the cookie is host-only, secure, out of scripts' reach and lax",
      },
      {
        file: "src/control/own-cookies.ts",
        find: "; SameSite=Lax",
        replace: "; SameSite=None",
        test: "test/control/login.test.ts",
        named: "every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax",
      },
    ],
  },
  {
    promise: "Every cookie of ours is for Path=/ of one host: none has a Domain.",
    mutations: [
      {
        file: "src/identity/session-cookies.ts",
        find: "Path=/; HttpOnly",
        replace: "Path=/app; HttpOnly",
        test: "test/identity/session-cookies.test.ts",
        named: "over https the cookie is host-only, secure, out of scripts' reach and lax",
      },
      {
        file: "src/control/own-cookies.ts",
        find: "Path=/; HttpOnly",
        replace: "Domain=acme.example; Path=/; HttpOnly",
        test: "test/control/login.test.ts",
        named: "every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax",
      },
    ],
  },
  {
    promise: "Deleting a cookie uses the attributes it was set with.",
    mutations: [
      {
        file: "src/identity/session-cookies.ts",
        find: "clear: () => `${name}=; ${attributes};",
        replace: "clear: () => `${name}=; Path=/;",
        test: "test/identity/session-cookies.test.ts",
        named: "deleting uses the same name and attributes",
      },
      {
        file: "src/control/own-cookies.ts",
        find: "clear: (name) => `${name}=; ${attributes};",
        replace: "clear: (name) => `${name}=; Path=/;",
        test: "test/control/login.test.ts",
        named: "every cookie of a login and a logout is host-only, secure, out of scripts' reach and lax",
      },
    ],
  },
  {
    promise: "A session cookie that was not issued here, or was altered, is no session.",
    mutations: [
      {
        file: "src/identity/session-cookies.ts",
        find: "return good ? id : null;",
        replace: "return id;",
        test: "test/attack/cookies.test.ts",
        named: "a changed signature: not signed in",
      },
    ],
  },
  {
    promise: "A session cookie is good on one host only.",
    mutations: [
      {
        file: "src/identity/session-cookies.ts",
        find: ".update(`${hostname}\\0${id}`)",
        replace: ".update(id)",
        test: "test/attack/logout-forced.test.ts",
        named: "cookies of another host's copy",
      },
      {
        file: "src/identity/session-cookies.ts",
        find: "const label = `${hostname} ${value}`;",
        replace: "const label = value;",
        test: "test/identity/session-cookies.test.ts",
        named: "what is issued is read on that host and nowhere else",
      },
    ],
  },
  {
    promise: "Two cookies of our name = not signed in.",
    mutations: [
      {
        file: "src/identity/cookie-value.ts",
        find: "if (found !== null) return null;",
        replace: "",
        test: "test/attack/cookies.test.ts",
        named: "two session cookies: not signed in",
      },
      {
        file: "src/identity/cookie-value.ts",
        find: "if (found !== null) return null;",
        replace: "if (found !== null) break;",
        test: "test/attack/cookies.test.ts",
        named: "a good one and a bad one: not signed in",
      },
    ],
  },
  {
    promise: "Two of another cookie of ours count as none.",
    mutations: [
      {
        file: "src/control/own-cookies.ts",
        find: "return values.length === 1 ?",
        replace: "return values.length >= 1 ?",
        test: "test/attack/login-binding.test.ts",
        named: "a planted second binding cookie makes the browser nobody's",
      },
    ],
  },
  {
    promise: "A login has a new session id: none that the browser brought along, none that follows from who logs in.",
    mutations: [
      {
        file: "src/control/login/begin-session.ts",
        find: "const session = await parts.sessions.create(vouched);",
        replace: 'const session = (await parts.sessions.find(listed[0]?.id ?? "")) ?? (await parts.sessions.create(vouched));',
        test: "test/attack/login-binding.test.ts",
        named: "session fixation: an id that the visitor brings along is never the one that is signed in",
      },
      {
        file: "src/store/session-limits.ts",
        find: "const id = newId(deps.random);",
        replace: "const id = newId(() => Buffer.alloc(32, wanted.principal.subject));",
        test: "test/contract/session-store.test.ts",
        named: "the memory store ids are never the same and never derived from who logs in",
      },
    ],
  },
  {
    promise: "A change of strength has a new session id, and the old one is dead.",
    mutations: [
      {
        file: "src/control/login/begin-session.ts",
        find: "const session = await parts.sessions.create(vouched);",
        replace:
          "const old = login.acr.length > 0 && listed[0] ? await parts.sessions.find(listed[0].id) : null;\n  const session = (old && (await parts.sessions.renew(old, { ...old, principal: vouched.principal }))) || (await parts.sessions.create(vouched));",
        test: "test/e2e/login-variants.test.ts",
        named: "a rule that needs a stronger acr leads to a new login that asks for it, under a new session",
      },
      {
        file: "src/control/login/begin-session.ts",
        find: "&& session.principal.acr === principal.acr ?",
        replace: "?",
        test: "test/control/login.test.ts",
        named: "with another strength, are two logins, and the later one counts",
      },
    ],
  },
  {
    promise: "A session that an earlier login made is kept only for the very same person and only while it is a twin of this login.",
    mutations: [
      {
        file: "src/control/login/begin-session.ts",
        find: "return session.principal.subject === principal.subject && ",
        replace: "return ",
        test: "test/control/login.test.ts",
        named: "as another person, are two logins, and the later one counts",
      },
      {
        file: "src/control/login/begin-session.ts",
        find: "if (session === null || session.createdAt < login.at) return null;",
        replace: "if (session === null) return null;",
        test: "test/control/login.test.ts",
        named: "a session past the app's own lifetime leads to a new login",
      },
    ],
  },
  {
    promise: "A new login ends this browser's older session of the provider.",
    mutations: [
      {
        file: "src/control/login/begin-session.ts",
        find: 'await endListed(parts, incoming, replaced, "replaced");',
        replace: "",
        test: "test/control/login.test.ts",
        named: "a new login has a new session id and ends this browser's older session of the provider",
      },
    ],
  },
];
