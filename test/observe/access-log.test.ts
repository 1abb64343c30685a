import { expect, test } from "vitest";
import type { AccessRecord } from "../../src/core/ports/log.ts";
import { createAccessLog } from "../../src/observe/requests.ts";

const record: AccessRecord = {
  id: "r1",
  client: "203.0.113.9",
  method: "GET",
  host: "wiki.acme.example",
  path: "/page",
  route: "wiki.acme.example/",
  principal: { provider: "entra", subject: "alice", email: null },
  via: "session",
  session: "kZ0",
  userAgent: "curl/8.5",
  decision: "allow",
  reason: "policies.staff-only[0]",
  rule: "policies.staff-only[0]",
  shadow: null,
  status: 200,
  bytesSent: 12,
  durationMs: 1.26,
  upstreamMs: 0.04,
  websocket: false,
  aborted: false,
};
function written(change: Partial<AccessRecord>, level: "info" | "warn" = "info"): string[] {
  const lines: string[] = [];
  createAccessLog({ level, format: "json", write: (line) => lines.push(line), pid: 7, clock: () => 1_700_000_000_005 })({
    ...record,
    ...change,
  });
  return lines;
}
const parsed = (change: Partial<AccessRecord>) => JSON.parse(written(change)[0] ?? "") as Record<string, unknown>;

test("a request is one line in the log's own format", () => {
  expect(parsed({})).toEqual({
    level: "info",
    time: "2023-11-14T22:13:20.005Z",
    pid: 7,
    request: "r1",
    client: "203.0.113.9",
    method: "GET",
    host: "wiki.acme.example",
    path: "/page",
    route: "wiki.acme.example/",
    principal: { provider: "entra", subject: "alice", email: null },
    via: "session",
    session: "kZ0",
    agent: "curl/8.5",
    decision: "allow",
    reason: "policies.staff-only[0]",
    rule: "policies.staff-only[0]",
    status: 200,
    bytes: 12,
    ms: 1.3,
    upstreamMs: 0,
    msg: "request",
  });
});

test.each([
  {
    when: "an anonymous visitor",
    change: { principal: null, via: null, session: null, decision: "login", rule: null },
    shows: { principal: null, session: null },
  },
  { when: "a refusal that is not enforced", change: { shadow: "no-rule-matched" }, shows: { shadow: "no-rule-matched" } },
  {
    when: "an upstream that failed after a rule had allowed",
    change: { reason: "upstream.unreachable", status: 502 },
    shows: { reason: "upstream.unreachable", rule: "policies.staff-only[0]" },
  },
  { when: "a tunnel", change: { websocket: true }, shows: { websocket: true } },
  { when: "a broken connection", change: { aborted: true, upstreamMs: null }, shows: { aborted: true, upstreamMs: null } },
  { when: "a clock that went back", change: { durationMs: -5 }, shows: { ms: 0 } },
  { when: "a long download", change: { durationMs: 3_600_000.04, bytesSent: 5e12 }, shows: { ms: 3_600_000, bytes: 5e12 } },
] as const)("$when shows", ({ change, shows }) => {
  expect(parsed(change)).toMatchObject(shows);
});

test.each(['a"b', "a\\b", "a\nb", "a\u001b[31mb", "a\u007fb", "é", "\ud800", "日本"])(
  "the text %j comes back as it was, on one line",
  (text) => {
    const [line = ""] = written({ path: text, userAgent: text, principal: { provider: text, subject: text, email: text }, reason: text });
    expect(line.indexOf("\n")).toBe(line.length - 1);
    expect(JSON.parse(line)).toMatchObject({
      path: text,
      agent: text,
      reason: text,
      principal: { provider: text, subject: text, email: text },
    });
  },
);

test("each line says who asked, by what way, in which session and with which browser, whatever the line before said", () => {
  const lines: string[] = [];
  const log = createAccessLog({ level: "info", format: "json", write: (line) => lines.push(line), pid: 7, clock: () => 0 });
  const bob = { provider: "entra", subject: "bob", email: "bob@acme.example" };
  const changes: readonly Partial<AccessRecord>[] = [
    ...[{}, {}, { session: "other" }, {}, { via: "token" } as const, {}, { userAgent: "curl/8.6" }, {}, { userAgent: null }],
    { principal: bob },
    { principal: null, via: null, session: null },
    {},
  ];
  for (const change of changes) log({ ...record, ...change });
  for (const [at, change] of changes.entries()) {
    const { principal, via, session, userAgent } = { ...record, ...change };
    expect(JSON.parse(lines[at] ?? "")).toMatchObject({ principal, via, session, agent: userAgent });
  }
});

test("nothing is written when only warnings are wanted", () => {
  expect(written({}, "warn")).toEqual([]);
});
