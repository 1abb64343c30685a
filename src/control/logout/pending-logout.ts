import type { ControlParts } from "../parts.ts";
import { isText } from "../sealed-json.ts";
import { type Farewell, packFarewell, unpackFarewell } from "./farewell.ts";

/** A logout on its way to a provider that signs its answer. */
export interface PendingLogout {
  readonly provider: string;
  readonly farewell: Farewell;
}

const kind = "pending-logout";
const pendingLimitMs = 10 * 60_000;

/**
 * Remembers what the visitor is to be told; the handle is the request's id, which the provider's signed answer repeats. Written for
 * living sessions only, so that nobody without one can fill the store.
 */
export function parkPendingLogout(parts: Pick<ControlParts, "sessions">, provider: string, farewell: Farewell): Promise<string> {
  return parts.sessions.park(kind, JSON.stringify([provider, ...packFarewell(farewell)]), pendingLimitMs);
}

/** Once; null when there is none. */
export async function takePendingLogout(parts: Pick<ControlParts, "sessions">, handle: string): Promise<PendingLogout | null> {
  if (!/^[A-Za-z0-9_-]{16,128}$/.test(handle)) return null;
  const text = await parts.sessions.unpark(kind, handle);
  const [provider, ...farewell] = text === null ? [] : (JSON.parse(text) as unknown[]);
  if (!isText(provider)) return null;
  return { provider, farewell: unpackFarewell(farewell) };
}
