import { join } from "node:path";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { freePort } from "../support/free-port.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { manySessions, signIn, startGateway } from "./gateway.ts";
import { isInstalled, type Load } from "./load.ts";
import { type MeasuredServer, startServer } from "./measured-server.ts";
import { startNginxProxy, startNginxUpstream } from "./nginx.ts";

/** One line of the table: a server and what it is asked. */
export interface Contender {
  readonly title: string;
  readonly load: Load;
  readonly server: MeasuredServer;
}
export interface Field {
  readonly contenders: readonly Contender[];
  readonly notes: readonly string[];
  stop(): Promise<void>;
}

const servers = new URL("servers/", import.meta.url).pathname;
type Stoppable = { stop(): Promise<void> };

/** Starts every server that this machine can run. `coldSessions` must be more than a gateway process remembers (50,000). */
export async function startField(folder: string, coldSessions: number): Promise<Field> {
  const running: Stoppable[] = [];
  const keep = <T extends Stoppable>(one: T): T => {
    running.push(one);
    return one;
  };
  const stop = async () => {
    for (const one of running.reverse()) await one.stop();
  };
  try {
    return { ...(await startAll(folder, coldSessions, keep)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startAll(folder: string, coldSessions: number, keep: <T extends Stoppable>(one: T) => T): Promise<Omit<Field, "stop">> {
  const nginx = isInstalled("nginx");
  const notes = [nginx ? "upstream: nginx, 1 KiB from memory" : "nginx is not installed; upstream: node:http, itself the bottleneck"];
  const upstreamPort = await freePort();
  const upstreamUrl = `http://127.0.0.1:${upstreamPort}`;
  const node = (name: string, port: number, ...args: string[]) =>
    startServer(process.execPath, [join(servers, `${name}.ts`), String(port), ...args], port, join(folder, `${name}.log`));
  const upstream = keep(nginx ? await startNginxUpstream(upstreamPort, folder) : await node("node-upstream", upstreamPort));
  const contenders: Contender[] = [plain("upstream", "upstream alone", upstream)];
  if (nginx) contenders.push(plain("nginx", "nginx, plain proxy", keep(await startNginxProxy(await freePort(), upstreamPort, folder))));
  contenders.push(plain("undici", "bare undici on node:http", keep(await node("bare-undici", await freePort(), upstreamUrl))));
  contenders.push(plain("http-proxy-3", "bare http-proxy-3", keep(await node("bare-http-proxy", await freePort(), upstreamUrl))));
  const keepAlive = keep(await node("bare-http-proxy", await freePort(), upstreamUrl, "keep-alive"));
  contenders.push(plain("http-proxy-3-agent", "the same with a keep-alive agent", keepAlive));

  const provider = await startFakeOidc();
  keep({ stop: () => provider.close() });
  contenders.push(...(await inMemory(folder, upstreamPort, provider, keep)));
  if (isInstalled("redis-server")) {
    const redis = keep(await startRedis());
    contenders.push(await withRedis(folder, upstreamPort, provider, redis, coldSessions, keep));
  } else notes.push("redis-server is not installed");
  return { contenders, notes };
}

const plain = (name: string, title: string, server: MeasuredServer): Contender => ({
  title,
  server,
  load: { name, url: `http://127.0.0.1:${server.port}/`, headers: {}, cookies: [] },
});

async function inMemory(folder: string, upstreamPort: number, provider: FakeOidc, keep: <T extends Stoppable>(one: T) => T) {
  const ports = { port: await freePort(), adminPort: await freePort() };
  const gateway = keep(await startGateway({ name: "memory", ...ports, upstreamPort, provider, store: "memory", folder }));
  const host = new URL(gateway.origin).host;
  const cookie = await signIn(gateway);
  const base = `http://127.0.0.1:${gateway.port}`;
  const token = await provider.bearerToken({ exp: Math.floor(Date.now() / 1000) + 7200 });
  const asked = (name: string, title: string, path: string, headers: Record<string, string>): Contender => ({
    title,
    server: gateway,
    load: { name, url: `${base}${path}`, headers: { host, ...headers }, cookies: [] },
  });
  return [
    asked("public", "Vestibule, public route", "/public/", {}),
    asked("warm", "Vestibule, warm session", "/", { cookie }),
    asked("bearer", "Vestibule, bearer token", "/api/", { authorization: `Bearer ${token}` }),
  ];
}

async function withRedis(
  folder: string,
  upstreamPort: number,
  provider: FakeOidc,
  redis: TestRedis,
  coldSessions: number,
  keep: <T extends Stoppable>(one: T) => T,
): Promise<Contender> {
  const ports = { port: await freePort(), adminPort: await freePort() };
  const store = `{ redis: { url: "${redis.url}" } }`;
  const gateway = keep(await startGateway({ name: "redis", ...ports, upstreamPort, provider, store, folder }));
  return {
    title: "Vestibule, Redis, cold session each time",
    server: gateway,
    load: {
      name: "cold",
      url: `http://127.0.0.1:${gateway.port}/`,
      headers: { host: new URL(gateway.origin).host },
      cookies: await manySessions(gateway, coldSessions),
    },
  };
}
