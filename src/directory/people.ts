import type { DirectoryAction } from "../core/audit-events.ts";
import type { Account, Person } from "../core/person.ts";
import type { DirectoryCaller, DirectoryPeople } from "../core/ports/directory.ts";
import type { IndexPage } from "../core/ports/directory-store.ts";
import { foldName } from "../lib/names.ts";
import { personByAccount, withAddresses } from "./accounts.ts";
import { accountName } from "./documents.ts";
import type { Effects } from "./effects.ts";
import { judgePerson } from "./facts.ts";
import { type DirectoryDeps, emptyPerson, ownerOfAddress } from "./logins.ts";
import { keepAttributes } from "./rules/attributes.ts";
import { type Transaction, transact } from "./transaction.ts";

export type PeopleDeps = DirectoryDeps & { readonly effects: Effects };

/** What operators see and do; each change is audited and reaches sessions before it is answered. */
export function createDirectoryPeople(deps: PeopleDeps): DirectoryPeople {
  const { store } = deps;
  return {
    person: (id) => transact(store, (transaction) => transaction.get("person", id)),
    personOf: (provider, subject) => transact(store, (transaction) => personByAccount(transaction, deps.peopleOf(provider), subject)),
    search: (text, page) => search(deps, text, page),
    explain: (id, account) =>
      transact(store, async (transaction) => {
        const person = await transaction.get("person", id);
        if (person === null) return null;
        const asked = person.accounts.find(
          (one) => account === undefined || (one.provider === account.provider && one.subject === account.subject),
        );
        const { facts, groups } = await judgePerson(
          transaction,
          person,
          { provider: asked?.provider ?? "", said: asked?.groups ?? [] },
          { settings: deps.settings, now: deps.clock() },
        );
        const { roles, teams, manager, why } = facts;
        return { groups: groups.map(({ name }) => name), roles, teams, manager, why };
      }),
    setBlocked: (id, blocked, caller) =>
      change(deps, id, caller, { action: blocked ? "blocked" : "unblocked", detail: "by an operator" }, (person) => ({
        ...person,
        blocked,
      })),
    setAttribute: (id, name, values, caller) =>
      change(
        deps,
        id,
        caller,
        { action: "attribute-set", detail: `${name}: ${values === null ? "taken away" : values.join(", ")}` },
        (person) => {
          const { [name]: _, ...others } = person.attributes;
          if (values === null) return { ...person, attributes: others };
          return {
            ...person,
            attributes: keepAttributes(others, { provider: "operator", by: "operator", first: true, values: { [name]: values } }, {}),
          };
        },
      ),
    unlink: (provider, subject, caller) => unlink(deps, provider, subject, caller),
    split: (id, accounts, caller) => split(deps, id, accounts, caller),
    merge: (into, from, caller) => merge(deps, into, from, caller),
    remove: (id, caller) => remove(deps, id, caller),
  };
}

async function search({ store }: PeopleDeps, text: string, page: IndexPage) {
  const words = foldName(text.trim());
  const { ids, total } = words === "" ? await store.find("person", "", page) : await store.find("word", words, page);
  const people = await transact(store, (transaction) => transaction.getAll("person", ids));
  return { people, total };
}

async function change(
  deps: PeopleDeps,
  id: string,
  caller: DirectoryCaller,
  outcome: { readonly action: DirectoryAction; readonly detail: string },
  edit: (person: Person) => Person,
): Promise<boolean> {
  const found = await transact(deps.store, async (transaction) => {
    const person = await transaction.get("person", id);
    if (person === null) return false;
    transaction.put("person", { ...edit(person), changedAt: deps.clock() });
    return true;
  });
  if (!found) return false;
  deps.audit({ event: "directory", ...outcome, ...caller, person: id, provider: null, subject: null });
  await deps.effects.personChanged(id);
  return true;
}

async function unlink(deps: PeopleDeps, provider: string, subject: string, caller: DirectoryCaller): Promise<string | null> {
  const person = await transact(deps.store, (transaction) => personByAccount(transaction, provider, subject));
  return person === null ? null : split(deps, person.id, [{ provider, subject }], caller);
}

