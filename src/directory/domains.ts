import { createHash } from "node:crypto";
import { Resolver } from "node:dns/promises";
import type { Clock } from "../core/clock.ts";
import type { Documents } from "../core/ports/documents.ts";
import type { DomainStatus } from "../core/ports/domain-proofs.ts";
import type { Facts } from "../core/ports/facts.ts";
import type { Log } from "../core/ports/log.ts";

/** A mail domain that a provider must prove, and the record that proves it. */
export interface DomainClaim {
  readonly provider: string;
  readonly domain: string;
  /** `_vestibule.acme.example`. */
  readonly name: string;
  /** `vestibule-domain=…`: one string of the TXT record. */
  readonly value: string;
}

/**
 * The claim with its record. The value names this gateway, the provider and the domain, and is no secret: who can write it under the
 * domain is who the proof is about. A record made for another gateway or another provider proves nothing here.
 */
export function domainClaim(origin: string, provider: string, domain: string): DomainClaim {
  const digest = createHash("sha256").update(["vestibule-domain", origin, provider, domain].join("\n")).digest("base64url");
  return { provider, domain, name: `_vestibule.${domain}`, value: `vestibule-domain=${digest.slice(0, 32)}` };
}

/** The TXT strings at a name, empty when there are none. Rejects when that cannot be known. */
export type LookUpTxt = (name: string) => Promise<readonly string[]>;

const answerMs = 3_000;
const tries = 2;

/** Asks the machine's own name servers, or `servers` (`127.0.0.1:5353`). One look takes at most about six seconds. */
export function createLookUpTxt(servers: readonly string[] = []): LookUpTxt {
  const resolver = new Resolver({ timeout: answerMs, tries });
  if (servers.length > 0) resolver.setServers([...servers]);
  return async (name) => {
    try {
      // A long string travels in pieces of 255 bytes (RFC 1035 3.3).
      return (await resolver.resolveTxt(name)).map((pieces) => pieces.join(""));
    } catch (error) {
      if (error instanceof Error && "code" in error && (error.code === "ENOTFOUND" || error.code === "ENODATA")) return [];
      throw error;
    }
  };
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** How long a domain still counts after the day on which its record was seen last: DNS may be broken over a long week-end. */
export const graceMs = 3 * dayMs;
/** Proven: daily. In the grace: hourly. Unproven: often, for an operator waits for what was just entered. */
const lookAgainMs = { proven: dayMs, grace: 60 * minuteMs, unproven: 2 * minuteMs } as const;
const lookEveryMs = 15_000;
const atOnce = 8;
const leaseMs = 20_000;
const keptMs = 60 * dayMs;

/** `none`: only what is known already; `due`: what is due; `unproven`: that, and at once what does not count, for an operator waits. */
export type Looks = "none" | "due" | "unproven";

/** Looks for the records, and remembers what was seen. */
export interface DomainWatch {
  isProven(claim: DomainClaim): boolean;
  readonly changes: { readonly count: number };
  list(): readonly DomainStatus[];
  /** Reads what all instances know, and looks up what `which` says. Never rejects. */
  look(which: Looks): Promise<void>;
  /** Looks now and from now on. */
  start(): void;
  close(): void;
}

export interface DomainWatchDeps {
  /** Those of the configuration in force. */
  readonly claims: () => readonly DomainClaim[];
  readonly lookUp: LookUpTxt;
  /** Shared by all instances, and outlives restarts. */
  readonly documents: Documents;
  readonly facts: Pick<Facts, "lease">;
  readonly clock: Clock;
  readonly log: Log;
  /** Some domain counts now that did not, or the other way. */
  readonly onChange?: () => void;
}

interface Kept {
  readonly value: string;
  readonly seenAt: number | null;
  readonly askedAt: number;
  readonly detail: string;
}

/**
 * Each record is looked up by one instance and known to all: what was seen is kept where all of them read. Before the first answer a
 * domain does not count. While DNS or the record is away it counts for a day and the grace, and no longer.
 */
export function createDomainWatch(deps: DomainWatchDeps): DomainWatch {
  const known = new Map<string, Kept>();
  let proven: ReadonlySet<string> = new Set();
  const changes = { count: 0 };
  let running: Promise<void> | null = null;
  let timer: ReturnType<typeof setInterval> | null = null;

  const lookAll = async (which: Looks) => {
    const left = [...deps.claims()];
    const worker = async () => {
      for (let claim = left.pop(); claim !== undefined; claim = left.pop()) await lookOne(deps, known, claim, which);
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, left.length) }, worker));
    const now = new Set(
      deps.claims().flatMap((claim) => (stateOf(known.get(keyOf(claim)), deps.clock()) === "unproven" ? [] : keyOf(claim))),
    );
    if (now.size === proven.size && [...now].every((key) => proven.has(key))) return;
    proven = now;
    changes.count += 1;
    deps.onChange?.();
  };
  const look = (which: Looks): Promise<void> => {
    running ??= lookAll(which)
      .catch((error: unknown) => deps.log.error({ error }, "the proofs of mail domains could not be looked at"))
      .finally(() => {
        running = null;
      });
    return running;
  };
  return {
    isProven: (claim) => proven.has(keyOf(claim)),
    changes,
    list: () => deps.claims().map((claim) => statusOf(claim, known.get(keyOf(claim)), deps.clock())),
    look,
    start: () => {
      void look("due");
      timer = setInterval(() => void look("due"), lookEveryMs);
      timer.unref();
    },
    close: () => {
      if (timer !== null) clearInterval(timer);
    },
  };
}

