import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { auditEvents } from "../../src/core/audit-events.ts";
import { createAccessLog } from "../../src/observe/requests.ts";
import { aTrace } from "../support/traces.ts";

const page = readFileSync(new URL("../../docs/logs.md", import.meta.url), "utf8");
const [access = "", audit = ""] = page.split("## Audit lines");
/** The names that the first columns of a part's tables hold. */
const named = (part: string, column: number) =>
  part
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .flatMap((line) => [...(line.split(" | ")[column] ?? "").matchAll(/`([a-zA-Z-]+)`/g)].map(([, name = ""]) => name));

test("docs/logs.md has every field of an access line, and none that does not exist", () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  createAccessLog({ level: "info", format: "json", write, pid: 1, clock: Date.now })({
    ...{ id: "r", client: "::1", method: "GET", host: "h", path: "/", route: null, principal: null, via: null, session: null },
    ...{
      userAgent: null,
      decision: "allow",
      reason: null,
      rule: null,
      shadow: "no-rule-matched",
      status: 200,
      bytesSent: 0,
      durationMs: 1,
    },
    ...{ upstreamMs: null, websocket: true, aborted: true, trace: aTrace() },
  });
  const common = ["level", "time", "pid", "msg"];
  const written = Object.keys(JSON.parse(lines[0] ?? "{}") as object).filter((name) => !common.includes(name));
  expect(named(access, 0).sort()).toEqual(written.sort());
});

test("docs/logs.md has every audit event in the table's words, and none that does not exist", () => {
  const rows = [...audit.matchAll(/^\| `([a-z-]+)` \| ([^|]+) \|/gm)].map(([, name = "", says = ""]) => [name, says.trim()]);
  expect(rows).toEqual(Object.entries(auditEvents));
});

test("npm adds no line of its own to what the README's commands write", () => {
  const root = new URL("../..", import.meta.url).pathname;
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const commands = [...readme.matchAll(/npm (?:start|run(?: --silent)? vestibule)\b.*/g)].map(([line]) => line);
  expect(commands.length).toBeGreaterThan(3);
  expect(commands.filter((line) => !/^npm (?:start --silent|run --silent vestibule)\b/.test(line))).toEqual([]);
  expect(execFileSync("npm", ["run", "--silent", "vestibule", "--", "secret"], { cwd: root, encoding: "utf8" })).toMatch(/^\S+\n$/);
});
