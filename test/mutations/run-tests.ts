import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Full names of the tests that failed, and whether the file could be run at all. */
export interface Outcome {
  readonly ran: boolean;
  readonly failed: readonly string[];
  readonly output: string;
}

interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly { readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[] }[];
}

const longestMs = 180_000;

/** Runs one test file of the copy; with `named` only the tests whose full name has it. */
export function runTests(root: string, file: string, named?: string): Promise<Outcome> {
  const report = join(root, "mutation-report.json");
  const only = named === undefined ? [] : ["-t", patternOf(named)];
  const args = ["--config", "test/vitest.config.ts", "--reporter", "json", "--outputFile", report, "--no-file-parallelism", ...only, file];
  return new Promise((resolve) => {
    const { CI: _retries, ...env } = process.env;
    const child = spawn(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", ...args], { cwd: root, env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const late = setTimeout(() => child.kill("SIGKILL"), longestMs);
    child.once("close", (code) => {
      clearTimeout(late);
      if (code === null) return resolve({ ran: false, failed: [], output: `not over after ${longestMs / 1000} s\n${output}` });
      resolve(read(report, output));
    });
  });
}

/** Reports join the titles of `describe` and `test` with a blank, `-t` joins them with ` > `. */
function patternOf(named: string): string {
  return named.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(" ", "(?: | > )");
}

function read(file: string, output: string): Outcome {
  try {
    const report = JSON.parse(readFileSync(file, "utf8")) as Report;
    const all = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    const ran = all.some(({ status }) => status === "passed" || status === "failed");
    return { ran, failed: all.filter(({ status }) => status === "failed").map(({ fullName }) => fullName), output };
  } catch {
    return { ran: false, failed: [], output };
  }
}
