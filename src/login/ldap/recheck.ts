import { GatewayError } from "../../core/errors.ts";
import type { RefreshOutcome, Vouched } from "../../core/ports/login-provider.ts";
import type { Session } from "../../core/session.ts";
import type { Lookup } from "./port.ts";

const retryMs = 15_000;

/** What a session begins with after a login that left no tokens behind. */
export function vouched(principal: Vouched["principal"], refreshAt: number | null): Vouched {
  return { principal, providerSession: null, logoutHandle: null, tokens: null, refreshAt, endsAtLatest: null };
}

/** Whether the account behind a living session still stands, and what it is now. An outage is no answer: the session lives on. */
export async function recheck(
  session: Session,
  look: () => Promise<Lookup>,
  { clock, nextRecheck }: { readonly clock: () => number; readonly nextRecheck: () => number | null },
): Promise<RefreshOutcome> {
  const { principal } = session;
  try {
    const found = await look();
    if (found.kind !== "ok") return { kind: "refused", why: found.detail };
    const renewed = { ...principal, ...found.identity, provider: principal.provider };
    return { kind: "renewed", principal: renewed, tokens: session.tokens, refreshAt: nextRecheck() };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const isOutage = error instanceof GatewayError && error.code.startsWith("ldap.");
    return isOutage ? { kind: "unavailable", why, retryAt: clock() + retryMs } : { kind: "refused", why };
  }
}
