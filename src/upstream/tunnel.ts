import type { Duplex } from "node:stream";

export interface TunnelEnd {
  /** Bytes that went to the client. */
  readonly bytesSent: number;
  /** Both sides said goodbye; otherwise it was cut: an error, the idle limit, `close`. */
  readonly clean: boolean;
}
export interface Tunnel {
  readonly ended: Promise<TunnelEnd>;
  /** Cuts both sides at once. */
  close(): void;
}

/** Joins two sockets until both have ended: bytes unchanged, back-pressure and half-closes passed on. `idleMs` 0 = no limit. */
export function openTunnel(client: Duplex, upstream: Duplex, { idleMs }: { idleMs: number }): Tunnel {
  let bytesSent = 0;
  let cut = false;
  const close = () => {
    cut = true;
    client.destroy();
    upstream.destroy();
  };
  const idle = idleMs > 0 ? setTimeout(close, idleMs) : null;
  const ended = new Promise<TunnelEnd>((resolve) => {
    let open = 2;
    const onClose = () => {
      open -= 1;
      if (open > 0) return;
      if (idle !== null) clearTimeout(idle);
      resolve({ bytesSent, clean: !cut });
    };
    for (const side of [client, upstream]) {
      // Gone already, and its event with it.
      if (side.closed) queueMicrotask(onClose);
      else side.once("close", onClose);
    }
    if (client.destroyed || upstream.destroyed) close();
  });
  // One side that breaks takes the other along: a peer must not wait for frames that cannot come.
  for (const [side, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    side.on("error", close);
    side.once("close", () => {
      if (!side.readableEnded) cut = true;
      if (!other.destroyed && !side.readableEnded) other.destroy();
    });
    side.on("data", () => idle?.refresh());
    other.on("drain", () => idle?.refresh());
  }
  upstream.on("data", (chunk: Buffer) => {
    bytesSent += chunk.length;
  });
  client.pipe(upstream);
  upstream.pipe(client);
  return { ended, close };
}
