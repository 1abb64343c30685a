import type { Clock } from "../core/clock.ts";
import type { DirectorySettings } from "../core/directory-settings.ts";
import { GatewayError } from "../core/errors.ts";
import type { Account, GroupFact, Person } from "../core/person.ts";
import type { DirectoryCaller, DirectoryLogins, Recalled } from "../core/ports/directory.ts";
import type { DirectoryStore } from "../core/ports/directory-store.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { Principal } from "../core/session.ts";
import { emailDomain, foldName } from "../lib/names.ts";
import { personByAccount, personByAddress, withAddresses } from "./accounts.ts";
import { enrich, judgePerson } from "./facts.ts";
import { newDirectoryId } from "./ids.ts";
import { type Arrival, type Candidates, isLocalLoginForbidden, type Welcome, welcome } from "./rules/arrival.ts";
import { keepAttributes } from "./rules/attributes.ts";
import { type Transaction, transact } from "./transaction.ts";

/** One configuration version's rules over the directory that outlives it. */
export interface DirectoryDeps {
  readonly store: DirectoryStore;
  readonly settings: DirectorySettings;
  /** The provider that owns an e-mail domain, null when none does. */
  readonly ownerOfDomain: (domain: string) => string | null;
  /** Accounts of the gateway's own (`local`): they work while the directory is away. */
  readonly isLocal: (provider: string) => boolean;
  /** Its SCIM says all of groups, and its logins nothing (`attributes.groups: null`). */
  readonly groupsByScim: (provider: string) => boolean;
  /** A provider's group names by id, as configured. */
  readonly groupNames: (provider: string) => Readonly<Record<string, string>>;
  /**
   * The provider whose people these are: tickets that a directory says the owners of lead to that directory's accounts, so that a person who
   * is shut out there is out by ticket too. Itself for all others.
   */
  readonly peopleOf: (provider: string) => string;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: Audit;
}

export function createDirectoryLogins(deps: DirectoryDeps): DirectoryLogins {
  const asAccount = (principal: Principal): Principal => ({ ...principal, provider: deps.peopleOf(principal.provider) });
  return {
    admit: async (principal, caller) => {
      const account = asAccount(principal);
      const admitted = await (deps.isLocal(principal.provider) ? admitLocal(deps, account, caller) : admit(deps, account, caller));
      return { ...admitted, provider: principal.provider };
    },
    recall: async (principal) => {
      const recalled = await recall(deps, asAccount(principal));
      return recalled.kind === "good" ? { ...recalled, principal: { ...recalled.principal, provider: principal.provider } } : recalled;
    },
  };
}

async function admit(deps: DirectoryDeps, vouched: Principal, caller: DirectoryCaller): Promise<Principal> {
  const principal = withGroupsOfScim(deps, vouched);
  const { found, admitted } = await transact(deps.store, async (transaction) => {
    const verdict = welcome(arrivalOf(deps, principal), await candidates(transaction, principal), deps.settings);
    if (verdict.kind === "refuse") return { found: verdict, admitted: null };
    const person = await seen(deps, transaction, { principal, verdict });
    const judged = await judgePerson(
      transaction,
      person,
      { provider: principal.provider, said: saidGroups(deps, principal) },
      context(deps),
    );
    return { found: verdict, admitted: enrich(principal, judged) };
  });
  note(deps, principal, caller, found, admitted?.person?.id ?? null);
  if (found.kind === "refuse") throw new GatewayError(found.code, found.why);
  if (admitted === null) throw new GatewayError("gateway.internal", "a welcome without a principal");
  return admitted;
}

/** An emergency account: the directory may forbid it where it can be asked, and is not missed where it cannot. */
async function admitLocal(deps: DirectoryDeps, principal: Principal, caller: DirectoryCaller): Promise<Principal> {
  try {
    const forbidden = await transact(deps.store, async (transaction) => {
      const person =
        (await personByAccount(transaction, principal.provider, principal.subject)) ??
        (principal.email === null ? null : await personByAddress(transaction, principal.email));
      return person !== null && isLocalLoginForbidden(person) ? person.id : null;
    });
    if (forbidden !== null)
      throw new GatewayError("directory.local-login-forbidden", `the person ${forbidden} may not use a local account`);
    return await admit({ ...deps, settings: { ...deps.settings, provisioning: "both" } }, principal, caller);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== "directory.unavailable") throw error;
    deps.log.warn({ error, provider: principal.provider }, "an emergency login goes on without the directory");
    return principal;
  }
}

async function recall(deps: DirectoryDeps, asked: Principal): Promise<Recalled> {
  const principal = asked.person === undefined ? withGroupsOfScim(deps, asked) : asked;
  const rules = deps.isLocal(principal.provider) ? { ...deps.settings, provisioning: "both" as const } : deps.settings;
  return transact(deps.store, async (transaction): Promise<Recalled> => {
    const verdict = welcome(arrivalOf(deps, principal), await candidates(transaction, principal), rules);
    // A token may come before the first login: a caller who would be refused there is refused here.
    if (verdict.kind === "refuse") return { kind: "out", why: verdict.why };
    if (verdict.kind === "new" || verdict.kind === "link") return { kind: "unknown" };
    const said = principal.person === undefined ? saidGroups(deps, principal) : principal.person.said;
    const judged = await judgePerson(transaction, verdict.person, { provider: principal.provider, said }, context(deps));
    return { kind: "good", principal: enrich(principal, judged) };
  });
}

/** Where the provider's SCIM says all of groups, its silence at login is no mystery. */
function withGroupsOfScim({ groupsByScim }: DirectoryDeps, principal: Principal): Principal {
  return groupsByScim(principal.provider) ? { ...principal, groups: { kind: "known", names: [] } } : principal;
}

