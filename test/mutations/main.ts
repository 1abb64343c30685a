import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { applyBreakage, type Breakage } from "./apply.ts";
import { breakages } from "./breakages.ts";
import { ledger } from "./ledger.ts";
import { runTests } from "./run-tests.ts";
import { securityPage } from "./security-page.ts";
import { makeWorkCopy } from "./work-copy.ts";

/**
 * `npm run test:mutations [-- --docs | --at-once 2 | words of a file, function or test]`: breaks a copy of the code, one core promise after
 * the other, and sees the named test turn red. A breakage that no test notices is a promise without a test.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { docs: { type: "boolean", default: false }, "at-once": { type: "string", default: "2" } },
});
const project = new URL("../..", import.meta.url).pathname;
const say = (text: string) => void process.stdout.write(`${text}\n`);

if (values.docs) {
  writeFileSync(join(project, "docs/security.md"), securityPage(ledger, breakages.length));
  process.exit(0);
}

const words = positionals.map((word) => word.toLowerCase());
const jobs = breakages.filter(({ file, inside, test, named }) =>
  words.every((word) => `${file} ${inside} ${test} ${named}`.toLowerCase().includes(word)),
);
if (jobs.length === 0) {
  say(`no breakage has all of these words: ${words.join(" ")}`);
  process.exit(2);
}

const problems: string[] = [];
const waiting = [...jobs];
let over = 0;
/** A test that is red without the breakage proves nothing. */
const green = new Map<string, Promise<boolean>>();

async function verdict(root: string, breakage: Breakage): Promise<string | null> {
  const key = `${breakage.test}\n${breakage.named}`;
  const before = green.get(key) ?? runTests(root, breakage.test, breakage.named).then(({ ran, failed }) => ran && failed.length === 0);
  green.set(key, before);
  if (!(await before)) return "the named test is not green, or not there, without the breakage";
  const mend = applyBreakage(root, breakage);
  try {
    const { ran, failed, output } = await runTests(root, breakage.test, breakage.named);
    if (!ran) return `the broken code did not get as far as a test:\n${output.slice(-1_500)}`;
    return failed.some((name) => name.includes(breakage.named)) ? null : "no test turned red";
  } finally {
    mend();
    rmSync(join(root, "mutation-report.json"), { force: true });
  }
}

async function work(): Promise<void> {
  const copy = makeWorkCopy(project);
  try {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const problem = await verdict(copy.root, job);
      over += 1;
      say(`${String(over).padStart(4)}/${jobs.length}  ${problem === null ? "red " : "BAD "}  ${job.file} ${job.inside}`);
      if (problem === null) continue;
      const { file, inside, test, named } = job;
      problems.push(`${file}: ${inside}\n  by ${test}: ${named}\n  ${problem}`);
    }
  } finally {
    copy.remove();
  }
}

const began = performance.now();
await Promise.all(Array.from({ length: Math.min(Number(values["at-once"]), jobs.length) }, work));
const seconds = ((performance.now() - began) / 1_000).toFixed(0);
say(`\n${jobs.length - problems.length} of ${jobs.length} breakages turned their test red, in ${seconds} s`);
for (const problem of problems) say(`\n${problem}`);
process.exit(problems.length === 0 ? 0 : 1);
