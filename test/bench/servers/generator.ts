import { Agent, request } from "node:http";

// A load generator for machines without wrk: `node generator.ts CONNECTIONS SECONDS < {url, headers, cookies}`.
// Slower than wrk, so that fast servers look alike; the report says which one was used.
interface Job {
  readonly url: string;
  readonly headers: Record<string, string>;
  /** One for each request in turn; empty for none. */
  readonly cookies: readonly string[];
  readonly skip: number;
}
const [connections, seconds] = [Number(process.argv[2]), Number(process.argv[3])];
const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
const { url, headers, cookies, skip } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Job;
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const target = new URL(url);
const latenciesMs: number[] = [];
let errors = 0;
let sent = skip;

const began = performance.now();
await Promise.all(Array.from({ length: connections }, loop));
const elapsedSeconds = (performance.now() - began) / 1000;
latenciesMs.sort((a, b) => a - b);
const at = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
process.stdout.write(JSON.stringify({ requests: latenciesMs.length, seconds: elapsedSeconds, errors, p50Ms: at(0.5), p99Ms: at(0.99) }));
process.exit(0);

async function loop(): Promise<void> {
  while (performance.now() - began < seconds * 1000) {
    const start = performance.now();
    if ((await once()) !== 200) errors += 1;
    latenciesMs.push(performance.now() - start);
  }
}

function once(): Promise<number> {
  const cookie = cookies.length === 0 ? {} : { cookie: cookies[sent++ % cookies.length] ?? "" };
  return new Promise((resolve) => {
    const sending = request(
      { agent, host: target.hostname, port: target.port, path: target.pathname, headers: { ...headers, ...cookie } },
      (answer) => {
        answer.resume();
        answer.once("close", () => resolve(answer.complete ? (answer.statusCode ?? 0) : 0));
      },
    );
    sending.once("error", () => resolve(0));
    sending.end();
  });
}
