// The layers of design.md: who may import what. dependency-cruiser enforces it in layers.test.ts.

/**
 * `layers` are the other folders that a folder may import, besides `core` and `lib`, which all may; `packages` are npm packages and Node modules.
 * A type-only import counts like any other. A folder inside `login/` is a layer of its own. `files` are single files of other folders.
 */
const layers = {
  lib: { layers: [], packages: ["node:net", "node:buffer", "node:fs"] },
  core: { layers: [], packages: [] },
  config: {
    layers: ["pages/texts"],
    files: ["src/login/methods.ts"],
    packages: ["zod", "yaml", "node:fs", "node:path", "node:net", "node:crypto"],
  },
  policy: { layers: [], packages: [] },
  http: { layers: [], packages: ["node:http", "node:https", "node:net", "node:stream", "node:tls", "node:crypto", "node:fs"] },
  identity: { layers: ["http"], packages: ["node:crypto", "node:timers/promises"] },
  upstream: {
    layers: ["http"],
    packages: ["undici", "node:http", "node:https", "node:net", "node:tls", "node:stream", "node:stream/promises", "node:dns"],
  },
  gateway: { layers: ["http", "identity", "policy", "upstream"], packages: ["node:http", "node:net", "node:stream"] },
  sessions: { layers: [], packages: ["ioredis", "lru-cache", "node:crypto"] },
  directory: {
    layers: [],
    packages: ["ioredis", "node:crypto", "node:dns/promises", "node:sqlite", "node:fs", "node:path", "node:timers/promises"],
  },
  // The table of login methods and the port that each of them fills: what is said under a method's key is read in the method's folder.
  "login/claims": { layers: [], packages: [] },
  "login/remote": { layers: [], packages: [] },
  "login/flow": { layers: ["control", "pages", "http"], packages: ["node:crypto"] },
  "login/oidc": {
    layers: ["login/claims", "login/remote", "login/flow", "control", "logout", "config/values", "config/problems"],
    files: ["src/login/method.ts"],
    packages: ["openid-client", "oauth4webapi", "jose", "zod", "node:crypto", "node:timers/promises"],
  },
  "login/saml": {
    layers: ["login/claims", "login/remote", "login/flow", "control", "logout", "config/values", "config/problems"],
    files: ["src/login/method.ts"],
    packages: ["xml-encryption", "saxes", "zod", "node:crypto", "node:zlib", "node:fs/promises", "node:worker_threads"],
  },
  "login/ldap": {
    layers: ["login/claims", "login/flow", "control", "config/values", "config/problems"],
    files: ["src/login/method.ts"],
    packages: ["ldapts", "zod", "node:crypto", "node:net", "node:stream", "node:tls"],
  },
  // koffi is loaded by name when a provider needs it: it is optional. The directory says who a principal is.
  "login/kerberos": {
    layers: ["login/claims", "login/ldap", "config/values", "config/problems"],
    files: ["src/login/method.ts"],
    packages: ["zod", "node:crypto", "node:fs", "node:fs/promises", "node:module", "node:os", "node:path", "node:worker_threads"],
  },
  "login/local": {
    layers: ["login/flow", "control", "config/values", "config/problems"],
    files: ["src/login/method.ts"],
    packages: ["@simplewebauthn/server", "yaml", "zod", "node:crypto", "node:fs/promises"],
  },
  portal: { layers: ["control"], packages: ["node:crypto"] },
  logout: { layers: ["control", "pages", "http"], packages: [] },
  "pages/texts": { layers: [], packages: [] },
  pages: { layers: [], packages: ["hono", "node:crypto"] },
  control: { layers: ["http"], packages: ["hono"] },
  admin: {
    layers: ["control", "pages", "http"],
    packages: ["hono", "@hono/node-server", "zod", "node:crypto", "node:http", "node:net", "node:timers/promises"],
  },
  observe: { layers: [], packages: ["pino", "prom-client", "@opentelemetry", "node:async_hooks", "node:crypto", "node:stream", "node:fs"] },
  // The only places where parts are put together.
  process: { layers: null, packages: null },
  commands: { layers: null, packages: null },
};

/** `^(zod)/` in node_modules, or the bare name of a Node module. */
const packagePattern = (names) => {
  const npm = names.filter((name) => !name.startsWith("node:")).map((name) => `node_modules/${name}/`);
  const node = names.filter((name) => name.startsWith("node:")).map((name) => `(node:)?${name.slice(5)}$`);
  return npm.length + node.length === 0 ? "^$" : `^(${[...npm, ...node].join("|")})`;
};

const layerRules = Object.entries(layers).flatMap(([name, allowed]) => [
  ...(allowed.layers === null
    ? []
    : [
        {
          name: `${name}-imports-only-its-layers`,
          severity: "error",
          from: { path: `^src/${name}/` },
          to: {
            path: "^src/",
            pathNot: `^src/(${[name, ...(name === "lib" ? [] : ["core", "lib"]), ...allowed.layers].join("|")})/|^(${(allowed.files ?? ["-"]).join("|").replaceAll(".", "\\.")})$`,
          },
        },
      ]),
  ...(allowed.packages === null
    ? []
    : [
        {
          name: `${name}-imports-only-its-packages`,
          severity: "error",
          from: { path: `^src/${name}/` },
          to: { pathNot: ["^src/", packagePattern(allowed.packages)] },
        },
      ]),
]);

module.exports = {
  layers,
  forbidden: [
    ...layerRules,
    {
      name: "methods-are-rows",
      severity: "error",
      from: { path: "^src/login/methods\\.ts$" },
      to: { pathNot: "^src/login/(method\\.ts|[a-z]+/method\\.ts)$" },
    },
    {
      name: "a-method-is-ports-only",
      severity: "error",
      from: { path: "^src/login/method\\.ts$" },
      to: { pathNot: "^src/(core|control|config/values|config/problems)/|^src/login/flow/parts\\.ts$|^node_modules/zod/" },
    },
    {
      name: "main-starts-commands-only",
      severity: "error",
      from: { path: "^src/main\\.ts$" },
      to: { path: "^src/", pathNot: "^src/commands/" },
    },
    {
      name: "no-folder-outside-the-table",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: `^src/(${Object.keys(layers).join("|")})/|^src/login/[^/]+$` },
      to: {},
    },
    // A type-only import may go back: it is gone when the program runs.
    { name: "no-cycle", severity: "error", from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } } },
    // Threads are started by their file's URL, not imported: their entries end in -thread.ts.
    {
      name: "no-dead-module",
      severity: "error",
      from: { path: "^src/main\\.ts$|-thread\\.ts$" },
      to: { path: "^src/", pathNot: "^src/main\\.ts$|-thread\\.ts$|\\.d\\.ts$", reachable: false },
    },
    { name: "everything-resolves", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "no-development-package",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["types", "import", "node", "default"] },
  },
};
