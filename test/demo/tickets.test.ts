import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningDemo, startDemo } from "../browser/demo-process.ts";
import { eventually } from "../support/eventually.ts";

let demo: RunningDemo;
beforeAll(async () => {
  demo = await startDemo();
}, 60_000);
afterAll(() => demo?.stop());

test("the demo takes tickets where Kerberos is installed: its own commands sign grace in, and the form takes who has none", async () => {
  const commands = await eventually(
    () => {
      const [, lines] = /\n( {2}export KRB5_CONFIG=.*\n {2}echo grace .*\n {2}curl .*\n)/.exec(demo.output()) ?? [];
      if (lines === undefined) throw new Error(demo.output());
      return lines;
    },
    { timeoutMs: 60_000 },
  );
  const run = async (script: string) => (await promisify(execFile)("bash", ["-ec", script])).stdout;
  const page = await run(commands);
  expect(page).toContain("Grace Gómez");
  expect(page).toContain("staff");
  const [, , curl = ""] = commands.trim().split("\n");
  const challenge = await run(curl.replaceAll("/jar", "/another-jar"));
  expect(challenge).toContain('http-equiv="refresh"');
  expect(challenge).not.toContain("Grace Gómez");
});