async function split(
  deps: PeopleDeps,
  id: string,
  wanted: readonly { readonly provider: string; readonly subject: string }[],
  caller: DirectoryCaller,
): Promise<string | null> {
  const now = deps.clock();
  const found = await transact(deps.store, async (transaction) => {
    const person = await transaction.get("person", id);
    const isWanted = ({ provider, subject }: Account) => wanted.some((one) => one.provider === provider && one.subject === subject);
    const parted = person?.accounts.filter(isWanted) ?? [];
    if (
      person === null ||
      wanted.length === 0 ||
      new Set(wanted.map((one) => accountName(one.provider, one.subject))).size !== parted.length
    )
      return null;
    // All accounts of a person have nothing to be parted from.
    if (person.accounts.length === parted.length) return { to: person.id, parted };
    await put(deps, transaction, { ...person, accounts: person.accounts.filter((one) => !isWanted(one)), changedAt: now });
    // What is kept stays with the person; the accounts' next logins bring their own. An operator's ban goes with both.
    const fresh: Person = {
      ...emptyPerson(now),
      accounts: parted.map((account) => ({ ...account, via: "operator" })),
      seenAt: Math.max(...parted.map(({ seenAt }) => seenAt ?? 0)) || null,
      blocked: person.blocked,
    };
    await put(deps, transaction, fresh);
    await moveUsers(transaction, parted, fresh.id);
    return { to: fresh.id, parted };
  });
  if (found === null) return null;
  for (const { provider, subject } of found.parted)
    deps.audit({ event: "directory", action: "unlinked", ...caller, person: id, provider, subject, detail: `now the person ${found.to}` });
  await deps.effects.peopleChanged([id, found.to]);
  return found.to;
}

async function merge(deps: PeopleDeps, into: string, from: string, caller: DirectoryCaller): Promise<boolean> {
  const done = await transact(deps.store, async (transaction) => {
    const [target, source] = [await transaction.get("person", into), await transaction.get("person", from)];
    if (target === null || source === null || into === from) return false;
    transaction.drop("person", from);
    await put(deps, transaction, {
      ...target,
      accounts: [...target.accounts, ...source.accounts],
      attributes: { ...source.attributes, ...target.attributes },
      keptRoles: [...new Set([...target.keptRoles, ...source.keptRoles])],
      blocked: target.blocked || source.blocked,
      seenAt: Math.max(target.seenAt ?? 0, source.seenAt ?? 0) || null,
      changedAt: deps.clock(),
    });
    await moveUsers(transaction, source.accounts, into);
    return true;
  });
  if (!done) return false;
  deps.audit({
    event: "directory",
    action: "merged",
    ...caller,
    person: into,
    provider: null,
    subject: null,
    detail: `with ${from}, which ends`,
  });
  await deps.effects.personChanged(into);
  return true;
}

async function remove(deps: PeopleDeps, id: string, caller: DirectoryCaller): Promise<boolean> {
  const accounts = await transact(deps.store, async (transaction) => {
    const person = await transaction.get("person", id);
    if (person === null) return null;
    transaction.drop("person", id);
    for (const { user, provider } of person.accounts) {
      if (user === null) continue;
      transaction.drop("user", user.id);
      await leaveGroups(transaction, provider, user.id, deps.clock());
    }
    return person.accounts;
  });
  if (accounts === null) return false;
  deps.audit({ event: "directory", action: "deleted", ...caller, person: id, provider: null, subject: null, detail: "by an operator" });
  await deps.effects.personChanged(id, accounts);
  return true;
}

/** Takes a SCIM User out of the groups that name it. */
export async function leaveGroups(transaction: Transaction, provider: string, user: string, now: number): Promise<void> {
  for (const group of await transaction.getAll("group", await transaction.find(`group.member:${provider}`, user))) {
    transaction.put("group", { ...group, members: group.members.filter(({ value }) => value !== user), changedAt: now });
  }
}

async function put(deps: PeopleDeps, transaction: Transaction, person: Person): Promise<void> {
  transaction.put("person", await withAddresses(transaction, person, ownerOfAddress(deps)));
}

async function moveUsers(transaction: Transaction, accounts: readonly Account[], person: string): Promise<void> {
  for (const { user } of accounts) {
    const document = user === null ? null : await transaction.get("user", user.id);
    if (document !== null) transaction.put("user", { ...document, person });
  }
}
