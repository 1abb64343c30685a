import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSettings } from "../../src/config/load.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { composeGateway } from "../../src/process/gateway.ts";
import { spawnOwned } from "../support/owned.ts";
import { recordingLog } from "../support/quiet.ts";

// `npm run bench:tracing`: what traces cost. Gateways with and without them in one process take turns, a few hundred requests each, so that
// whatever else the machine does hits all of them alike. Counted is processor time, of client and application, too; the collector is a process
// of its own. Of each round the difference to the one without is taken; other programs on the machine make some of them worse, so the lower
// quartile stands beside the median. `npm run bench:tracing -- 20` runs 20 rounds.

const rounds = Number(process.argv[2] ?? 40);
const requestsAtATime = 400;
const lanes = 16;

interface Contender {
  readonly name: string;
  readonly ask: () => Promise<void>;
  readonly micros: number[];
}

const folder = mkdtempSync(join(tmpdir(), "vestibule-bench-"));
const application = createServer((_, answer) => answer.end("ok"));
await new Promise<void>((resolve) => application.listen(0, "127.0.0.1", resolve));
const applicationUrl = `http://127.0.0.1:${(application.address() as AddressInfo).port}`;

const collector = spawnOwned(process.execPath, [
  "-e",
  'require("node:http").createServer((q, a) => q.resume().on("end", () => a.end())).listen(0, "127.0.0.1", function () { console.log(this.address().port) })',
]);
const [said] = (await once(collector.stdout, "data")) as [Buffer];
const collectorUrl = `http://127.0.0.1:${Number(said)}`;

async function start(name: string, sample: number | null): Promise<Contender> {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(
    file,
    `listen: [{ address: 127.0.0.1:0 }]
insecure: { plainHttp: true, literalSecrets: true }
auth: { origin: http://auth.localhost:1 }
sessions: { secret: ["a secret of the benchmark, good for nothing else at all"] }
apps: [{ host: app.localhost, upstream: "${applicationUrl}", public: ["/**"] }]
${sample === null ? "" : `tracing: { otlp: "${collectorUrl}", sample: ${sample} }`}
`,
  );
  const loaded = loadSettings(file, {});
  if (!loaded.ok) throw new Error("the benchmark's configuration is not good");
  const { settings } = loaded;
  const deps = { ...settings.log, write: () => {}, pid: 1, clock: Date.now };
  const logs = { log: recordingLog(), audit: () => {}, writer: { write: () => {}, flush: async () => {} }, deps };
  const gateway = composeGateway({
    started: settings,
    settings,
    logs: logs as never,
    registry: createMetrics({ version: "bench" }),
    version: "bench",
  });
  const port = (await gateway.listen())[0]?.port ?? 0;
  const agent = new Agent({ keepAlive: true, maxSockets: lanes });
  const options = { host: "127.0.0.1", port, path: "/page", agent, headers: { host: "app.localhost" } };
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      request(options, (answer) => answer.resume().on("end", resolve))
        .on("error", reject)
        .end();
    });
  return { name, ask, micros: [] };
}

async function askMany({ ask }: Contender, count: number): Promise<void> {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

const contenders = [await start("off", null), await start("sample 0", 0), await start("sample 0.1", 0.1), await start("sample 1", 1)];
for (const one of contenders) await askMany(one, 10 * requestsAtATime);
for (let round = 0; round < rounds; round += 1) {
  for (const one of round % 2 === 0 ? contenders : contenders.toReversed()) {
    const before = process.cpuUsage();
    await askMany(one, requestsAtATime);
    const { user, system } = process.cpuUsage(before);
    one.micros.push((user + system) / requestsAtATime);
  }
}
const share = (values: readonly number[], part: number) => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
const base = contenders[0]?.micros ?? [];
for (const { name, micros } of contenders) {
  const more = micros.map((value, round) => value - (base[round] ?? Number.NaN));
  const shown = [share(micros, 0.25), share(micros, 0.5), share(more, 0.25), share(more, 0.5)].map((value) => value.toFixed(1).padStart(6));
  process.stdout.write(
    `${name.padEnd(12)} ${shown[0]} to ${shown[1]} µs of processor time per request (lower quartile, median); more than off: ${shown[2]}, ${shown[3]}\n`,
  );
}
collector.kill();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
