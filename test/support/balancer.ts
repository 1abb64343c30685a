import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** A plain balancer in front of several gateways: asks each for its readiness, takes turns, keeps connections alive, never tries twice. */
export interface Balancer {
  readonly port: number;
  /** Requests given to each backend. */
  readonly given: readonly number[];
  close(): Promise<void>;
}
export interface Backend {
  readonly port: number;
  readonly adminPort: number;
}

export async function startBalancer(backends: readonly Backend[], { checkEveryMs = 100 } = {}): Promise<Balancer> {
  const states = backends.map((backend) => ({ ...backend, up: true, given: 0, agent: new Agent({ keepAlive: true }) }));
  const check = async (state: (typeof states)[number]) => {
    const answer = await fetch(`http://127.0.0.1:${state.adminPort}/readyz`).catch(() => null);
    state.up = answer?.status === 200;
    await answer?.arrayBuffer().catch(() => {});
  };
  const timer = setInterval(() => {
    for (const state of states) void check(state);
  }, checkEveryMs);
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    turn += 1;
    const ups = states.filter(({ up }) => up);
    const state = ups[turn % Math.max(1, ups.length)];
    if (state === undefined) return void outgoing.writeHead(503).end("no backend is ready");
    state.given += 1;
    const { url: path, method, headers } = incoming;
    const forwarded = request({ host: "127.0.0.1", port: state.port, path, method, headers, agent: state.agent }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.on("error", () => outgoing.destroy());
    });
    forwarded.on("error", (error: NodeJS.ErrnoException) => outgoing.writeHead(502).end(`${error.code} at ${state.port}`));
    incoming.pipe(forwarded);
  });
  // Longer than any test: a client's request that meets a connection just closed for idleness would be this balancer's fault.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get given() {
      return states.map((state) => state.given);
    },
    close: async () => {
      clearInterval(timer);
      for (const { agent } of states) agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
