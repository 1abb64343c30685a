import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** How the proxy treats its connections from now on. */
export type Fault =
  | { readonly kind: "pass" }
  /** New connections are reset, existing ones too. */
  | { readonly kind: "refuse" }
  /** Connections are accepted and stay open, nothing moves in either direction; what came is lost. */
  | { readonly kind: "black-hole" }
  | { readonly kind: "delay"; readonly ms: number };

/** A TCP proxy on loopback that misbehaves on demand. */
export interface FaultProxy {
  readonly port: number;
  readonly connections: number;
  set(fault: Fault): void;
  /** Resets all connections, once; new ones are treated as set. */
  cut(): void;
  /** From now on nothing moves on the connections that `choose` picks by what their client has sent so far. */
  blackHoleWhere(choose: (sentByClient: string) => boolean): number;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly target: Socket;
  sent: string;
  dead: boolean;
}

const keptChars = 4_096;

export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  let fault: Fault = { kind: "pass" };
  const pairs = new Set<Pair>();
  const server = createServer((client) => {
    if (fault.kind === "refuse") return void client.resetAndDestroy();
    const pair: Pair = { client, target: connect(targetPort, "127.0.0.1"), sent: "", dead: false };
    pairs.add(pair);
    client.on("data", (bytes) => {
      if (pair.sent.length < keptChars) pair.sent += bytes.toString("latin1");
      carry(pair, () => fault, pair.target, bytes);
    });
    pair.target.on("data", (bytes) => carry(pair, () => fault, client, bytes));
    client.on("error", () => undefined);
    client.on("close", () => {
      pairs.delete(pair);
      pair.target.destroy();
    });
    pair.target.on("error", () => undefined);
    pair.target.on("close", () => {
      // A black hole does not even tell that the other side has gone.
      if (!pair.dead && fault.kind !== "black-hole") client.destroy();
    });
  });
  const cut = () => {
    for (const { client, target } of pairs) {
      client.resetAndDestroy();
      target.destroy();
    }
  };
  const port = await listen(server);
  return {
    port,
    get connections() {
      return pairs.size;
    },
    set: (wanted) => {
      fault = wanted;
      if (wanted.kind === "refuse") cut();
    },
    cut,
    blackHoleWhere: (choose) => {
      const chosen = [...pairs].filter((pair) => choose(pair.sent));
      for (const pair of chosen) pair.dead = true;
      return chosen.length;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}

function carry(pair: Pair, fault: () => Fault, to: Socket, bytes: Buffer): void {
  const current = fault();
  if (pair.dead) return;
  // Bytes that were dropped are missing in the stream for ever: such a connection is of no use afterwards.
  if (current.kind === "black-hole") pair.dead = true;
  else if (current.kind === "delay") setTimeout(() => to.writable && to.write(bytes), current.ms);
  else if (to.writable) to.write(bytes);
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
