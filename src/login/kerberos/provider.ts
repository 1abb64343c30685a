import { createHash, X509Certificate } from "node:crypto";
import { type ErrorCode, GatewayError } from "../../core/errors.ts";
import type { Incoming } from "../../core/incoming.ts";
import type { LoginProvider, LoginRequest, LoginStart } from "../../core/ports/login-provider.ts";
import { noTracing, type SpanPart } from "../../core/ports/tracing.ts";
import type { Principal } from "../../core/session.ts";
import { parseNetworks } from "../../lib/networks.ts";
import { type ClaimMapping, mapClaims } from "../claims/map-claims.ts";
import { codeOfProblem } from "../ldap/account-state.ts";
import type { LdapEntry } from "../ldap/entries.ts";
import { asLdapProvider, type LdapProvider } from "../ldap/port.ts";
import { recheck, vouched } from "../ldap/recheck.ts";
import type { ProviderDeps } from "../method.ts";
import { type AcceptAnswer, type AcceptedTicket, type Acceptor, createAcceptor } from "./acceptor.ts";
import { enctypeName } from "./negotiate-token.ts";
import type { LogonInfoAnswer } from "./pac.ts";
import type { KerberosSettings } from "./settings.ts";

type Deps = ProviderDeps & { readonly kerberos: KerberosSettings };

/** Windows sign-on: a visitor of the named networks is asked once for a ticket, and who has none goes on to the fallback unnoticed. */
export function createKerberosProvider(deps: Deps): LoginProvider {
  const { settings, kerberos, store, clock, tracing = noTracing } = deps;
  const networks = parseNetworks(kerberos.networks);
  // A ticket sent in the clear could be relayed to here by a reader.
  const isSecure = deps.authOrigin.scheme === "https";
  const acceptor = createAcceptor({ ...kerberos, clock, once: (id, ms) => store.facts.once("kerberos-ticket", id, ms) });
  let last: { readonly ok: boolean; readonly detail: string } = { ok: true, detail: "no ticket was seen yet" };

  const isFor = (client: string) => isSecure && networks.has(client);
  const begin = async (request: LoginRequest): Promise<LoginStart> => {
    const { incoming } = request;
    const token = tokenOf(incoming.authorization);
    if (!isFor(incoming.client) || !incoming.wantsPage || wantsAnotherProof(request, kerberos)) return instead(kerberos);
    if (token === null) return request.wasChallenged ? instead(kerberos) : challenge(kerberos, request);
    const accepting = () => acceptor.accept(token, channelBindings(incoming));
    const answer = await tracing.span(acceptPart(settings.id), accepting, ({ kind }) => ({ "vestibule.ticket": kind }));
    note(deps, incoming, answer);
    if (answer.kind !== "accepted") return declined(kerberos, answer);
    return welcome(deps, answer.ticket);
  };

  return {
    id: settings.id,
    name: settings.name,
    kind: "kerberos",
    emailDomains: settings.emailDomains,
    fallback: kerberos.fallback,
    isFor,
    begin,
    refresh: (session) => {
      const directory = kerberos.lookup === null ? null : asLdapProvider(deps.provider(kerberos.lookup));
      if (directory === null)
        return Promise.resolve({ kind: "unavailable", why: `there is no directory ${kerberos.lookup}`, retryAt: clock() + 60_000 });
      return recheck(session, () => directory.lookUpSubject(session.principal.subject), { clock, nextRecheck: directory.nextRecheck });
    },
    health: () => last,
    probe: async () => {
      last = await inspect(acceptor);
      return last;
    },
    close: acceptor.close,
  };
}

const acceptPart = (provider: string): SpanPart => ({
  kind: "internal",
  name: "kerberos accept",
  facts: { "vestibule.provider": provider },
});

/** The bytes of `Authorization: Negotiate …`; null when the request carries something else. */
function tokenOf(authorization: string | null): Buffer | null {
  const [, base64] = /^Negotiate +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? "") ?? [];
  return base64 === undefined ? null : Buffer.from(base64, "base64");
}

/** "Use another account", or a strength that a ticket has not: the browser would only send the same ticket again. */
function wantsAnotherProof({ reauthenticate, acr }: LoginRequest, kerberos: KerberosSettings): boolean {
  const isStrongEnough = acr.length > 0 && kerberos.acr !== null && acr.includes(kerberos.acr);
  return reauthenticate && !isStrongEnough;
}

function instead({ fallback }: KerberosSettings): LoginStart {
  if (fallback === null) throw new GatewayError("kerberos.no-ticket", "this visitor has no ticket, and no fallback is configured");
  return { go: { kind: "instead", provider: fallback }, memory: {} };
}

/** 401 once; its body leads on to the fallback by itself, so that a browser without a ticket shows nothing of it. */
function challenge({ fallback }: KerberosSettings, { urlOf }: LoginRequest): LoginStart {
  const page =
    fallback === null
      ? ({ page: "error", code: "kerberos.no-ticket", startAgainUrl: null } as const)
      : ({ page: "onward", url: urlOf(fallback) } as const);
  return { go: { kind: "challenge", scheme: "Negotiate", page, headers: [] }, memory: {} };
}

/** Not asked again: a second 401 makes browsers ask the visitor for a password. */
function declined(kerberos: KerberosSettings, answer: Exclude<AcceptAnswer, { readonly kind: "accepted" }>): LoginStart {
  if (kerberos.fallback !== null) return instead(kerberos);
  const code: ErrorCode = answer.kind === "refused" ? answer.code : "kerberos.no-ticket";
  throw new GatewayError(code, answer.detail);
}

