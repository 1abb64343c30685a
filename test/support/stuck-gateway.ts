import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { freePorts } from "./free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import { ownedFolder } from "./owned.ts";
import { type RawClient, rawConnect } from "./raw-client.ts";

/** Whom a test tells how to clean up. */
export type Later = (clean: () => unknown) => unknown;

/** A process that has ended and was not asked for its status yet does not live. */
export function lives(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Where a thread can hang: as one of the threads that the whole process uses, or as a worker thread with a loop of its own. */
export const stuckKinds = ["a read of a file", "a call in a worker thread"] as const;
export type StuckKind = (typeof stuckKinds)[number];

/**
 * The environment that keeps a thread of each process waiting, as a file on a network mount that is away does, or a library that
 * waits for its server. `process.exit` waits for the threads, and so does V8's own end in unlucky moments (nodejs/node#54918).
 */
export function stuckThread(kind: StuckKind): Record<string, string> {
  const pipe = join(ownedFolder("vestibule-stuck-"), "never-written");
  execFileSync("mkfifo", [pipe]);
  const path = JSON.stringify(pipe);
  const code =
    kind === "a read of a file"
      ? `import { open } from "node:fs"; open(${path}, "r", () => {});`
      : `import { isMainThread, Worker } from "node:worker_threads";
         if (isMainThread) new Worker(${JSON.stringify(`require("node:fs").openSync(${path}, "r")`)}, { eval: true }).unref();`;
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)}` };
}

/** Accepts and never says anything, or begins an answer: a store that is waited for, an application that does not end its answer. */
export async function listenAndHang(answer: string | null, later: Later): Promise<{ readonly port: number; readonly server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    if (answer !== null) socket.once("data", () => socket.write(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  later(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: address !== null && typeof address === "object" ? address.port : 0, server };
}

/** An answer of its application that has begun and does not end. */
export const begunAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun";

export interface StuckGateway {
  readonly gateway: GatewayProcess;
  readonly port: number;
  /** A visitor who has the beginning of `begunAnswer`. */
  openAnswer(): Promise<RawClient>;
}

/** A gateway of which every process has a thread that hangs. Sessions are in memory without a `redisUrl`. */
export async function startStuckGateway(
  later: Later,
  options: {
    readonly workers?: number;
    readonly stuck?: StuckKind;
    readonly redisUrl?: string;
    readonly upstream?: number;
    readonly ready?: boolean;
    /** Default: one that is free. */
    readonly port?: number;
  },
): Promise<StuckGateway> {
  const [free = 0, adminPort = 0] = await freePorts(2);
  const port = options.port ?? free;
  const store = options.redisUrl === undefined ? "memory" : "{ redis: { url: { env: REDIS_URL } } }";
  const yaml = `version: 1
listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
workers: ${options.workers ?? 1}
insecure: { plainHttp: true }
auth: { origin: "http://auth.localhost:${port}" }
sessions: { store: ${store}, secret: [{ env: VESTIBULE_SECRET }] }
apps: [{ host: wiki.localhost, upstream: "http://127.0.0.1:${options.upstream ?? 9}", public: ["/**"] }]
`;
  const env = {
    ...stuckThread(options.stuck ?? stuckKinds[0]),
    ...{ REDIS_URL: options.redisUrl ?? "", VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef-orphan" },
  };
  const gateway = await startGatewayProcess({ yaml, adminPort, env, waitForReady: options.ready !== false });
  later(() => gateway.signal("SIGKILL"));
  const openAnswer = async () => {
    const client = await rawConnect({ port });
    later(() => client.destroy());
    client.send("GET / HTTP/1.1\r\nHost: wiki.localhost\r\n\r\n");
    await client.bytes((bytes) => bytes.includes("begun"));
    return client;
  };
  return { gateway, port, openAnswer };
}
