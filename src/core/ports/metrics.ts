/** `certificate`: the provider's signing one; `own-certificate`: what it knows us by; `metadata`: its validUntil; `metadata-signer`. */
export type ExpiringThing = "certificate" | "own-certificate" | "metadata" | "metadata-signer";

/** Counters and timings that layers report; observe/ gives them names, help texts and buckets. */
export interface Metrics {
  logins(provider: string, outcome: "ok" | string): void;
  /** One Kerberos ticket; `result` is accepted, no-ticket or an error code. */
  tickets(provider: string, result: string): void;
  logouts(why: string): void;
  refreshes(provider: string, outcome: "renewed" | "refused" | "unavailable"): void;
  upstreamErrors(route: string, code: string): void;
  /** One store command, seconds. */
  storeCommand(command: string, seconds: number, ok: boolean): void;
  sessionCache(outcome: "hit" | "miss"): void;
  providerFetches(
    provider: string,
    document: "discovery" | "jwks" | "metadata" | "token" | "par" | "userinfo" | "graph",
    ok: boolean,
  ): void;
  /** Days until something of a provider's, or of ours for it, expires; negative = since. Null takes the number away. */
  expiry?(provider: string, what: ExpiringThing, days: number | null): void;
}

/** The upper bounds of the buckets in which times are counted, in seconds: who reads the counts must know them. */
export const timingBoundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;
