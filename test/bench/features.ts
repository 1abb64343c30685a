import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startFakeOidc } from "../support/fake-oidc.ts";
import { freePort } from "../support/free-port.ts";
import { type BenchGateway, signIn, startGateway } from "./gateway.ts";
import { chooseGenerator, isInstalled, type Load } from "./load.ts";
import { startServer } from "./measured-server.ts";
import { startNginxUpstream } from "./nginx.ts";

// `npm run bench:features`: what a request with a warm session pays for what operators switch on. Gateways that differ by their configuration
// alone take turns, a second each, so that whatever else the machine does hits all of them alike. Counted is the gateway's processor time for
// one request; other programs make some rounds worse, so the lower quartile stands beside the median.

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" }, seconds: { type: "string", default: "1" } } });
const say = (text: string) => void process.stdout.write(`${text}\n`);

const folder = await mkdtemp(join(tmpdir(), "vestibule-bench-"));
const collector = createServer((request, answer) => void request.resume().on("end", () => answer.end()));
await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));

const consoleKeys = `console: { token: "a token of the benchmark, good for nothing else at all" }\n`;
const portal = "personalTokens: { lifetime: 90d, perUser: 10 }\n";
const audit = `audit: { file: { file: ${join(folder, "audit.jsonl")} } }\n`;
const directory = (name: string) => `directory:
  store: { sqlite: { file: ${join(folder, `${name}.db`)} } }
  provisioning: jit
  link: email
  attributes: { department: every-login, title: first-login }
  roles: { operator: { groups: [staff] } }
  teams: { from: [department, groups], create: false, names: { staff: Everybody } }
`;
const tracing = `tracing: { otlp: "http://127.0.0.1:${(collector.address() as AddressInfo).port}", sample: 0.1 }\n`;
const variants = [
  { name: "none", title: "nothing of it", more: "" },
  { name: "console", title: "console, API, personal tokens, audit file", more: consoleKeys + portal + audit },
  { name: "directory", title: "directory of people", more: directory("directory") },
  { name: "tracing", title: "traces of one request in ten", more: tracing },
  { name: "all", title: "all of it", more: consoleKeys + portal + audit + directory("all") + tracing },
];

interface Contender {
  readonly title: string;
  readonly gateway: BenchGateway;
  readonly load: Load;
  readonly micros: number[];
}

async function bench(): Promise<void> {
  const running: { stop(): Promise<void> }[] = [];
  try {
    const provider = await startFakeOidc();
    running.push({ stop: () => provider.close() });
    const upstreamPort = await freePort();
    const servers = new URL("servers/node-upstream.ts", import.meta.url).pathname;
    running.push(
      isInstalled("nginx")
        ? await startNginxUpstream(upstreamPort, folder)
        : await startServer(process.execPath, [servers, String(upstreamPort)], upstreamPort, join(folder, "upstream.log")),
    );
    const contenders: Contender[] = [];
    for (const { name, title, more } of variants) {
      const ports = { port: await freePort(), adminPort: await freePort() };
      const gateway = await startGateway({ name, ...ports, upstreamPort, provider, store: "memory", folder, more });
      running.push(gateway);
      const headers = { host: new URL(gateway.origin).host, cookie: await signIn(gateway) };
      contenders.push({ title, gateway, load: { name, url: `http://127.0.0.1:${gateway.port}/`, headers, cookies: [] }, micros: [] });
    }
    await race(contenders);
    say(table(contenders));
    say(
      `\n${cpus().length} cores, ${cpus()[0]?.model ?? "unknown processor"}, Node ${process.version}; ${values.rounds} rounds of ${values.seconds} s`,
    );
  } finally {
    for (const one of running.reverse()) await one.stop();
    collector.closeAllConnections();
    collector.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function race(contenders: readonly Contender[]): Promise<void> {
  const { run } = chooseGenerator(folder);
  for (const { load } of contenders) await run(load, 3, 0);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const { gateway, load, micros } of round % 2 === 0 ? contenders : [...contenders].reverse()) {
      const before = gateway.usage().cpuMicros;
      const { requests, errors } = await run(load, Number(values.seconds), 0);
      if (errors > 0) throw new Error(`${load.name}: ${errors} requests failed`);
      micros.push((gateway.usage().cpuMicros - before) / Math.max(1, requests));
    }
  }
}

function table(contenders: readonly Contender[]): string {
  const plain = contenders[0]?.micros ?? [];
  const rows = contenders.map(({ title, micros }) => {
    const differences = micros.map((value, round) => value - (plain[round] ?? Number.NaN));
    return [title, quantile(micros, 0.5), quantile(micros, 0.25), micros === plain ? "–" : quantile(differences, 0.5)];
  });
  const head = ["switched on", "CPU µs/request", "lower quartile", "more than nothing of it"];
  return [head, ["---", "---:", "---:", "---:"], ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function quantile(numbers: readonly number[], share: number): string {
  const sorted = [...numbers].sort((one, other) => one - other);
  return (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1);
}

await bench();
