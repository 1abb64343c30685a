/** The provider that a service token's principal names: none of the file's can be called so. */
export const serviceProvider = "service-token";

/** One caller that is no person (`serviceTokens` in the file). The token itself is nowhere: only its hash. */
export interface ServiceTokenSettings {
  readonly name: string;
  /** Lower-case hex of the token's SHA-256. */
  readonly sha256: string;
  readonly groups: readonly string[];
  /** Where it counts; empty = everywhere. */
  readonly networks: readonly string[];
  /** Milliseconds since the epoch; from then on it is refused. */
  readonly expiresAt: number;
}
