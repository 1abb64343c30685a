import { eventually } from "../../support/eventually.ts";
import { spawnOwned } from "../../support/owned.ts";

/** A server of another project in a process of its own. */
export interface PeerProcess {
  /** What it has written so far. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts a program and waits until `url` answers with anything but an error of the server. */
export async function startPeerProcess(options: {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly url: string;
  /** For what takes longer to come up. */
  readonly patienceMs?: number;
}): Promise<PeerProcess> {
  const { command, args, cwd, env, url } = options;
  const child = spawnOwned(command, args, {
    cwd,
    env: { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin`, HOME: cwd, LANG: "C.UTF-8", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let ended: string | null = null;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => {
      output = (output + chunk).slice(-100_000);
    });
  }
  const exited = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      ended = error.message;
      resolve();
    });
    child.once("exit", (code, signal) => {
      ended = `exit ${code ?? signal}`;
      resolve();
    });
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await exited;
    clearTimeout(timer);
  };
  try {
    // The deadline is generous: the first request makes Perl read all of its modules.
    const response = await eventually(
      async () => (ended === null ? await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(20_000) }) : null),
      { timeoutMs: options.patienceMs ?? 30_000, everyMs: 50 },
    );
    if (response === null) throw new Error(`${command} ended (${ended}): ${output.slice(0, 4_000)}`);
    if (response.status >= 500) throw new Error(`${url} answers ${response.status}: ${output.slice(0, 4_000)}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { output: () => output, stop };
}
