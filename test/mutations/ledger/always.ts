import type { Chapter } from "../mutation.ts";
import { alwaysClosed } from "./always/closed.ts";

const answers = "test/gateway/answers.test.ts";
const oneRequest = "test/attack/upstream-one-request.test.ts";
const visitors = "test/attack/two-visitors.test.ts";
const survival = "test/attack/survival.test.ts";

export const always: Chapter = {
  title: "Always true",
  promises: [
    {
      promise:
        "A request that the policy did not allow is not seen by any upstream: not of a stranger, nor of a visitor whom the rules refuse.",
      mutations: [
        {
          file: "src/policy/decide.ts",
          find: 'return isOptional ? { kind: "pass", identity: null } : askAgain("no-session", route, incoming, [], false);',
          replace: 'return { kind: "pass", identity: null };',
          test: answers,
          named: "who runs a script gets 401",
        },
        {
          file: "src/policy/decide.ts",
          find: "if (!route.settings.enforce) {",
          replace: "if (route.settings !== null) {",
          test: "test/attack/paths.test.ts",
          named: "/admin may be the admin's page to an upstream, so its rules count",
        },
        {
          file: "src/policy/decide.ts",
          find: 'if (!accepted) return askAgain("other-provider", route, incoming, [], identity.via === "bearer");',
          replace: "",
          test: "test/policy/decide.test.ts",
          named: "a protected route and a script with such a session: challenge",
        },
      ],
    },
    {
      promise:
        "One allowed request is one upstream request: nothing in its body becomes a second one, and what may have been carried out is not sent again.",
      mutations: [
        {
          file: "src/upstream/forward-request.ts",
          find: 'if (body.kind === "chunked" || (body.kind === "length" && body.bytes > 0))',
          replace: 'if ((body.kind === "chunked" && plan.incoming.method !== "DELETE") || (body.kind === "length" && body.bytes > 0))',
          test: oneRequest,
          named: "a chunked DELETE whose body looks like a request is one request upstream",
        },
        {
          file: "src/upstream/forward-request.ts",
          find: "if (!(error instanceof Error) || exchange.repeated || exchange.answerBegun || exchange.upload !== null) return false;",
          replace: "return exchange.repeated === false;",
          test: oneRequest,
          named: "a POST with a body, whose connection breaks before the answer, is not sent again",
        },
        {
          file: "src/http/unread-body.ts",
          find: 'return expect === undefined && length !== undefined && Number(length) <= keepAliveBytes ? "small" : "large";',
          replace: 'return "small";',
          test: "test/attack/refused-uploads.test.ts",
          named: "a refused body announced as chunks: answered at once, and the connection ends",
        },
      ],
    },
    {
      promise: "A forwarded request carries each identity header once, however the caller spelled theirs.",
      mutations: [
        {
          file: "src/upstream/request-headers.ts",
          find: "if (identityHeaders.removes(name) || edits.drops?.has(foldHeaderName(name))) continue;",
          replace: "if (edits.drops?.has(foldHeaderName(name))) continue;",
          test: visitors,
          named: "visitors who take turns on one connection each arrive under their own name, once",
        },
        {
          file: "src/core/header-name.ts",
          find: 'return name.toLowerCase().replace(/[^a-z0-9]/g, "-");',
          replace: "return name.toLowerCase();",
          test: visitors,
          named: "visitors who take turns on one connection each arrive under their own name, once",
        },
        {
          file: "src/upstream/request-headers.ts",
          find: "else if (!plan.identityHeaders.removes(name)) headers.push(name, value);",
          replace: "else headers.push(name, value);",
          test: "test/upstream/request-headers.test.ts",
          named: "the operator's edits remove and set, but never touch identity or framing",
        },
      ],
    },
    {
      promise: "The identity that a request carries is that of its own session, whoever else shares its connections.",
      mutations: [
        {
          file: "src/upstream/identity-headers.ts",
          find: "const key = fromTokens && identity.session !== null ? identity.session : identity.principal;",
          replace: "const key = nobody;",
          test: visitors,
          named: "visitors who take turns on one connection each arrive under their own name, once",
        },
        {
          file: "src/identity/session-cookies.ts",
          find: `const label = \`\${hostname} \${value}\`;`,
          replace: "const label = hostname;",
          test: visitors,
          named: "visitors who ask at the same time over shared upstream connections never mix",
        },
      ],
    },
    {
      promise:
        "The process lives on, the same one, with nothing unforeseen in its log: no request, no reset and no answer of an application ends it.",
      mutations: [
        {
          file: "src/gateway/handle-request.ts",
          find: "    answerFailureEarly(deps, line, incoming, error);",
          replace: "    if (incoming === null) throw error;\n    answerFailureEarly(deps, line, incoming, error);",
          test: survival,
          named: "no Host ends no process, read to the end or reset at once",
        },
        {
          file: "src/server.ts",
          find: 'socket.on("error", () => socket.destroy());',
          replace: "",
          test: "test/server/connections.test.ts",
          named: "the socket of a handshake has an error listener before anybody is asked",
        },
        {
          file: "src/upstream/upgrade-handshake.ts",
          find: 'asked.on("error", (error) => {',
          replace: 'asked.once("abort", (error) => {',
          test: survival,
          named: "an application that answers with status 1000 ends no process",
        },
        {
          file: "src/upstream/forward-upgrade.ts",
          find: "    } catch (error) {\n      if (socket.destroyed)",
          replace:
            "    } catch (error) {\n      if (!socket.destroyed) setImmediate(() => Promise.reject(error));\n      if (socket.destroyed)",
          test: survival,
          named: "an application that answers with status 099 ends no process",
        },
      ],
    },
    ...alwaysClosed,
  ],
};