/** With the value: a proof of what was to be entered before is none of what is now. */
const keyOf = ({ provider, domain, value }: DomainClaim) => `${provider} ${domain} ${value}`;
const documentOf = ({ provider, domain }: DomainClaim) => `domain-proof:${provider}:${domain}`;

async function lookOne(deps: DomainWatchDeps, known: Map<string, Kept>, claim: DomainClaim, which: Looks): Promise<void> {
  await readKept(deps, known, claim);
  if (!isWanted(known.get(keyOf(claim)), deps.clock(), which)) return;
  // Where the store is away every instance asks for itself.
  const lease = await deps.facts.lease(documentOf(claim), leaseMs).catch(() => "none" as const);
  if (lease === null) return;
  try {
    await readKept(deps, known, claim);
    if (isWanted(known.get(keyOf(claim)), deps.clock(), which)) await askFor(deps, known, claim);
  } finally {
    if (lease !== "none") await lease.release().catch(() => undefined);
  }
}

async function readKept({ documents, log }: DomainWatchDeps, known: Map<string, Kept>, claim: DomainClaim): Promise<void> {
  try {
    const kept = parseKept(await documents.read(documentOf(claim)));
    const mine = known.get(keyOf(claim));
    if (kept !== null && kept.value === claim.value && kept.askedAt >= (mine?.askedAt ?? 0)) known.set(keyOf(claim), kept);
  } catch (error) {
    log.debug({ error, domain: claim.domain }, "what is kept of a domain's proof cannot be read");
  }
}

async function askFor(deps: DomainWatchDeps, known: Map<string, Kept>, claim: DomainClaim): Promise<void> {
  const { documents, lookUp, clock, log } = deps;
  const before = known.get(keyOf(claim));
  const found = await lookUp(claim.name).then(
    (texts) => ({ texts, failure: null }),
    (error: unknown) => ({ texts: [], failure: error instanceof Error ? error.message : String(error) }),
  );
  const askedAt = clock();
  const isThere = found.texts.some((text) => text.trim() === claim.value);
  const detail = isThere ? "the record is there" : (found.failure ?? whatWasThere(claim, found.texts));
  const now: Kept = { value: claim.value, seenAt: isThere ? askedAt : (before?.seenAt ?? null), askedAt, detail };
  known.set(keyOf(claim), now);
  tell(log, claim, before, now);
  await documents
    .write(documentOf(claim), JSON.stringify(now), keptMs)
    .catch((error: unknown) => log.debug({ error, domain: claim.domain }, "a domain's proof could not be kept"));
}

function whatWasThere({ name }: DomainClaim, texts: readonly string[]): string {
  const others = texts.filter((text) => text.startsWith("vestibule-domain="));
  if (others.length > 0) return `${name} has a record of another gateway, provider or auth.origin`;
  return `there is no such record at ${name}`;
}

/** Once for each change, and each day that the grace lasts. */
function tell(log: Log, { provider, domain, name, value }: DomainClaim, before: Kept | undefined, now: Kept): void {
  const [was, is] = [before === undefined ? null : stateOf(before, before.askedAt), stateOf(now, now.askedAt)];
  const fields = { provider, domain, why: now.detail };
  if (is === "proven" && was !== "proven") log.info(fields, "a mail domain is proved");
  if (is === "grace" && was !== "grace")
    log.warn(fields, "the record that proves a mail domain was not found; the domain counts for three days more");
  if (is === "unproven" && was !== "unproven")
    log.warn({ ...fields, enter: `${name} TXT "${value}"` }, "a mail domain does not count: it is not proved");
}

function stateOf(kept: Kept | undefined, now: number): DomainStatus["state"] {
  if (kept === undefined || kept.seenAt === null || now - kept.seenAt > dayMs + graceMs) return "unproven";
  return kept.seenAt === kept.askedAt && now - kept.seenAt <= dayMs + 60 * minuteMs ? "proven" : "grace";
}

function isWanted(kept: Kept | undefined, now: number, which: Looks): boolean {
  if (which === "none") return false;
  const state = stateOf(kept, now);
  // A clock that was set back must not put the next look off.
  return kept === undefined || (which === "unproven" && state === "unproven") || Math.abs(now - kept.askedAt) >= lookAgainMs[state];
}

function statusOf({ provider, domain }: DomainClaim, kept: Kept | undefined, now: number): DomainStatus {
  const state = stateOf(kept, now);
  return {
    provider,
    domain,
    state,
    seenAt: kept?.seenAt ?? null,
    askedAt: kept?.askedAt ?? null,
    detail: kept?.detail ?? "not looked up yet",
  };
}

function parseKept(text: string | null): Kept | null {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    if (typeof value !== "object" || value === null) return null;
    const { value: record, seenAt, askedAt, detail } = value as Record<string, unknown>;
    if (typeof record !== "string" || typeof askedAt !== "number" || (seenAt !== null && typeof seenAt !== "number")) return null;
    return { value: record, seenAt, askedAt, detail: String(detail) };
  } catch {
    return null;
  }
}
