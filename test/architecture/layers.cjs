// The layers of design.md: who may import what. dependency-cruiser enforces it in layers.test.ts.

/** `packages` are npm packages and Node modules; a type-only import counts like any other. */
const layers = {
  core: { layers: [], packages: [] },
  config: { layers: ["core"], packages: ["zod", "yaml", "node:fs", "node:path", "node:net", "node:crypto"] },
  http: { layers: ["core"], packages: ["node:http", "node:net", "node:stream"] },
  policy: { layers: ["core"], packages: [] },
  identity: { layers: ["core", "http"], packages: ["node:crypto", "node:timers/promises"] },
  upstream: {
    layers: ["core", "http"],
    packages: ["undici", "node:http", "node:https", "node:net", "node:tls", "node:stream", "node:stream/promises", "node:dns"],
  },
  gateway: { layers: ["core", "http", "identity", "policy", "upstream"], packages: ["node:http", "node:net", "node:stream"] },
  control: { layers: ["core", "http"], packages: ["hono", "node:crypto"] },
  protocol: {
    layers: ["core"],
    packages: [
      "openid-client",
      "oauth4webapi",
      "jose",
      "undici",
      "xml-encryption",
      "node:crypto",
      "node:zlib",
      "node:fs/promises",
      "node:worker_threads",
    ],
  },
  store: { layers: ["core"], packages: ["ioredis", "lru-cache", "node:crypto"] },
  workers: { layers: ["core"], packages: ["node:cluster"] },
  observe: { layers: ["core"], packages: ["pino", "prom-client", "node:stream"] },
};

/** `^(zod)/` in node_modules, or the bare name of a Node module. */
const packagePattern = (names) => {
  const npm = names.filter((name) => !name.startsWith("node:")).map((name) => `node_modules/${name}/`);
  const node = names.filter((name) => name.startsWith("node:")).map((name) => `(node:)?${name.slice(5)}$`);
  return npm.length + node.length === 0 ? "^$" : `^(${[...npm, ...node].join("|")})`;
};

const layerRules = Object.entries(layers).flatMap(([name, allowed]) => [
  {
    name: `${name}-imports-only-its-layers`,
    severity: "error",
    from: { path: `^src/${name}/` },
    to: { path: "^src/", pathNot: `^src/(${[name, ...allowed.layers].join("|")})/` },
  },
  {
    name: `${name}-imports-only-its-packages`,
    severity: "error",
    from: { path: `^src/${name}/` },
    to: { pathNot: ["^src/", packagePattern(allowed.packages)] },
  },
]);

module.exports = {
  layers,
  forbidden: [
    ...layerRules,
    {
      name: "no-folder-outside-the-table",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: `^src/(${Object.keys(layers).join("|")}|commands)/` },
      to: {},
    },
    { name: "no-cycle", severity: "error", from: {}, to: { circular: true } },
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
