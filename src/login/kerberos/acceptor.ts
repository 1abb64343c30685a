import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import { readRegularFile } from "../../lib/regular-file.ts";
import { createAcceptThread } from "./accept-thread.ts";
import { type Diagnosis, diagnose, isBadIntegrity, wrongKey } from "./diagnosis.ts";
import type { AcceptOutcome } from "./establish.ts";
import { type KeytabEntry, readKeytab } from "./keytab.ts";
import { readNegotiateToken, type TicketFacts } from "./negotiate-token.ts";
import { type LogonInfoAnswer, readLogonInfo } from "./pac.ts";

/** A ticket that was accepted. */
export interface AcceptedTicket {
  /** Without the realm. */
  readonly name: string;
  readonly realm: string;
  /** `HTTP/auth.acme.example`. */
  readonly service: string;
  readonly enctype: number | null;
  /** For `WWW-Authenticate: Negotiate`: proves to the browser that this is the service (mutual authentication). */
  readonly answer: Buffer | null;
  /** What the domain controller says of the account in the ticket's verified PAC; null when there is no such PAC. */
  readonly logonInfo: LogonInfoAnswer | null;
}
export type AcceptAnswer =
  | { readonly kind: "accepted"; readonly ticket: AcceptedTicket }
  /** The browser has no ticket for us: the fallback's turn, nothing is wrong here. */
  | { readonly kind: "no-ticket"; readonly detail: string }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly detail: string };

export interface AcceptorDeps {
  readonly keytabFile: string;
  /** `HTTP/auth.acme.example`, without realm. */
  readonly principals: readonly string[];
  readonly realms: readonly string[];
  readonly clock: Clock;
  /** True the first time that this text is seen, in every process: what makes a replay one. */
  readonly once: (id: string, ms: number) => Promise<boolean>;
}

export interface Acceptor {
  /** `bindings`: what a client that binds to the TLS connection must have named (RFC 5929), null where TLS is not ours. */
  accept(token: Buffer, bindings: Buffer | null): Promise<AcceptAnswer>;
  /** The keys of the keytab as it is now. Throws `kerberos.library` or `kerberos.keytab` when no ticket could be accepted. */
  inspect(): Promise<readonly KeytabEntry[]>;
  close(): void;
}

const longestToken = 64 * 1024;
/** Twice the five minutes that clocks may differ: past it the ticket's time is refused. */
const replayMs = 10 * 60_000;

/**
 * Accepts Kerberos tickets through MIT GSSAPI. It runs in a thread of its own: one, because the library keeps the
 * words of a failure per thread. Each call acquires its credential from the keytab named here (`gss_acquire_cred_from`), so
 * that a changed keytab counts at once and several acceptors never meet in KRB5_KTNAME, which is the whole process's.
 */
export function createAcceptor(deps: AcceptorDeps): Acceptor {
  const thread = createAcceptThread();
  return {
    close: thread.close,
    accept: async (token, bindings) => {
      if (token.length > longestToken) return { kind: "refused", code: "kerberos.ticket-refused", detail: "the token is too long" };
      const read = readNegotiateToken(token);
      if (read.kind === "ntlm")
        return {
          kind: "no-ticket",
          detail: `the browser offers NTLM: it has no ticket for ${deps.principals.join(" or ")}. Is that SPN registered, and is the browser in the domain?`,
        };
      if (read.kind === "other") return { kind: "no-ticket", detail: "the browser offers neither Kerberos nor NTLM" };
      return acceptTicket(deps, await thread.accept({ keytabFile: deps.keytabFile, token, bindings }), token, read.ticket);
    },
    inspect: async () => {
      await thread.load();
      const entries = await readKeys(deps.keytabFile);
      if (entries === null) throw new GatewayError("kerberos.keytab", `${deps.keytabFile} cannot be read as a keytab`);
      const missing = deps.principals.filter((principal) => !entries.some(({ service }) => service === principal));
      if (missing.length === deps.principals.length)
        throw new GatewayError("kerberos.keytab", `${deps.keytabFile} has no key of ${missing.join(" or ")}`);
      return entries;
    },
  };
}

const maxKeytabBytes = 1024 * 1024;

async function readKeys(file: string): Promise<readonly KeytabEntry[] | null> {
  try {
    return readKeytab(readRegularFile(file, maxKeytabBytes));
  } catch {
    return null;
  }
}

async function acceptTicket(deps: AcceptorDeps, outcome: AcceptOutcome, token: Buffer, facts: TicketFacts | null): Promise<AcceptAnswer> {
  if (outcome.kind === "continue") return { kind: "no-ticket", detail: "the browser wants a longer negotiation than one ticket" };
  if (outcome.kind === "failed") return { kind: "refused", ...(await explain(deps, outcome, facts)) };
  const { client, service, logonInfo } = outcome;
  const refused = checkNames(deps, client, service);
  if (refused !== null) return { kind: "refused", ...refused };
  const id = createHash("sha256")
    .update(facts?.authenticator ?? token)
    .digest("base64url");
  if (!(await deps.once(id, replayMs)))
    return { kind: "refused", code: "kerberos.replayed", detail: `the ticket of ${client} was presented before: a replay` };
  const { name, realm } = splitName(client);
  return {
    kind: "accepted",
    ticket: {
      name,
      realm,
      service: splitName(service).name,
      enctype: facts?.enctype ?? null,
      answer: outcome.answer === null ? null : Buffer.from(outcome.answer),
      logonInfo: logonInfo === null ? null : readLogonInfo(Buffer.from(logonInfo)),
    },
  };
}

/** A ticket for another service of the same keytab, or of a realm that is not ours, opens nothing. */
function checkNames({ principals, realms }: AcceptorDeps, client: string, service: string): Diagnosis | null {
  const { name, realm } = splitName(client);
  if (!principals.includes(splitName(service).name))
    return { code: "kerberos.principal", detail: `the ticket is for ${service}, not for ${principals.join(" or ")}` };
  if (!realms.includes(realm))
    return { code: "kerberos.realm", detail: `${client} is of realm ${realm}; these may sign in: ${realms.join(", ")}` };
  // `host/pc1.acme.example` and the like are machines and services.
  return /[/\\@]/.test(name) ? { code: "kerberos.ticket-refused", detail: `${client} is no person` } : null;
}

function splitName(principal: string): { readonly name: string; readonly realm: string } {
  const at = principal.lastIndexOf("@");
  return at < 0 ? { name: principal, realm: "" } : { name: principal.slice(0, at), realm: principal.slice(at + 1) };
}

type Failed = AcceptOutcome & { readonly kind: "failed" };

async function explain(
  { keytabFile, clock }: AcceptorDeps,
  { failure, clientTime }: Failed,
  ticket: TicketFacts | null,
): Promise<Diagnosis> {
  const keytab = await readKeys(keytabFile);
  const found = diagnose(failure, { ticket, keytabFile, keytab, now: clock(), clientTime });
  return found.code === "kerberos.ticket-refused" && isBadIntegrity(failure) && ticket !== null ? wrongKey(ticket, keytabFile) : found;
}
