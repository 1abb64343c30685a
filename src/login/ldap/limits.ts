import { createHash } from "node:crypto";
import { GatewayError } from "../../core/errors.ts";
import type { Facts } from "../../core/ports/facts.ts";
import type { Log } from "../../core/ports/log.ts";

/** How often passwords may be tried for one account. */
export interface AccountLimits {
  /** Counts one try of this login, or of this entry, at this provider, in all processes together. Throws `login.too-many`. */
  spend(provider: string, login: string): Promise<void>;
}

export const triesPerAccount = 10;
const windowMs = 60_000;

/**
 * Guessing one account's password from many addresses is held to ten tries a minute, whether the account exists or not. The address itself is
 * limited before that. A store that does not answer counts nothing: without it no session could begin anyway.
 */
export function createAccountLimits(facts: Pick<Facts, "count">, log: Log): AccountLimits {
  return {
    spend: async (provider, login) => {
      // A hash: what was typed may be a password in the wrong field.
      const who = createHash("sha256")
        .update(`${provider}\0${spellingOf(login)}`)
        .digest("base64url");
      const tries = await facts.count("password-tries", who, windowMs).catch((error: unknown) => {
        log.debug({ error }, "tries of a password could not be counted in the store");
        return 0;
      });
      if (tries > triesPerAccount)
        throw new GatewayError("login.too-many", `more than ${triesPerAccount} passwords were tried for one account in a minute`);
    },
  };
}

/**
 * One text for what directories take for one name: they compare without case, accents, width, ignorable characters and repeated blanks
 * (RFC 4518), so that each of a thousand spellings would otherwise have tries of its own.
 */
function spellingOf(login: string): string {
  const plain = login.normalize("NFKD").replace(/[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, "");
  return plain.toLowerCase().replace(/\s+/g, " ").trim();
}
