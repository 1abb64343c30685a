import type { Clock } from "../core/clock.ts";
import type { Identity, TokenCaller } from "../core/identity.ts";
import type { DirectoryLogins } from "../core/ports/directory.ts";
import type { Principal } from "../core/principal.ts";

/** The directory's word on a bearer token's caller; at once where it was asked a moment ago. */
export type BearerPerson = (caller: TokenCaller) => Identity | Promise<Identity>;

/** So long the directory's word is believed: somebody who is shut out is refused everywhere within a second. */
const believedMs = 500;

/**
 * A token outlives the person's account: the provider that signed it cannot take it back, the directory can. Rejects with
 * `directory.unavailable` when the truth cannot be known. An account that the directory does not know has no roles and no teams.
 */
export function createBearerPerson({ logins, clock }: { readonly logins: DirectoryLogins; readonly clock: Clock }): BearerPerson {
  const believed = new WeakMap<TokenCaller, { readonly until: number; readonly identity: Identity }>();
  const ask = async (caller: TokenCaller): Promise<Identity> => {
    const recalled = await logins.recall(caller.principal);
    const before = believed.get(caller)?.identity;
    const identity: Identity =
      recalled.kind === "out"
        ? { kind: "rejected", scheme: "bearer", why: recalled.why }
        : recalled.kind === "unknown"
          ? caller
          : asBefore({ ...caller, principal: recalled.principal }, before);
    believed.set(caller, { until: clock() + believedMs, identity });
    return identity;
  };
  return (caller) => {
    const known = believed.get(caller);
    return known !== undefined && clock() < known.until ? known.identity : ask(caller);
  };
}

/** What was made of a caller (rules compared, headers) is remembered by the principal: it stays the same object while nothing changes. */
function asBefore(now: TokenCaller, before: Identity | undefined): Identity {
  return before?.kind === "known" && asText(before.principal) === asText(now.principal) ? before : now;
}

const asText = (principal: Principal) => JSON.stringify(principal);
