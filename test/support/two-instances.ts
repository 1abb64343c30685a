import { createHash } from "node:crypto";
import { freePorts } from "./free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import type { RecordedRequest } from "./recording-upstream.ts";
import { startRedis, type TestRedis } from "./redis.ts";
import { clientSecret, type Rig, type RigOptions, rigSecret, rigYaml, startRig } from "./rig.ts";
import type { Visitor, VisitorAnswer } from "./visitor.ts";

/** Two gateways with one configuration and one Redis, as behind a balancer: people know the address of the first. */
export interface TwoInstances {
  readonly redis: TestRedis;
  /** The first, with provider and applications. */
  readonly rig: Rig;
  readonly second: GatewayProcess;
  readonly secondYaml: string;
  readonly at: readonly [Place, Place];
  /** Of both. */
  readonly env: Readonly<Record<string, string>>;
  /** The host and cookies of the first, asked at the second, as a balancer would. */
  askSecond(visitor: Visitor, path: string, host?: string): Promise<VisitorAnswer>;
  close(): Promise<void>;
}
export interface Place {
  readonly port: number;
  readonly adminPort: number;
}

const sessions = "  store: { redis: { url: { env: REDIS_URL } } }";

/** Started and ready, both with `options`. */
export async function startTwoInstances(options: Omit<RigOptions, "sessions"> = {}): Promise<TwoInstances> {
  const redis = await startRedis();
  const env = { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: clientSecret, ...options.env, REDIS_URL: redis.url };
  const rig = await startRig({ ...options, sessions, env });
  const [port = 0, adminPort = 0] = await freePorts(2);
  const upstreams = { issuer: rig.provider.issuer, wiki: rig.wiki.url, reports: rig.reports.url };
  const secondYaml = rigYaml({ port, adminPort, publicPort: rig.port, ...upstreams }, { ...options, sessions });
  const second = await startGatewayProcess({ yaml: secondYaml, adminPort, env });
  return {
    ...{ redis, rig, second, secondYaml, env },
    at: [
      { port: rig.port, adminPort: rig.adminPort },
      { port, adminPort },
    ],
    askSecond: (visitor, path, host = "wiki.localhost") =>
      visitor.visit(`http://${host}:${port}${path}`, { headers: { host: `${host}:${rig.port}` } }),
    close: async () => {
      await second.stop();
      await rig.close();
      await redis.stop();
    },
  };
}

/** For a recording upstream: `ok`, or a WebSocket where one is asked for (RFC 6455 4.2.2). */
export function okOrWebSocket({ header }: Pick<RecordedRequest, "header">): string {
  if (header("upgrade") === null) return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const accept = createHash("sha1")
    .update(`${header("sec-websocket-key") ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}
