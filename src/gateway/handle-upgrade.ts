import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { GatewayDeps } from "./deps.ts";
import { handle } from "./handle-request.ts";

export type UpgradeHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * The flow of a WebSocket handshake: the same as any request's. Whatever the answer but the upstream's own 101, the connection closes
 * after it: bytes that follow a refused handshake belong to no request. The socket must have an error listener already. Never throws.
 */
export function createUpgradeHandler(deps: GatewayDeps): UpgradeHandler {
  return (req, socket, head) => handle(deps, { kind: "socket", req, socket, head });
}
