import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { Facts } from "../../core/ports/facts.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Secret } from "../../core/secret.ts";
import { remember } from "../../lib/collections.ts";
import { networkOf } from "../../lib/networks.ts";

/** Whether a request comes from the provider whose address it uses. */
export interface ScimAccess {
  check(provider: string, authorization: string | null, client: string): Promise<"good" | "refused" | "too-many">;
}

export interface ScimAccessDeps {
  /** Every secret counts, of the provider that is asked for alone. */
  readonly tokens: (provider: string) => readonly Secret[];
  readonly facts: Pick<Facts, "count">;
  readonly clock: Clock;
  readonly log: Log;
}

/** So many wrong tokens a minute from one address, over all processes; then none is even looked at. */
export const mostFailures = 20;
export const failureWindowMs = 60_000;
const mostRemembered = 10_000;

export function createScimAccess(deps: ScimAccessDeps): ScimAccess {
  const shutOut = new Map<string, number>();
  return {
    check: async (provider, authorization, client) => {
      const address = networkOf(client);
      const now = deps.clock();
      if ((shutOut.get(address) ?? 0) > now) return "too-many";
      if (isOneOf(bearerOf(authorization), deps.tokens(provider))) return "good";
      // The store may be away: what this process has seen of the address counts all the same.
      const failures = await deps.facts.count("scim-failed", address, failureWindowMs).catch((error: unknown) => {
        deps.log.debug({ error }, "a refused SCIM request could not be counted");
        return mostFailures;
      });
      if (failures < mostFailures) return "refused";
      remember(shutOut, mostRemembered, address, now + failureWindowMs);
      deps.log.warn({ client: address, provider }, "too many SCIM requests with a wrong token");
      return "too-many";
    },
  };
}

function bearerOf(authorization: string | null): string {
  return /^bearer +([!-~]+) *$/i.exec(authorization ?? "")?.[1] ?? "";
}

/** In a time that says neither which secret fits nor how far: digests of one length, and all of them compared. */
function isOneOf(token: string, secrets: readonly Secret[]): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const given = digest(token);
  const equal = secrets.map((secret) => timingSafeEqual(digest(secret.reveal()), given));
  return token !== "" && equal.includes(true);
}
