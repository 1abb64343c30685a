import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Contender, startField } from "./contenders.ts";
import { chooseGenerator, type Generator, type Load } from "./load.ts";
import { brokenPromises, type Line, type Sample, summarise, table } from "./report.ts";

// `npm run bench`: how fast the gateway is beside what one could put in its place, all in one run on one machine.
// The contenders take turns, round after round, so that whatever else the machine does hits all of them alike.

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    only: { type: "string", default: "" },
    json: { type: "string" },
    /** Puts the table into README.md. */
    readme: { type: "boolean", default: false },
    /** A few seconds, to see that everything runs: no promise is checked. */
    smoke: { type: "boolean", default: false },
  },
});
const say = (text: string) => void process.stdout.write(text);
process.exitCode = await bench();

async function bench(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "vestibule-bench-"));
  const rounds = values.smoke ? 1 : Number(values.rounds);
  const seconds = values.smoke ? 1 : Number(values.seconds);
  const generator = chooseGenerator(folder);
  const field = await startField(folder, values.smoke ? 20_000 : 60_000);
  try {
    const contenders = field.contenders.filter(({ load }) => values.only === "" || values.only.split(",").includes(load.name));
    for (const { load } of contenders) await mustAnswer(load);
    const lines = await race(contenders, generator.run, rounds, seconds);
    const [cpu] = cpus();
    const machine = `${cpus().length} cores, ${cpu?.model ?? "unknown processor"}, Node ${process.version}`;
    const conditions = [machine, `load: ${generator.name}`, ...field.notes, `${rounds} rounds of ${seconds} s, medians`].join("; ");
    const report = `${table(lines)}\n\n${conditions}`;
    say(`\n${report}\n`);
    if (values.readme) await putIntoReadme(report);
    if (values.json !== undefined)
      await writeFile(values.json, `${JSON.stringify({ machine, generator: generator.name, lines }, null, 2)}\n`);
    const failed = lines.filter(({ errors }) => errors > 0).map(({ title, errors }) => `${title}: ${errors} requests failed`);
    const problems = values.smoke || values.only !== "" ? failed : brokenPromises(lines);
    for (const problem of problems) say(`not good: ${problem}\n`);
    return problems.length === 0 ? 0 : 1;
  } finally {
    await field.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function race(contenders: readonly Contender[], generate: Generator, rounds: number, seconds: number): Promise<Line[]> {
  const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]));
  const used = new Map<Contender, number>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const skip = used.get(contender) ?? 0;
      const before = contender.server.usage();
      // The first round warms up: compiled code, open connections, filled caches.
      const measured = await generate(contender.load, round === 0 ? 1 : seconds, skip);
      const after = contender.server.usage();
      used.set(contender, skip + measured.requests);
      if (round === 0 && rounds > 1) continue;
      const cpuMicrosPerRequest = (after.cpuMicros - before.cpuMicros) / Math.max(1, measured.requests);
      samples.get(contender)?.push({ ...measured, cpuMicrosPerRequest, residentBytes: after.residentBytes });
    }
    say(round === 0 ? "warmed up" : ` · round ${round}`);
  }
  say("\n");
  return contenders.map((contender) => summarise(contender.title, samples.get(contender) ?? []));
}

async function putIntoReadme(report: string): Promise<void> {
  const file = new URL("../../README.md", import.meta.url).pathname;
  const text = await readFile(file, "utf8");
  await writeFile(
    file,
    text.replace(/(?<=<!-- bench -->\n)[\s\S]*(?=<!-- \/bench -->)/, () => `${report}.\n`),
  );
}

/** A redirect to a login would be fast, and would prove nothing. */
function mustAnswer({ name, url, headers, cookies }: Load): Promise<void> {
  const cookie = cookies[0] === undefined ? {} : { cookie: cookies[0] };
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers: { ...headers, ...cookie }, agent: false }, (answer) => {
      let length = 0;
      answer.on("data", (chunk: Buffer) => {
        length += chunk.length;
      });
      answer.on("end", () => {
        if (answer.statusCode === 200 && length === 1024) resolve();
        else reject(new Error(`${name}: ${url} answered ${answer.statusCode} with ${length} bytes`));
      });
    });
    asking.on("error", reject);
    asking.end();
  });
}
