import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { spawnOwned } from "../support/owned.ts";

/** `npm run demo`, on a free port. */
export interface RunningDemo {
  readonly auth: string;
  readonly wiki: string;
  readonly reports: string;
  /** What it has printed so far. */
  output(): string;
  /** As Ctrl-C does; answers the exit code. */
  stop(): Promise<number | null>;
}

const main = new URL("../demo/main.ts", import.meta.url).pathname;

/** Resolves once the demo has printed its URLs. */
export async function startDemo(options: { readonly port?: number } = {}): Promise<RunningDemo> {
  const port = options.port ?? (await freePort());
  const child = spawnOwned(process.execPath, [main, "--port", String(port)], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  await eventually(
    () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the demo ended with ${child.exitCode}:\n${output}`);
      if (!output.includes("Vestibule runs.")) throw new Error(`the demo is not ready:\n${output}`);
    },
    { timeoutMs: 30_000 },
  );
  const origin = (name: string) => `http://${name}.localhost:${port}`;
  return {
    auth: origin("auth"),
    wiki: origin("wiki"),
    reports: origin("reports.internal"),
    output: () => output,
    stop: async () => {
      child.kill("SIGINT");
      const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
      const code = await exited;
      clearTimeout(timer);
      return code;
    },
  };
}
