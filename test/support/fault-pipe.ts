import type { Socket } from "node:net";

/** How the proxy treats its connections from now on. */
export type Fault =
  | { readonly kind: "pass" }
  /** New connections are reset, existing ones too. */
  | { readonly kind: "refuse" }
  /** Connections are accepted and stay open, nothing moves in either direction; what came is lost. */
  | { readonly kind: "black-hole" }
  | { readonly kind: "delay"; readonly ms: number }
  /** An answer longer than this ends after so many bytes, and its connection with it, cleanly: a reader may take it for all there is. */
  | { readonly kind: "truncate"; readonly afterBytes: number }
  /** Each connection carries so much in each direction, and no more. */
  | { readonly kind: "throttle"; readonly bytesPerSecond: number };

/** One direction of a connection through the proxy. What came first arrives first, whatever the fault was meanwhile. */
export interface FaultPipe {
  carry(bytes: Buffer): void;
}

const paceMs = 10;

export function createFaultPipe(to: Socket, currentFault: () => Fault): FaultPipe {
  const waiting: { bytes: Buffer; readonly from: number }[] = [];
  let timer: NodeJS.Timeout | null = null;

  const write = (bytes: Buffer) => {
    if (to.writable && bytes.length > 0) to.write(bytes);
  };
  const move = () => {
    timer = null;
    const fault = currentFault();
    let room = fault.kind === "throttle" ? Math.max(1, Math.round((fault.bytesPerSecond * paceMs) / 1_000)) : Number.POSITIVE_INFINITY;
    for (let first = waiting[0]; first !== undefined && room > 0 && first.from <= performance.now(); first = waiting[0]) {
      const taken = Math.min(room, first.bytes.length);
      write(first.bytes.subarray(0, taken));
      first.bytes = first.bytes.subarray(taken);
      if (first.bytes.length === 0) waiting.shift();
      room -= taken;
    }
    schedule();
  };
  const schedule = () => {
    const [first] = waiting;
    if (timer !== null || first === undefined || to.destroyed) return;
    timer = setTimeout(move, Math.max(first.from - performance.now(), currentFault().kind === "throttle" ? paceMs : 0));
  };
  return {
    carry: (bytes) => {
      const fault = currentFault();
      if (waiting.length === 0 && fault.kind !== "delay" && fault.kind !== "throttle") return write(bytes);
      waiting.push({ bytes, from: performance.now() + (fault.kind === "delay" ? fault.ms : 0) });
      schedule();
    },
  };
}
