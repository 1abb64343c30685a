import { once } from "node:events";
import { connect } from "node:net";
import { freePort } from "./free-port.ts";
import { ownedFolder } from "./owned.ts";
import { startServerProcess } from "./server-process.ts";

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
  const server = await startServerProcess({
    command: "redis-server",
    args: ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no", ...options],
    folder,
    ready: () => ping(port),
  });
  const { pause, resume, kill, restart } = server;
  return { port, url: `redis://127.0.0.1:${port}/0`, pause, resume, kill, restart, stop: async () => void (await server.stop()) };
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
