/**
 * Whether the mail domains of the file count. One of a provider with `domainProof: dns` counts only while its TXT record is there.
 * Answers come from memory: they may be asked for at each request.
 */
export interface DomainProofs {
  /** True for a domain that some provider must prove and has not. No provider may vouch for its addresses then, its owner included. */
  isUnproven(domain: string): boolean;
  /** Another number after each change of an answer: what was made from answers is made again. Read at each request, so it is no call. */
  readonly changes: { readonly count: number };
}

/** What is known of one domain that must be proved. */
export interface DomainStatus {
  readonly provider: string;
  readonly domain: string;
  /** `grace`: the record was there, and the latest looks did not find it; the domain still counts. */
  readonly state: "proven" | "grace" | "unproven";
  /** When the record was seen last, milliseconds since the epoch; null = never. */
  readonly seenAt: number | null;
  /** When it was looked for last. */
  readonly askedAt: number | null;
  /** What the last look gave, for operators. */
  readonly detail: string;
}
