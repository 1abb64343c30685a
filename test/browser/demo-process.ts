import { freePort } from "../support/free-port.ts";
import { startServerProcess } from "../support/server-process.ts";

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
  const demo = await startServerProcess({
    command: process.execPath,
    args: [main, "--port", String(port)],
    ready: (output) => {
      if (!output.includes("Vestibule runs.")) throw new Error("it has not printed its URLs");
    },
    patienceMs: 30_000,
    endBy: "SIGINT",
    graceMs: 15_000,
  });
  const origin = (name: string) => `http://${name}.localhost:${port}`;
  return {
    auth: origin("auth"),
    wiki: origin("wiki"),
    reports: origin("reports.internal"),
    output: demo.output,
    stop: demo.stop,
  };
}