/** Who the ticket's principal is: a person of the directory, or the principal alone. */
async function welcome(deps: Deps, ticket: AcceptedTicket): Promise<LoginStart> {
  const { settings, kerberos, clock } = deps;
  const directory = kerberos.lookup === null ? null : asLdapProvider(deps.provider(kerberos.lookup));
  const identity = directory === null ? aloneOf(deps, ticket) : await personOf(kerberos, directory, ticket);
  const principal: Principal = { ...identity, provider: settings.id, authenticatedAt: clock(), acr: kerberos.acr };
  const headers = ticket.answer === null ? [] : [["WWW-Authenticate", `Negotiate ${ticket.answer.toString("base64")}`] as const];
  return { go: { kind: "vouched", vouched: vouched(principal, directory?.nextRecheck() ?? null), headers }, memory: {} };
}

type Identity = Omit<Principal, "authenticatedAt" | "acr">;

/** With several realms the realm belongs to the login: `alice` of one is not `alice` of the other. */
async function personOf({ realms }: KerberosSettings, directory: LdapProvider, ticket: AcceptedTicket): Promise<Identity> {
  const { name, realm, logonInfo } = ticket;
  const found = await directory.lookUp(realms.length === 1 ? name : `${name}@${realm}`);
  if (found.kind === "ok") {
    refuseAnother(found.entry, logonInfo, directory.id);
    return found.identity;
  }
  if (found.kind === "problem") throw new GatewayError(codeOfProblem[found.problem], found.detail);
  throw new GatewayError("login.provider-refused", `the ticket of ${name}@${realm} is good, but ${directory.id} has ${found.detail}`);
}

/** A filter that finds by mail address too may find another person's entry by this name: where both say a SID, it must be one. */
function refuseAnother({ dn, attributes }: LdapEntry, logonInfo: LogonInfoAnswer | null, directory: string): void {
  const [sid] = attributes.get("objectsid") ?? [];
  if (sid === undefined || logonInfo?.kind !== "read" || logonInfo.info.sid === sid) return;
  const detail = `the ticket is of the account ${logonInfo.info.sid}, and ${directory} found ${dn}, which is ${sid}: make its userFilter find by the principal's name only`;
  throw new GatewayError("login.provider-refused", detail);
}

/** The principal, and what the domain controller says of it: groups by their SIDs, unless `groupNames` names them. */
function aloneOf(deps: Deps, { name, realm, logonInfo }: AcceptedTicket): Identity {
  const { settings } = deps;
  const mapping: ClaimMapping = {
    ...deps,
    provider: settings.id,
    attributes: { ...settings.attributes, groups: "groups" },
    groupNames: settings.groupNames,
    groupsPrefix: settings.groupsPrefix ?? null,
  };
  const said = logonInfo?.kind === "read" ? logonInfo.info : {};
  const identity = mapClaims({ ...said, principal: `${name}@${realm}`, name }, mapping);
  return logonInfo?.kind === "read" ? identity : { ...identity, groups: { kind: "unknown", why: whyUnknown(logonInfo) } };
}

function whyUnknown(logonInfo: Exclude<LogonInfoAnswer, { readonly kind: "read" }> | null): string {
  return logonInfo === null
    ? "the ticket says nothing of groups that the service's key has signed: configure lookup"
    : `the ticket's PAC cannot be read (${logonInfo.why}): configure lookup`;
}

/**
 * `tls-server-end-point` of the connection (RFC 5929 4.1), where TLS ends here: a ticket made for another server's connection is refused.
 * Clients that bind nothing are accepted, as MIT does.
 */
function channelBindings({ serverCertificate }: Incoming): Buffer | null {
  const der = serverCertificate?.() ?? null;
  if (der === null) return null;
  const algorithm = new X509Certificate(der).signatureAlgorithm ?? "";
  const [, named] = /sha-?(1|224|256|384|512)(?:with|$|\b)/i.exec(algorithm) ?? [];
  if (named === undefined) return null;
  const hash = named === "1" || named === "224" ? "sha256" : `sha${named}`;
  return Buffer.concat([Buffer.from("tls-server-end-point:"), createHash(hash).update(der).digest()]);
}

/** One line for each ticket, and the cure in the log when it was refused. */
function note(deps: Deps, incoming: Incoming, answer: AcceptAnswer): void {
  const { settings, log, audit, metrics } = deps;
  const accepted = answer.kind === "accepted" ? answer.ticket : null;
  const result = answer.kind === "refused" ? answer.code : answer.kind;
  metrics.tickets(settings.id, result);
  audit({
    event: "ticket",
    request: incoming.id,
    client: incoming.client,
    provider: settings.id,
    principal: accepted === null ? null : `${accepted.name}@${accepted.realm}`,
    realm: accepted?.realm ?? null,
    enctype: accepted === null ? null : enctypeName(accepted.enctype),
    result,
    detail: answer.kind === "accepted" ? null : answer.detail,
  });
  if (answer.kind === "refused")
    log.warn({ request: incoming.id, provider: settings.id, code: answer.code, why: answer.detail }, "a Kerberos ticket was refused");
}

async function inspect(acceptor: Acceptor): Promise<{ readonly ok: boolean; readonly detail: string }> {
  try {
    const entries = await acceptor.inspect();
    const keys = entries.map(({ service, realm, kvno, enctype }) => `${service}@${realm} version ${kvno} ${enctypeName(enctype)}`);
    return { ok: true, detail: `keys: ${keys.join(", ")}` };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
