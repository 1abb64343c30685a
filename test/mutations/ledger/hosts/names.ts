import type { SecurityPromise } from "../../mutation.ts";

const edge = "test/attack/hosts.test.ts";
const table = "test/policy/route-table.test.ts";
const host = "src/http/host.ts";
const sites = "src/policy/hosts.ts";
const malformed = "is malformed and refused";
const isTheWiki = "is the wiki, and the session's cookie counts there";
const nobodys = "is nobody's: 421, and no default upstream hears of it";

export const hostsNames: readonly SecurityPromise[] = [
  {
    promise: "Case, one trailing dot and the default port fold to one route and one cookie host.",
    mutations: [
      {
        file: host,
        find: "return upperCase ? name.toLowerCase() : name;",
        replace: "return name;",
        test: edge,
        named: `Host 'WIKI.Acme.Example' ${isTheWiki}`,
      },
      {
        file: host,
        find: "const name = end === text.length ? text : text.slice(0, end);",
        replace: "const name = text;",
        test: edge,
        named: `Host 'wiki.acme.example.' ${isTheWiki}`,
      },
      {
        file: "src/http/read-incoming.ts",
        find: "port: host.port === (arrivedByTls(req, peerTrusted, fields) ? 443 : 80) ? null : host.port,",
        replace: "port: host.port,",
        test: edge,
        named: `Host 'wiki.acme.example:80' ${isTheWiki}`,
      },
      {
        file: "src/identity/from-session.ts",
        find: "deps.cookies.read(incoming.cookie, incoming.hostname);",
        replace: 'deps.cookies.read(incoming.cookie, incoming.rawHeaders[1] ?? "");',
        test: edge,
        named: `Host 'WIKI.Acme.Example' ${isTheWiki}`,
      },
    ],
  },
  {
    promise: "They fold to one host in redirects, too: the configured one, whatever Host or X-Forwarded-Host says.",
    mutations: [
      {
        file: "src/control/login/door.ts",
        find: "const wanted = formatOrigin(site.origin) + pageOf(incoming, site);",
        replace: 'const wanted = `https://${headerOf(incoming, "host")}${pageOf(incoming, site)}`;',
        test: edge,
        named: "whoever asks for Host 'WIKI.Acme.Example' is sent back from the login to the app's one address",
      },
      {
        file: "src/control/login/door.ts",
        find: "return redirectTo(`${formatOrigin(deps.settings.auth.origin)}/_vestibule/login?${query}`, {",
        replace:
          'return redirectTo(`https://${headerOf(incoming, "x-forwarded-host") ?? deps.settings.auth.origin.hostname}/_vestibule/login?${query}`, {',
        test: edge,
        named: "X-Forwarded-Host chooses neither the site nor the login's address",
      },
    ],
  },
  {
    promise: "Any other spelling of a host is malformed: 400.",
    mutations: [
      {
        file: host,
        find: "else if (!isNameChar(code)) return null;",
        replace: "",
        test: edge,
        named: `Host 'wiki.acme.example/evil' ${malformed}`,
      },
      {
        file: host,
        find: "else if (!isNameChar(code)) return null;",
        replace: "",
        test: edge,
        named: `Host 'u@wiki.acme.example' ${malformed}`,
      },
      {
        file: host,
        find: "if (at === labelStart || at - labelStart > 63) return null;",
        replace: "if (at - labelStart > 63) return null;",
        test: edge,
        named: `Host 'wiki..acme.example' ${malformed}`,
      },
      {
        file: host,
        find: "if (at === labelStart || at - labelStart > 63) return null;",
        replace: "if (at === labelStart) return null;",
        test: edge,
        named: "Host 'aaaaaaaa",
      },
      {
        file: host,
        find: "if (end === 0 || end > 253) return null;",
        replace: "if (end === 0) return null;",
        test: edge,
        named: "Host 'a.a.a.a",
      },
      {
        file: host,
        find: "if (!/^[1-9][0-9]{0,4}$/.test(text)) return null;",
        replace: "if (!/^[0-9]{0,5}$/.test(text)) return null;",
        test: edge,
        named: `Host 'wiki.acme.example:080' ${malformed}`,
      },
      {
        file: host,
        find: "if (!/^[1-9][0-9]{0,4}$/.test(text)) return null;",
        replace: "if (!/^(?:[1-9][0-9]{0,4})?$/.test(text)) return null;",
        test: edge,
        named: `Host 'wiki.acme.example:' ${malformed}`,
      },
      {
        file: host,
        find: "return port <= 65_535 ? port : null;",
        replace: "return port;",
        test: edge,
        named: `Host 'wiki.acme.example:65536' ${malformed}`,
      },
      {
        file: host,
        find: "if (address === null) return null;",
        replace: 'if (address === null) return { hostname: "wiki.acme.example", port: null };',
        test: edge,
        named: `Host '[::1' ${malformed}`,
      },
    ],
  },
  {
    promise: "A host that nobody configured, or a port that is not the site's, is 421 and never reaches a default upstream.",
    mutations: [
      {
        file: sites,
        find: "if (app === undefined) return null;",
        replace: "if (app === undefined) return [...exact.values()].find((one) => one.app !== null) ?? null;",
        test: edge,
        named: `evil.example ${nobodys}`,
      },
      {
        file: "src/gateway/site.ts",
        find: 'throw new GatewayError("request.host-unknown", `${incoming.hostname} is not at port ${port}`);',
        replace: "return site;",
        test: edge,
        named: `wiki.acme.example:1 ${nobodys}`,
      },
      {
        file: "src/gateway/handle-request.ts",
        find: "else if (hasApp(site)) serveApp(deps, line, { incoming, site, route: deps.findRoute(site.app, incoming.readings[0] ?? incoming.path) });",
        replace:
          'else if (site !== null) {\n      const app = hasApp(site) ? site : deps.findSite("wiki.acme.example");\n      serveApp(deps, line, { incoming, site: app, route: deps.findRoute(app.app, incoming.path) });\n    }',
        test: edge,
        named: "the auth origin's host serves nothing but the gateway's own pages",
      },
    ],
  },
  {
    promise: "Wildcards match one label, on label borders, and never the host where people sign in.",
    mutations: [
      {
        file: sites,
        find: "const app = dot > 0 ? wildcards.get(hostname.slice(dot + 1)) : undefined;",
        replace: "const app = [...wildcards].find(([parent]) => hostname.endsWith(`.${parent}`))?.[1];",
        test: edge,
        named: `a.b.apps.acme.example ${nobodys}`,
      },
      {
        file: sites,
        find: "const app = dot > 0 ? wildcards.get(hostname.slice(dot + 1)) : undefined;",
        replace: "const app = [...wildcards].find(([parent]) => hostname.endsWith(parent))?.[1];",
        test: table,
        named: '*.acme.example does not cover "crm-acme.example"',
      },
      {
        file: sites,
        find: "const app = dot > 0 ? wildcards.get(hostname.slice(dot + 1)) : undefined;",
        replace: "const app = wildcards.get(hostname.slice(dot + 1));",
        test: table,
        named: '*.acme.example does not cover ".acme.example"',
      },
      {
        file: sites,
        find: "app: shared?.app ?? null, isAuth: true",
        replace: 'app: shared?.app ?? wildcards.get(auth.hostname.slice(auth.hostname.indexOf(".") + 1)) ?? null, isAuth: true',
        test: table,
        named: "the auth host is a site of its own, and no wildcard puts an app on it",
      },
    ],
  },
  {
    promise: "The most specific host wins, whatever the order in the file.",
    mutations: [
      {
        file: sites,
        find: "const site = exact.get(hostname) ?? remembered.get(hostname);",
        replace:
          'const wild = wildcards.has(hostname.slice(hostname.indexOf(".") + 1));\n    const site = (wild ? undefined : exact.get(hostname)) ?? remembered.get(hostname);',
        test: table,
        named: "hosts are found by the most specific name, the file read forwards",
      },
    ],
  },
  {
    promise: "The longest path wins, on segment borders, whatever the order in the file.",
    mutations: [
      {
        file: "src/policy/route-table.ts",
        find: "const prefixes = settings.routes.toSorted((one, other) => other.path.length - one.path.length);",
        replace: 'const prefixes = settings.routes.toSorted((one, other) => Number(one.path === "/") - Number(other.path === "/"));',
        test: table,
        named: "/admin/users belongs to the route /admin/users, whatever the order in the file",
      },
      {
        file: "src/core/path.ts",
        find: "return reading.startsWith(prefix) && (reading.length === prefix.length || reading.charCodeAt(prefix.length) === SLASH);",
        replace: "return reading.startsWith(prefix);",
        test: "test/attack/paths.test.ts",
        named: "/administrator is open and goes out byte for byte",
      },
    ],
  },
  {
    promise: "Health lives on the admin listener alone; on a public one its paths are the app's, and a User-Agent means nothing.",
    mutations: [
      {
        file: "src/policy/decide.ts",
        find: "if (route.isPublic(incoming.method, reading)) return",
        replace: 'if (route.isPublic(incoming.method, reading) || /^(?:kube-probe|ELB-)/.test(incoming.userAgent ?? "")) return',
        test: edge,
        named: "kube-probe/1.33 asking for / is a visitor like any other: a health check has the admin listener",
      },
      {
        file: "src/policy/decide.ts",
        find: "if (route.isPublic(incoming.method, reading)) return",
        replace: 'if (route.isPublic(incoming.method, reading) || reading === "/readyz") return',
        test: edge,
        named: "GoogleHC/1.0 asking for /readyz is a visitor like any other: a health check has the admin listener",
      },
      {
        file: "src/control/admin.ts",
        find: 'app.get("/healthz", () => new Response("alive\\n", { headers: plain }));',
        replace: "",
        test: "test/control/endpoints.test.ts",
        named: "the admin listener answers health and metrics, and nothing else",
      },
    ],
  },
];
