import type { SecurityPromise } from "../../mutation.ts";

const flow = "test/attack/identity-headers-arriving.test.ts";
const names = "test/attack/identity-headers-names.test.ts";
const edits = "src/upstream/request-headers.ts";
const managed = "src/upstream/identity-managed-names.ts";
const compiled = "src/upstream/identity-headers.ts";

/** Which headers of a caller's are deleted, and where. */
export const identityNames: readonly SecurityPromise[] = [
  {
    promise: "A caller's own identity header is deleted before ours are written, from requests and WebSocket handshakes.",
    mutations: [
      {
        file: edits,
        find: "if (identityHeaders.removes(name) || edits",
        replace: "if (edits",
        test: flow,
        named: "of a signed-in visitor arrives exactly what the session says",
      },
      {
        file: edits,
        find: "if (identityHeaders.removes(name) || edits",
        replace: "if ((!incoming.websocket && identityHeaders.removes(name)) || edits",
        test: flow,
        named: "of a WebSocket handshake too",
      },
    ],
  },
  {
    promise: "It is deleted on public and optional paths too, where nobody is signed in.",
    mutations: [
      {
        file: compiled,
        find: "edit: { removes, set: [] } };",
        replace: "edit: { removes: () => false, set: [] } };",
        test: flow,
        named: "of a stranger on a public path arrives exactly what the session says",
      },
      {
        file: edits,
        find: "if (identityHeaders.removes(name) || edits",
        replace: "if ((identity !== null && identityHeaders.removes(name)) || edits",
        test: flow,
        named: "of a stranger on an optional path arrives exactly what the session says",
      },
    ],
  },
  {
    promise: "A public path gets no identity at all, even of somebody who is signed in.",
    mutations: [
      {
        file: "src/policy/decide.ts",
        find: 'if (route.isPublic(incoming.method, reading)) return { kind: "pass", identity: null };',
        replace:
          'if (route.isPublic(incoming.method, reading)) return { kind: "pass", identity: identity.kind === "known" ? identity : null };',
        test: "test/policy/decide.test.ts",
        named: "passed without an identity",
      },
    ],
  },
  {
    promise: "Names are compared after folding: case, `-`, `_`, `.` and every other sign make no difference.",
    mutations: [
      {
        file: "src/core/header-name.ts",
        find: "name.toLowerCase().replace(/[^a-z0-9]/g",
        replace: "name.replace(/[^a-zA-Z0-9]/g",
        test: flow,
        named: "of a signed-in visitor arrives exactly what the session says",
      },
      {
        file: "src/core/header-name.ts",
        find: "/[^a-z0-9]/g",
        replace: "/[.]/g",
        test: flow,
        named: "of a signed-in visitor arrives exactly what the session says",
      },
      {
        file: "src/core/header-name.ts",
        find: "/[^a-z0-9]/g",
        replace: "/_/g",
        test: flow,
        named: "of a signed-in visitor arrives exactly what the session says",
      },
      {
        file: "src/core/header-name.ts",
        find: "/[^a-z0-9]/g",
        replace: "/[_.]/g",
        test: names,
        named: "Remote-User is the gateway's in every spelling",
      },
    ],
  },
  {
    promise: "Every identity header and assertion header named anywhere in the configuration is the gateway's on all apps.",
    mutations: [
      {
        file: managed,
        find: "for (const rule of headers.set) names.add(foldHeaderName(rule.name));",
        replace: "",
        test: names,
        named: "X-Department is the gateway's in every spelling",
      },
      {
        file: managed,
        find: "if (headers.assertion !== null) names.add(foldHeaderName(headers.assertion.header));",
        replace: "",
        test: flow,
        named: "a route with an assertion alone sends one, and it is not the caller's",
      },
      {
        file: managed,
        find: "for (const app of settings.apps) {",
        replace: "for (const app of settings.apps.slice(0, 1)) {",
        test: names,
        named: "a header that another app gets is taken from callers of every app",
      },
      {
        file: managed,
        find: "of app.routes) {",
        replace: "of app.routes.slice(0, 1)) {",
        test: flow,
        named: "of a stranger on a public path arrives exactly what the session says",
      },
    ],
  },
  {
    promise:
      "So are the well-known ones, whether the configuration names them or not: `Remote-*`, `X-Forwarded-User` and its kin, `X-Auth-Request-*`, `X-WEBAUTH-*`.",
    mutations: [
      { file: managed, find: "(?:x-)?remote|", replace: "", test: names, named: "Remote-Anything is the gateway's in every spelling" },
      { file: managed, find: "user|email|", replace: "email|", test: names, named: "X-Forwarded-User is the gateway's in every spelling" },
      { file: managed, find: "user|email|", replace: "user|", test: names, named: "X-Forwarded-Email is the gateway's in every spelling" },
      { file: managed, find: "groups?|", replace: "", test: names, named: "X-Forwarded-Groups is the gateway's in every spelling" },
      {
        file: managed,
        find: "preferred-username|",
        replace: "",
        test: names,
        named: "X-Forwarded-Preferred-Username is the gateway's in every spelling",
      },
      { file: managed, find: "x-auth-request|", replace: "", test: names, named: "X-Auth-Request-User is the gateway's in every spelling" },
      { file: managed, find: "|x-webauth", replace: "", test: names, named: "X-WEBAUTH-USER is the gateway's in every spelling" },
    ],
  },
  {
    promise: "A flood of invented names does not hide a managed one, however long.",
    mutations: [
      {
        file: managed,
        find: "name.length > rememberedLength ? judge(name) : judgeOnce(name)",
        replace: "name.length <= rememberedLength && judgeOnce(name)",
        test: names,
        named: "a flood of invented names neither hides a managed one nor grows for ever",
      },
    ],
  },
  {
    promise: "The operator's plain header edits can not forge an identity header either.",
    mutations: [
      {
        file: edits,
        find: "else if (!plan.identityHeaders.removes(name)) headers.push(name, value);",
        replace: "else headers.push(name, value);",
        test: "test/upstream/request-headers.test.ts",
        named: "the operator's edits remove and set, but never touch identity or framing",
      },
    ],
  },
];
