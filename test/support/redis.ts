import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect } from "node:net";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { ownedFolder, spawnOwned } from "./owned.ts";

/** A real redis-server of one's own, on loopback, with its files in a temporary folder. */
export interface TestRedis {
  readonly port: number;
  readonly url: string;
  /** Stops answering without closing anything (SIGSTOP). */
  pause(): void;
  resume(): void;
  /** Ends the process; its data is gone. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Started and answering, on a free port unless one is given. `options` go to redis-server (`--maxmemory`, `2mb`, …). */
export async function startRedis({ port: wanted, options = [] }: { port?: number; options?: readonly string[] } = {}): Promise<TestRedis> {
  const port = wanted ?? (await freePort());
  const folder = ownedFolder("vestibule-redis-");
  let server: ChildProcess | null = null;

  const kill = async () => {
    const running = server;
    server = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, "exit");
    running.kill("SIGKILL");
    await exited;
  };
  const start = async () => {
    const started = spawnOwned(
      "redis-server",
      ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no", ...options],
      { stdio: "ignore" },
    );
    server = started;
    try {
      await Promise.race([
        eventually(() => ping(port), { timeoutMs: 10_000 }),
        once(started, "error").then(([error]) => Promise.reject(error)),
        once(started, "exit").then(() => Promise.reject(new Error("redis-server ended"))),
      ]);
    } catch (error) {
      // One that does not answer must not outlive the test.
      await kill();
      throw error;
    }
  };

  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}/0`,
    pause: () => void server?.kill("SIGSTOP"),
    resume: () => void server?.kill("SIGCONT"),
    kill,
    restart: async () => {
      await kill();
      await start();
    },
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Rejects unless a Redis answers; one that wants a password has answered too. */
async function ping(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  try {
    socket.setTimeout(1_000, () => socket.destroy(new Error("no answer")));
    socket.write("PING\r\n");
    const [reply] = await once(socket, "data");
    if (!/PONG|NOAUTH/.test(String(reply))) throw new Error(`unexpected answer ${String(reply)}`);
  } finally {
    socket.destroy();
  }
}
