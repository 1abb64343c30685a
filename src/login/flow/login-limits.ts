import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { LimitSettings } from "../../core/limits.ts";
import type { Facts } from "../../core/ports/facts.ts";
import type { Log } from "../../core/ports/log.ts";
import { networkOf } from "../../lib/networks.ts";

/** How much logging in one address may do. */
export interface LoginLimits {
  /** Runs `work` for a request of `address`, or throws `login.too-many`. */
  within<T>(address: string, work: () => T | Promise<T>): Promise<T>;
}

export interface LoginLimitsDeps {
  readonly limits: Pick<LimitSettings, "loginsPerAddress" | "loginsPerAddressAtOnce">;
  readonly facts: Pick<Facts, "count">;
  readonly clock: Clock;
  readonly log: Log;
}

const windowMs = 60_000;
/** Addresses that did less than this here are not told to the store: a flood from everywhere must not fill it. */
const toldFrom = 10;
const maxAddresses = 50_000;

/**
 * Counts what each address does at the login endpoints, first here and, for those that do much, in the store for all processes together.
 * A store that does not answer leaves the count of this process.
 */
export function createLoginLimits({ limits, facts, clock, log }: LoginLimitsDeps): LoginLimits {
  let began = 0;
  let seen = new Map<string, number>();
  const busy = new Map<string, number>();

  const countHere = (who: string): number => {
    const now = clock();
    // A clock that was set back begins a new window too.
    if (now - began >= windowMs || now < began || seen.size >= maxAddresses) {
      began = now;
      seen = new Map();
    }
    const count = (seen.get(who) ?? 0) + 1;
    seen.set(who, count);
    return count;
  };
  const countAll = async (who: string): Promise<number> => {
    const here = countHere(who);
    if (here < toldFrom || here > limits.loginsPerAddress) return here;
    try {
      return Math.max(here, await facts.count("logins", who, windowMs));
    } catch (error) {
      log.debug({ error }, "logins could not be counted in the store");
      return here;
    }
  };

  return {
    within: async (address, work) => {
      const who = networkOf(address);
      const atOnce = (busy.get(who) ?? 0) + 1;
      if (atOnce > limits.loginsPerAddressAtOnce) throw tooMany(`${who} has ${atOnce - 1} login requests under way`);
      busy.set(who, atOnce);
      try {
        const count = await countAll(who);
        if (count > limits.loginsPerAddress) throw tooMany(`${who} made more than ${limits.loginsPerAddress} login requests in a minute`);
        return await work();
      } finally {
        const left = (busy.get(who) ?? 1) - 1;
        if (left === 0) busy.delete(who);
        else busy.set(who, left);
      }
    },
  };
}

const tooMany = (detail: string) => new GatewayError("login.too-many", detail);
