import { expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import { makeSecret } from "../../src/core/secret.ts";
import { createAudit, createLog, type LogDeps } from "../../src/observe/log.ts";

function aLog(overrides: Partial<LogDeps> = {}) {
  const lines: string[] = [];
  const deps: LogDeps = {
    level: "info",
    format: "json",
    write: (line) => lines.push(line),
    pid: 7,
    clock: () => 1_700_000_000_123,
    ...overrides,
  };
  return {
    log: createLog(deps),
    audit: createAudit(deps),
    lines,
    entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

test("a line is one JSON object with level, time, process, fields and message", () => {
  const { log, lines, entries } = aLog();
  log.warn({ request: "r1", route: "wiki/" }, "upstream is slow");
  expect(lines[0]?.endsWith("}\n")).toBe(true);
  expect(entries()).toEqual([
    { level: "warn", time: "2023-11-14T22:13:20.123Z", pid: 7, request: "r1", route: "wiki/", msg: "upstream is slow" },
  ]);
});

test("lines below the level are not written, but audit lines always are", () => {
  const { log, audit, entries } = aLog({ level: "error" });
  log.info({}, "nobody asked");
  audit({ event: "reload", outcome: "applied", detail: "2 apps" });
  expect(entries()).toMatchObject([{ audit: "reload", outcome: "applied", detail: "2 apps", level: "info" }]);
});

test("an error is written with its code and its whole cause chain", () => {
  const { log, entries } = aLog();
  const root = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  log.error({ error: new GatewayError("upstream.unreachable", "wiki", { cause: new AggregateError([root], "all failed") }) }, "failed");
  expect(entries()[0]?.error).toMatchObject({
    type: "GatewayError",
    code: "upstream.unreachable",
    message: "wiki",
    cause: { type: "AggregateError", message: "all failed", errors: [{ code: "ECONNREFUSED" }] },
  });
});

const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
test.each([
  { when: "a header named authorization", fields: { headers: { Authorization: "Basic YWxpY2U6c2VjcmV0" } } },
  { when: "a cookie", fields: { cookie: "vestibule=c2VjcmV0" } },
  { when: "set-cookie among pairs", fields: { "Set-Cookie": "vestibule=c2VjcmV0" } },
  { when: "tokens by name", fields: { tokens: { accessToken: "c2VjcmV0", refresh_token: "c2VjcmV0", idToken: "c2VjcmV0" } } },
  { when: "a JWT inside a text", fields: { detail: `rejected ${jwt} for wiki`, extra: "c2VjcmV0".slice(0, 0) } },
  { when: "a bearer credential inside a text", fields: { detail: "sent Bearer c2VjcmV0c2VjcmV0" } },
  { when: "a code in a URL", fields: { url: "https://auth/cb?code=c2VjcmV0&state=1" } },
  { when: "an error that quotes a token", fields: { error: new Error(`bad ${jwt}`, { cause: new Error("Bearer c2VjcmV0c2VjcmV0") }) } },
  { when: "a configured secret", fields: { settings: { clientSecret: makeSecret("c2VjcmV0") } } },
  { when: "a secret deep in a map in a list", fields: { list: [new Map([["password", "c2VjcmV0"]])] } },
])("$when is taken out", ({ fields }) => {
  const { log, lines } = aLog();
  log.info(fields, "something");
  expect(lines[0]).not.toMatch(/c2VjcmV0|YWxpY2U6|c2lnbmF0dXJl/);
});

test("what only sounds like a secret stays readable", () => {
  const { log, entries } = aLog();
  log.info({ code: "login.stale", tokenEndpoint: "https://idp/token", state: "open", session: "k1", tokens: 3 }, "fine");
  expect(entries()[0]).toMatchObject({ code: "login.stale", tokenEndpoint: "https://idp/token", state: "open", session: "k1", tokens: 3 });
});

test("a value that cannot be JSON does not break the line", () => {
  const { log, entries } = aLog();
  const loop: Record<string, unknown> = { big: 1n, call: () => 1, bytes: new Uint8Array(3), none: undefined };
  loop.self = loop;
  log.info({ loop }, "odd");
  expect(entries()[0]?.loop).toMatchObject({ big: "1", call: "[function]", bytes: "[3 bytes]" });
});

test("in the pretty form nobody can write a line or a colour of their own", () => {
  const { log, lines } = aLog({ format: "pretty" });
  log.info({ path: "/\u001b[31m\n12:00 ERROR forged\u009b31m" }, "request");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^22:13:20\.123 INFO {2}request {2}path="[ -~]*"\n$/);
});

test.each([
  { code: "setup.client", level: "warn" },
  { code: "saml.clock-skew", level: "warn" },
  { code: "login.provider-unavailable", level: "warn" },
  { code: "login.provider-refused", level: "info" },
  { code: "a-code-that-does-not-exist", level: "info" },
])("a login that failed by $code is one line at $level", ({ code, level }) => {
  const lines: string[] = [];
  const audit = createAudit({ format: "json", write: (line) => void lines.push(line), pid: 1, clock: () => 0 });
  audit({ event: "login-failed", request: "r", client: "::1", provider: "acme", code, detail: "why" });
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ level, audit: "login-failed", code, detail: "why" }]);
});