const context = ({ settings, clock }: DirectoryDeps) => ({ settings, now: clock() });

function arrivalOf({ ownerOfDomain }: DirectoryDeps, { provider, subject, email }: Principal): Arrival {
  return { provider, subject, email, domainOwner: ownerOfDomain((email === null ? null : emailDomain(email)) ?? "") };
}

/** What the provider says of groups, with their ids where they are known; null when membership is unknown. */
function saidGroups({ groupNames }: DirectoryDeps, { provider, groups }: Principal): readonly GroupFact[] | null {
  if (groups.kind === "unknown") return null;
  const byName = new Map(Object.entries(groupNames(provider)).map(([id, name]) => [name, id]));
  return groups.names.map((name) => {
    const id = groups.ids !== undefined && Object.hasOwn(groups.ids, name) ? groups.ids[name] : byName.get(name);
    return { id: id ?? null, name };
  });
}

async function candidates(transaction: Transaction, { provider, subject, email }: Principal): Promise<Candidates> {
  const byAccount = await personByAccount(transaction, provider, subject);
  if (byAccount !== null) return { byAccount, byProvisioning: null, byAddress: null };
  return {
    byAccount,
    byProvisioning: await provisionedFor(transaction, { provider, subject, email }),
    byAddress: email === null ? null : await personByAddress(transaction, email),
  };
}

async function provisionedFor(
  transaction: Transaction,
  { provider, subject, email }: Pick<Principal, "provider" | "subject" | "email">,
): Promise<Candidates["byProvisioning"]> {
  const look = async (index: string, value: string, by: "externalId" | "address") => {
    const [id, other] = await transaction.find(`user.${index}:${provider}`, value, { offset: 0, limit: 2 });
    // An address that two of them have says nothing.
    const user = id === undefined || other !== undefined ? null : await transaction.get("user", id);
    const person = user === null ? null : await transaction.get("person", user.person);
    return user === null || person === null ? null : { person, user: user.id, by };
  };
  const byId = await look("externalId", subject, "externalId");
  if (byId !== null || email === null) return byId;
  const address = foldName(email);
  return (await look("userName", address, "address")) ?? (await look("emails.value", address, "address"));
}

/** Enters the login: the account with what it said, and the attributes by their policy. */
async function seen(
  deps: DirectoryDeps,
  transaction: Transaction,
  { principal, verdict }: { readonly principal: Principal; readonly verdict: Exclude<Welcome, { kind: "refuse" }> },
): Promise<Person> {
  const now = deps.clock();
  const before = verdict.kind === "new" ? emptyPerson(now) : verdict.person;
  const known = before.accounts.find((account) => isThisAccount(account, principal, verdict));
  const account: Account = {
    ...(known ?? { via: verdict.kind === "link" ? ("email" as const) : ("login" as const), since: now, user: null, removed: false }),
    provider: principal.provider,
    subject: principal.subject,
    email: principal.email,
    seenAt: now,
    groups: saidGroups(deps, principal),
  };
  const said = {
    provider: principal.provider,
    by: "login" as const,
    first: known?.seenAt === null || known === undefined,
    values: attributesOf(principal),
  };
  const accounts = known === undefined ? [...before.accounts, account] : before.accounts.map((one) => (one === known ? account : one));
  const attributes = keepAttributes(before.attributes, said, deps.settings.attributes);
  const person = await withAddresses(transaction, { ...before, accounts, attributes, seenAt: now, changedAt: now }, ownerOfAddress(deps));
  // A refresh that brings nothing new is not worth a write each time.
  if (isNews(before, person)) transaction.put("person", person);
  return person;
}

const seenAgainMs = 10 * 60_000;

function isNews(before: Person, now: Person): boolean {
  const timeless = ({ changedAt: _, seenAt: __, accounts, ...rest }: Person) =>
    JSON.stringify([rest, accounts.map(({ seenAt: ___, ...account }) => account)]);
  return (now.seenAt ?? 0) - (before.seenAt ?? 0) > seenAgainMs || timeless(before) !== timeless(now);
}

/** The provider that owns the domain of an address; null when none does. */
export function ownerOfAddress({ ownerOfDomain }: Pick<DirectoryDeps, "ownerOfDomain">): (address: string) => string | null {
  return (address) => ownerOfDomain(emailDomain(address) ?? "");
}

function isThisAccount(account: Account, { provider, subject }: Principal, verdict: Welcome): boolean {
  if (verdict.kind === "meet") return account.user?.id === verdict.user;
  return account.provider === provider && account.subject === subject;
}

function attributesOf({ name, extra }: Principal): Readonly<Record<string, readonly string[]>> {
  // Only an operator says whether a person may use a password of the gateway's own.
  const { localLogin: _, ...said } = extra;
  return { ...said, ...(name === null ? {} : { name: [name] }) };
}

/** A person of whom nothing is known yet. */
export function emptyPerson(now: number): Person {
  return {
    id: newDirectoryId(),
    createdAt: now,
    changedAt: now,
    seenAt: null,
    accounts: [],
    addresses: [],
    attributes: {},
    keptRoles: [],
    blocked: false,
  };
}

const actions = { new: "person-made", link: "account-linked", meet: "account-met", known: null } as const;

function note(deps: DirectoryDeps, { provider, subject }: Principal, caller: DirectoryCaller, found: Welcome, person: string | null): void {
  const action = found.kind === "refuse" ? (found.code === "directory.address-claimed" ? "claim-refused" : null) : actions[found.kind];
  if (action === null) return;
  const detail = found.kind === "refuse" ? found.why : `by a login at ${provider}`;
  deps.audit({ event: "directory", action, ...caller, person: found.kind === "refuse" ? found.person : person, provider, subject, detail });
}
