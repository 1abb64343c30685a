import type { Account, Person, ProvisionedAccount } from "../../core/person.ts";
import { emailDomain, foldName } from "../../lib/names.ts";
import { personByAccount, personByAddress } from "../accounts.ts";
import { emailValues, type Json, type JsonObject } from "../documents.ts";
import type { Transaction } from "../transaction.ts";
import { addressesIn, type ScimContext } from "./context.ts";

/*
 * Whom a provisioned User means: a person who is known by logins, a person who was deleted, or no person yet. An address is weak evidence: it
 * is given to the next employee of that name. So wherever an immutable id can decide, it does.
 */

/**
 * A person whom logins have made or who was deleted: by the subject that `externalId` is, else by an address that the person holds. Who was
 * deleted and is found to be another person gives the address up to the new holder.
 */
export async function knownPerson(context: ScimContext, transaction: Transaction, resource: JsonObject): Promise<Person | null> {
  const { externalId } = resource;
  const bySubject = typeof externalId === "string" ? await personByAccount(transaction, context.provider, externalId) : null;
  if (bySubject?.accounts.some((one) => one.provider === context.provider && one.subject === externalId && one.user === null))
    return bySubject;
  for (const address of addressesIn(resource, emailValues(resource))) {
    const owner = context.ownerOfDomain(emailDomain(address) ?? "");
    if (owner !== null && owner !== context.provider) continue;
    const person = await personByAddress(transaction, address);
    const mine = person?.accounts.filter((one) => one.provider === context.provider) ?? [];
    // An address that a deleted account had may be another person's by now, who must not bring the former holder back.
    if (person !== null && mine.some((one) => one.removed && !isSameAgain(one, externalId))) {
      giveUp(transaction, person, address, context.provider);
      continue;
    }
    // Not one whom this provider has provisioned already: two of its Users are two people, whatever addresses they share.
    if (person !== null && mine.every((one) => one.user === null) && (mine.length > 0 || context.settings.link === "email")) return person;
  }
  return null;
}

function giveUp(transaction: Transaction, person: Person, address: string, provider: string): void {
  const folded = foldName(address);
  const accounts = person.accounts.map((one) => {
    const isHolder = one.provider === provider && one.removed && one.email !== null && foldName(one.email) === folded;
    return isHolder ? { ...one, email: null } : one;
  });
  transaction.put("person", { ...person, accounts, addresses: person.addresses.filter((one) => one !== folded) });
}

/** Whether a deleted account is provisioned again. Its ids decide, and an address alone only where neither time there was an id. */
function isSameAgain({ subject, formerExternalId }: Account, externalId: Json | undefined): boolean {
  if (typeof externalId !== "string") return formerExternalId == null;
  return externalId === subject || externalId === formerExternalId;
}

/** The account of this provider that a login has made; of several the one whose subject `externalId` is. */
export function accountToTake({ provider }: ScimContext, { accounts }: Person, { externalId }: JsonObject): Account | null {
  const mine = accounts.filter((one) => one.provider === provider && one.user === null);
  return mine.find(({ subject }) => subject === externalId) ?? mine[0] ?? null;
}

/** By the id or an address that it had, the account is known again. */
export async function removedAccount(
  transaction: Transaction,
  account: Account,
  { externalId, addresses }: ProvisionedAccount,
): Promise<Account> {
  const isFree = externalId !== null && (await personByAccount(transaction, account.provider, externalId)) === null;
  return {
    ...account,
    subject: account.subject ?? (isFree ? externalId : null),
    email: account.email ?? addresses[0] ?? null,
    user: null,
    removed: true,
    formerExternalId: externalId,
  };
}
