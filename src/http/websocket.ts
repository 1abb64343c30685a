import { GatewayError } from "../core/errors.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Fields } from "./fields.ts";

/** `true` when the value of an Upgrade field names websocket, alone or among others. */
export function mentionsWebSocket(upgrade: string | null): boolean {
  return upgrade !== null && /(?:^|[\s,])websocket(?:$|[\s,/])/i.test(upgrade);
}

/**
 * `true` for a clean WebSocket handshake (RFC 6455 4.2.1), `false` for a request that asks for no WebSocket. Throws for what lies in
 * between: an upstream that reads it as a handshake while the gateway does not (or the other way) would turn the connection into a tunnel
 * that was not judged.
 */
export function isWebSocketHandshake(method: string, httpMinor: number, fields: Fields, body: Incoming["body"]): boolean {
  if (!mentionsWebSocket(fields.upgrade)) return false;
  const clean =
    method === "GET" &&
    httpMinor === 1 &&
    // Some clients say that they send nothing.
    (body.kind === "none" || (body.kind === "length" && body.bytes === 0)) &&
    fields.upgrade?.toLowerCase() === "websocket" &&
    /(?:^|[\s,])upgrade(?:$|[\s,])/i.test(fields.connection ?? "") &&
    fields.webSocketVersion !== null &&
    /^[A-Za-z0-9+/]{22}==$/.test(fields.webSocketKey ?? "");
  if (clean && fields.webSocketVersion !== "13")
    throw new GatewayError("request.websocket-version", `a WebSocket of version ${fields.webSocketVersion}`);
  if (!clean) throw new GatewayError("request.malformed", "an unclean WebSocket handshake");
  return true;
}
