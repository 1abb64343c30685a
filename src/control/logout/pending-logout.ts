import type { Session } from "../../core/session.ts";
import type { ControlParts } from "../parts.ts";
import { isText } from "../sealed-json.ts";
import type { Farewell } from "./signed-out-endpoint.ts";

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
export function parkPendingLogout(parts: Pick<ControlParts, "sessions">, session: Session, farewell: Farewell): Promise<string> {
  const { host, complete } = farewell;
  return parts.sessions.park(kind, JSON.stringify([session.principal.provider, host, complete]), pendingLimitMs);
}

/** Once; null when there is none. */
export async function takePendingLogout(parts: Pick<ControlParts, "sessions">, handle: string): Promise<PendingLogout | null> {
  if (!/^[A-Za-z0-9_-]{16,128}$/.test(handle)) return null;
  const text = await parts.sessions.unpark(kind, handle);
  const [provider, host, complete] = text === null ? [] : (JSON.parse(text) as unknown[]);
  if (!isText(provider)) return null;
  return { provider, farewell: { host: isText(host) ? host : null, complete: complete === true } };
}
