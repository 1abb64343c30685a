import { readdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runScenario, type Verdict } from "./run-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { table } from "./table.ts";

/**
 * `npm run test:faults [-- --list | --short | --tries 3 | --except 13,24 | 3 7]`: the scenarios of docs/reliability.md, one after the other, progress shown.
 * Many compare with an unfaulted run of a moment before; on a shared machine `--tries` lets a scenario show that it holds when left alone.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: "boolean" },
    short: { type: "boolean" },
    tries: { type: "string", default: "1" },
    except: { type: "string", default: "" },
    json: { type: "string" },
  },
});
const print = (text: string) => void process.stdout.write(`${text}\n`);

const files = readdirSync(new URL(".", import.meta.url))
  .filter((name) => /^\d\d-.*\.ts$/.test(name))
  .sort();
const wanted = positionals.map(Number);
const left = values.except.split(",").map(Number);
const chosen = files.filter((name) => {
  const number = Number.parseInt(name, 10);
  return (wanted.length === 0 || wanted.includes(number)) && !left.includes(number);
});
const load = async (name: string) => ((await import(new URL(name, import.meta.url).href)) as { scenario: Scenario }).scenario;

if (values.list === true) {
  for (const name of files) print(`${Number.parseInt(name, 10)}\t${(await load(name)).title}`);
  process.exit(0);
}
const unknown = wanted.filter((number) => !chosen.some((name) => Number.parseInt(name, 10) === number));
if (unknown.length > 0) {
  print(`there is no scenario ${unknown.join(", ")}; --list shows them`);
  process.exit(2);
}
const verdicts: Verdict[] = [];
for (const name of chosen) {
  const run = async () => runScenario(Number.parseInt(name, 10), await load(name), { short: values.short === true, print });
  let verdict = await run();
  for (let tried = 1; !verdict.ok && tried < Number(values.tries); tried += 1) {
    print(`once more (${tried} of ${values.tries} tries failed)`);
    verdict = await run();
  }
  verdicts.push(verdict);
}
print(`\n${table(verdicts)}`);
print(`\n${verdicts.filter(({ ok }) => ok).length} of ${verdicts.length} hold`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ short: values.short === true, verdicts }, null, 2)}\n`);
else if (wanted.length === 0) print(JSON.stringify({ short: values.short === true, failed: verdicts.filter(({ ok }) => !ok).length }));
process.exit(verdicts.every(({ ok }) => ok) ? 0 : 1);
