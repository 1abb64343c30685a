import type { SecurityPromise } from "../../mutation.ts";

export const forced: readonly SecurityPromise[] = [
  {
    promise: "A posted logout counts only from the app's own site.",
    mutations: [
      {
        file: "src/control/logout/logout-intent.ts",
        find: 'const siteIsOwn = fetchSite === null || fetchSite === "same-origin" || fetchSite === "none";',
        replace: "const siteIsOwn = true;",
        test: "test/attack/logout-forced.test.ts",
        named: "our origin, but another site ends nothing",
      },
      {
        file: "src/control/logout/logout-intent.ts",
        find: "return siteIsOwn && (origin === null || origin === formatOrigin(own)) ?",
        replace: "return siteIsOwn ?",
        test: "test/attack/logout-forced.test.ts",
        named: "a foreign origin alone ends nothing",
      },
    ],
  },
  {
    promise: "A logout link of another site, or of nobody knows whom, asks first.",
    mutations: [
      {
        file: "src/control/logout/logout-intent.ts",
        find: 'incoming.fetchSite === "same-origin" || incoming.fetchSite === "none" ? "now" : "ask"',
        replace: '"now"',
        test: "test/attack/logout-forced.test.ts",
        named: "a link on another site: asks first",
      },
      {
        file: "src/control/logout/logout-intent.ts",
        find: 'incoming.fetchSite === "same-origin" || incoming.fetchSite === "none" ?',
        replace: 'incoming.fetchSite !== "cross-site" ?',
        test: "test/attack/logout-forced.test.ts",
        named: "a link on a sibling host: asks first",
      },
      {
        file: "src/control/logout/logout-intent.ts",
        find: 'if (incoming.origin !== null) return incoming.origin === origin ? "now" : "ask";',
        replace: "",
        test: "test/attack/logout-forced.test.ts",
        named: "a foreign Origin with our Referer: asks first",
      },
      {
        file: "src/control/logout/logout-intent.ts",
        find: "?.startsWith(`${origin}/`) ?",
        replace: "?.startsWith(origin) ?",
        test: "test/attack/logout-forced.test.ts",
        named: "a Referer that begins like ours: asks first",
      },
      {
        file: "src/control/logout/logout-intent.ts",
        find: 'return headerOf(incoming, "referer")?.startsWith(`${origin}/`) ? "now" : "ask";',
        replace: 'return "now";',
        test: "test/attack/logout-forced.test.ts",
        named: "no word on where it comes from: asks first",
      },
    ],
  },
  {
    promise: "No image, frame or prefetch logs anybody out.",
    mutations: [
      {
        file: "src/control/logout/logout-intent.ts",
        find: 'if (destination !== null && destination !== "document" && destination !== "empty") return "ask";',
        replace: "",
        test: "test/attack/logout-forced.test.ts",
        named: "an image on the app's own page: asks first",
      },
      {
        file: "src/control/logout/logout-intent.ts",
        find: 'headerOf(incoming, "sec-purpose") !== null || ',
        replace: "",
        test: "test/attack/logout-forced.test.ts",
        named: "a prefetch: asks first",
      },
      {
        file: "src/control/logout/logout-intent.ts",
        find: ' || headerOf(incoming, "purpose") !== null',
        replace: "",
        test: "test/attack/logout-forced.test.ts",
        named: "a prefetch by an old browser: asks first",
      },
    ],
  },
  {
    promise: "A stranger's link does not drop the cookies of a login under way.",
    mutations: [
      {
        file: "src/control/logout/logout-endpoint.ts",
        find: 'return intent === "now" ? withCookies(farewell, cookiesToClear(parts, visit)) : farewell;',
        replace: "return withCookies(farewell, cookiesToClear(parts, visit));",
        test: "test/attack/logout-forced.test.ts",
        named: "another site's link and a login under way: 0 attempts are forgotten",
      },
    ],
  },
  {
    promise: "An app's logout URL opened by another site ends no session of ours.",
    mutations: [
      {
        file: "src/gateway/app-logout.ts",
        find: 'return incoming.fetchSite === "same-origin" || incoming.fetchSite === "none";',
        replace: "return true;",
        test: "test/gateway/app-logout.test.ts",
        named: "another site's image: the app answers and the session stays",
      },
      {
        file: "src/gateway/app-logout.ts",
        find: "return from === null || from === formatOrigin(origin) || from.startsWith(`${formatOrigin(origin)}/`);",
        replace: "return true;",
        test: "test/gateway/app-logout.test.ts",
        named: "another site's form, in an old browser: the app answers and the session stays",
      },
    ],
  },
  {
    promise: "The attacker's answer from the provider signs no victim in (login CSRF).",
    mutations: [
      {
        file: "src/control/login/complete-login.ts",
        find: "const login = parts.loginStates.recall(cookie, state);",
        replace:
          'const wish = { host: parts.settings.apps[0].hosts[0], path: "/", binding: "x", acr: [], rounds: 0, at: 0 };\n  const login = parts.loginStates.recall(cookie, state) ?? { state, provider: provider.id, memory: {}, acr: [], reauthenticate: false, wish, at: 0 };',
        test: "test/attack/login-binding.test.ts",
        named: "login CSRF: the attacker's answer from the provider signs no victim in",
      },
    ],
  },
  {
    promise: "The attacker's ticket signs no victim in as the attacker (login CSRF).",
    mutations: [
      {
        file: "src/control/login/enter-endpoint.ts",
        find: 'if (!isSameBinding(binding, ticket.binding)) return startOver(parts, request, ticket, "another browser\'s ticket");',
        replace: "",
        test: "test/attack/login-binding.test.ts",
        named: "login CSRF: the attacker's ticket signs no victim in as the attacker",
      },
    ],
  },
  {
    promise: "The attacker's wish, followed by a signed-in victim, hands the victim's session to nobody.",
    mutations: [
      {
        file: "src/control/login/enter-endpoint.ts",
        find: 'if (!isSameBinding(binding, ticket.binding)) return startOver(parts, request, ticket, "another browser\'s ticket");',
        replace: "",
        test: "test/attack/login-binding.test.ts",
        named: "a stolen ticket signs nobody in: a browser with a binding of its own",
      },
      {
        file: "src/control/login/enter-endpoint.ts",
        find: 'if (binding === null) return loopAnswer(parts, incoming, { site, path: "/" }, ["cookies-blocked"]);\n  if (!isSameBinding(binding, ticket.binding))',
        replace: "if (binding !== null && !isSameBinding(binding, ticket.binding))",
        test: "test/attack/login-binding.test.ts",
        named: "a stolen ticket signs nobody in: a browser that has never been there",
      },
    ],
  },
  {
    promise: "A ticket is good once, for a minute, on one host.",
    mutations: [
      {
        file: "src/store/memory-facts.ts",
        find: "parked.delete(name);",
        replace: "",
        test: "test/attack/login-binding.test.ts",
        named: "a ticket is good once: its rightful browser cannot use it twice",
      },
      {
        file: "src/store/redis-facts.ts",
        find: "client.getdel(keys.parked(kind, handle))",
        replace: "client.get(keys.parked(kind, handle))",
        test: "test/contract/session-store.test.ts",
        named: "the redis store a parked text is handed back to exactly one taker",
      },
      {
        file: "src/control/login/hand-over.ts",
        find: "const ticketLimitMs = 60_000;",
        replace: "const ticketLimitMs = 600_000;",
        test: "test/attack/login-binding.test.ts",
        named: "a ticket older than a minute is worthless",
      },
      {
        file: "src/control/login/enter-endpoint.ts",
        find: "if (ticket === null || ticket.host !== site.hostname)",
        replace: "if (ticket === null)",
        test: "test/attack/login-binding.test.ts",
        named: "not even where both hosts hold the same binding",
      },
    ],
  },
  {
    promise: "No login begins in an image, a script or a frame.",
    mutations: [
      {
        file: "src/control/login/start-login.ts",
        find: "refuseBackground(incoming);\n",
        replace: "",
        test: "test/attack/login-flood.test.ts",
        named: "no login begins in a request for iframe",
      },
    ],
  },
];
