import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createFaultPipe, type Fault, type FaultPipe } from "./fault-pipe.ts";

/** A TCP proxy on loopback that misbehaves on demand. */
export interface FaultProxy {
  readonly port: number;
  readonly connections: number;
  /** What clients have sent so far, whatever became of it. */
  readonly bytesFromClients: number;
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
  readonly toClient: FaultPipe;
  readonly toTarget: FaultPipe;
  sent: string;
  /** Bytes that came back since the client last said something. */
  answered: number;
  /** Nothing moves on it any more. */
  dead: boolean;
}

const keptChars = 4_096;

export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  let fault: Fault = { kind: "pass" };
  const pairs = new Set<Pair>();
  let bytesFromClients = 0;
  const server = createServer((client) => {
    if (fault.kind === "refuse") return void client.resetAndDestroy();
    const pair = openPair(client, targetPort, () => fault);
    pairs.add(pair);
    client.on("data", (bytes) => {
      bytesFromClients += bytes.length;
      if (pair.sent.length < keptChars) pair.sent += bytes.toString("latin1");
      pair.answered = 0;
      if (moves(pair, fault)) pair.toTarget.carry(bytes);
    });
    pair.target.on("data", (bytes) => {
      if (!moves(pair, fault)) return;
      if (fault.kind === "truncate" && pair.answered + bytes.length > fault.afterBytes) return truncate(pair, bytes, fault.afterBytes);
      pair.answered += bytes.length;
      pair.toClient.carry(bytes);
    });
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
    get bytesFromClients() {
      return bytesFromClients;
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

function openPair(client: Socket, targetPort: number, fault: () => Fault): Pair {
  const target = connect(targetPort, "127.0.0.1");
  return {
    client,
    target,
    toClient: createFaultPipe(client, fault),
    toTarget: createFaultPipe(target, fault),
    sent: "",
    answered: 0,
    dead: false,
  };
}

/** Bytes that were dropped are missing in the stream for ever: such a connection is of no use afterwards. */
function moves(pair: Pair, fault: Fault): boolean {
  if (fault.kind === "black-hole") pair.dead = true;
  return !pair.dead;
}

function truncate(pair: Pair, bytes: Buffer, afterBytes: number): void {
  pair.dead = true;
  pair.client.end(bytes.subarray(0, Math.max(0, afterBytes - pair.answered)));
  pair.target.destroy();
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
