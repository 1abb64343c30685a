import { type Account, isOut, type Person } from "../core/person.ts";
import { foldName } from "../lib/names.ts";
import { accountName } from "./documents.ts";
import type { Transaction } from "./transaction.ts";

/** What the directory needs to know of the configuration to say whose an address is. */
export type OwnerOfAddress = (address: string) => string | null;

/** The person with this account. */
export async function personByAccount(transaction: Transaction, provider: string, subject: string): Promise<Person | null> {
  return onlyPerson(transaction, "account", accountName(provider, subject));
}

/** The one who holds this address for linking. */
export async function personByAddress(transaction: Transaction, address: string): Promise<Person | null> {
  return onlyPerson(transaction, "address", foldName(address));
}

async function onlyPerson(transaction: Transaction, name: string, value: string): Promise<Person | null> {
  const [id] = await transaction.find(name, value, { offset: 0, limit: 1 });
  return id === undefined ? null : transaction.get("person", id);
}

/**
 * `person` with the addresses that they may hold: those that their providers vouch for, unless the domain is another provider's,
 * or another person holds the address already. The first holder keeps it until it is theirs no more.
 */
export async function withAddresses(transaction: Transaction, person: Person, ownerOf: OwnerOfAddress): Promise<Person> {
  const wanted = new Set(person.accounts.flatMap((account) => addressesOf(account, ownerOf)));
  const held: string[] = [];
  for (const address of wanted) {
    const [holder] = await transaction.find("address", address, { offset: 0, limit: 1 });
    if (holder === undefined || holder === person.id || !(await stillHolds(transaction, holder, address))) held.push(address);
  }
  return { ...person, addresses: held };
}

/** The index knows only what is committed: in this transaction the holder may have given the address up. */
async function stillHolds(transaction: Transaction, id: string, address: string): Promise<boolean> {
  return (await transaction.get("person", id))?.addresses.includes(address) === true;
}

/** Those of a deleted account as well: who comes back is the same person, and is out until then. */
function addressesOf({ provider, email, user }: Account, ownerOf: OwnerOfAddress): readonly string[] {
  return [email ?? "", ...(user?.addresses ?? [])]
    .filter((address) => {
      const owner = ownerOf(address);
      return /^[^@\s]+@[^@\s]+$/.test(address) && (owner === null || owner === provider);
    })
    .map(foldName);
}

/** Whether this person is entered as another person's manager. */
export async function isManager(transaction: Transaction, person: Person): Promise<boolean> {
  const names = person.accounts.flatMap(({ provider, subject, email, user }) =>
    [user?.id, user?.userName, user?.externalId, subject, email].flatMap((name) =>
      name === null || name === undefined ? [] : [accountName(provider, foldName(name))],
    ),
  );
  for (const name of new Set([...names, ...person.addresses.map((address) => accountName("", address))])) {
    const [first, second] = await transaction.find("manager", name, { offset: 0, limit: 2 });
    // Being one's own manager, as some directories have it at the top, gives nothing.
    if ((first !== undefined && first !== person.id) || second !== undefined) return true;
  }
  return false;
}

/** The person whom a kept `manager` attribute means: by SCIM id, subject, user name or address at the provider that said so. */
export async function managerOf(transaction: Transaction, person: Person): Promise<Person | null> {
  const kept = person.attributes.manager;
  const [value] = kept?.values ?? [];
  if (kept === undefined || value === undefined) return null;
  const user = await transaction.get("user", value);
  if (user !== null && user.provider === kept.from) return transaction.get("person", user.person);
  const bySubject = await personByAccount(transaction, kept.from, value);
  if (bySubject !== null) return bySubject;
  const [named] = await transaction.find(`user.userName:${kept.from}`, foldName(value), { offset: 0, limit: 1 });
  const byName = named === undefined ? null : await transaction.get("user", named);
  return byName === null ? personByAddress(transaction, value) : transaction.get("person", byName.person);
}

/** How a manager is written in `{manager}`: the address, else the name of a person; null for one who is out. */
export function writtenManager(manager: Person): string | null {
  if (isOut(manager)) return null;
  const email = manager.accounts.map((account) => account.email ?? account.user?.addresses[0] ?? null).find((address) => address !== null);
  return email ?? manager.attributes.name?.values[0] ?? null;
}
