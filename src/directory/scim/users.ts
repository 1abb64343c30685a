import type { Account, Person, ProvisionedAccount } from "../../core/person.ts";
import { isOut } from "../../core/person.ts";
import { foldName } from "../../lib/names.ts";
import { managerOf, withAddresses } from "../accounts.ts";
import { emailValues, isObject, type JsonObject, type ScimUser } from "../documents.ts";
import { newDirectoryId } from "../ids.ts";
import { emptyPerson, ownerOfAddress } from "../logins.ts";
import { leaveGroups } from "../people.ts";
import { keepAttributes } from "../rules/attributes.ts";
import type { Transaction } from "../transaction.ts";
import { addressesIn, etagOf, type Rendered, type ScimContext, type ScimOutcome } from "./context.ts";
import { saidBy } from "./said.ts";
import { enterpriseUrn } from "./schema.ts";
import { ScimError } from "./scim-error.ts";
import { accountToTake, knownPerson, removedAccount } from "./takeover.ts";

/** The User with this id, if it is this provider's. */
export async function readUser(context: ScimContext, transaction: Transaction, id: string): Promise<ScimUser> {
  const user = await transaction.get("user", id);
  if (user === null || user.provider !== context.provider) throw new ScimError(404, null, `there is no User ${id}`);
  return user;
}

/**
 * Provisions a person who was not known, or one who is known by logins and is taken over. 409 when this provider has
 * provisioned them already.
 */
export async function createUser(
  context: ScimContext,
  transaction: Transaction,
  resource: JsonObject,
  outcome: ScimOutcome,
): Promise<ScimUser> {
  await refuseTaken(context, transaction, resource, null);
  const now = context.clock();
  const complete: JsonObject = { ...resource, active: resource.active ?? true };
  const user: Omit<ScimUser, "person"> = {
    id: newDirectoryId(),
    provider: context.provider,
    createdAt: now,
    changedAt: now,
    resource: complete,
  };
  const known = await knownPerson(context, transaction, complete);
  const before = known ?? emptyPerson(now);
  const account = accountToTake(context, before, complete);
  const others = before.accounts.filter((one) => one !== account);
  const provisioned: Account = {
    ...(account ?? { provider: context.provider, subject: null, email: null, via: "scim", since: now, seenAt: null, groups: null }),
    user: provisionedPart(user.id, complete),
    removed: false,
    formerExternalId: null,
  };
  const person = await rewritten(context, transaction, { ...before, accounts: [...others, provisioned] }, complete, true);
  outcome.people.add(person.id);
  outcome.changes.push({
    action: known === null ? "provisioned" : "taken-over",
    person: person.id,
    subject: provisioned.subject,
    detail: `User ${user.id} (${String(complete.userName)})${complete.active === false ? ", not active" : ""}`,
  });
  const stored = { ...user, person: person.id };
  transaction.put("user", stored);
  await touchManagers(transaction, known, person, outcome);
  return stored;
}

/** Writes what PUT or PATCH made of a User. `active` stays as it was where nothing is said of it. */
export async function updateUser(
  context: ScimContext,
  transaction: Transaction,
  user: ScimUser,
  resource: JsonObject,
  outcome: ScimOutcome,
): Promise<ScimUser> {
  await refuseTaken(context, transaction, resource, user.id);
  const complete: JsonObject = { ...resource, active: resource.active ?? user.resource.active ?? true };
  const before = await personOf(transaction, user);
  const updated = { ...user, resource: complete, changedAt: context.clock() };
  const accounts = before.accounts.map((one) => (one.user?.id === user.id ? { ...one, user: provisionedPart(user.id, complete) } : one));
  const person = await rewritten(context, transaction, { ...before, accounts }, complete, false);
  outcome.people.add(person.id);
  // Said again, it may be the change that was cut off before it reached the sessions.
  if (!isSameResource(user.resource, complete)) transaction.put("user", updated);
  if (isOut(before) !== isOut(person)) {
    const action = isOut(person) ? "deactivated" : "reactivated";
    outcome.changes.push({ action, person: person.id, subject: subjectOf(person, user.id), detail: `User ${user.id}` });
  }
  await touchManagers(transaction, before, person, outcome);
  return isSameResource(user.resource, complete) ? user : updated;
}

/**
 * Forgets a User. The person is out until this very person is provisioned again. Only where no sign-in works without being provisioned,
 * one who never signed in is forgotten as well: elsewhere the first login would let in whom the provider has just thrown out.
 */
export async function deleteUser(context: ScimContext, transaction: Transaction, user: ScimUser, outcome: ScimOutcome): Promise<void> {
  const before = await personOf(transaction, user);
  const now = context.clock();
  transaction.drop("user", user.id);
  await leaveGroups(transaction, context.provider, user.id, now);
  outcome.before.set(before.id, before);
  outcome.changes.push({ action: "deleted", person: before.id, subject: subjectOf(before, user.id), detail: `User ${user.id}` });
  const accounts = await Promise.all(
    before.accounts.map(async (one) => (one.user?.id === user.id ? removedAccount(transaction, one, one.user) : one)),
  );
  const isStranger = before.seenAt === null && accounts.length === 1;
  if (isStranger && context.settings.provisioning === "scim") transaction.drop("person", before.id);
  else {
    const attributes = keepAttributes(before.attributes, { provider: context.provider, by: "scim", first: false, values: {} }, {});
    transaction.put(
      "person",
      await withAddresses(transaction, { ...before, accounts, attributes, changedAt: now }, ownerOfAddress(context)),
    );
  }
}

/** The User as it is shown, with its groups where they are wanted. */
export async function renderUser(context: ScimContext, transaction: Transaction, user: ScimUser, withGroups: boolean): Promise<Rendered> {
  const { id, resource } = user;
  const version = transaction.versionOf("user", id) || 1;
  const groups = withGroups ? await groupsShown(context, transaction, id) : [];
  const isEnterprise = resource[enterpriseUrn] !== undefined;
  return {
    id,
    version,
    resource: {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:User", ...(isEnterprise ? [enterpriseUrn] : [])],
      id,
      ...resource,
      ...(groups.length === 0 ? {} : { groups }),
      meta: {
        resourceType: "User",
        created: new Date(user.createdAt).toISOString(),
        lastModified: new Date(user.changedAt).toISOString(),
        location: `${context.baseUrl}/Users/${id}`,
        version: etagOf(version),
      },
    },
  };
}

async function groupsShown({ provider, baseUrl }: ScimContext, transaction: Transaction, id: string): Promise<readonly JsonObject[]> {
  const groups = await transaction.getAll("group", await transaction.find(`group.member:${provider}`, id));
  return groups.map((group) => ({ value: group.id, $ref: `${baseUrl}/Groups/${group.id}`, display: group.displayName, type: "direct" }));
}

async function personOf(transaction: Transaction, user: ScimUser): Promise<Person> {
  const person = await transaction.get("person", user.person);
  if (person === null) throw new ScimError(404, null, `there is no User ${user.id}`);
  return person;
}

async function refuseTaken({ provider }: ScimContext, transaction: Transaction, resource: JsonObject, self: string | null): Promise<void> {
  const taken = async (name: "userName" | "externalId", fold: (text: string) => string) => {
    const value = resource[name];
    if (typeof value !== "string") return;
    const [holder] = await transaction.find(`user.${name}:${provider}`, fold(value), { offset: 0, limit: 1 });
    if (holder !== undefined && holder !== self)
      throw new ScimError(409, "uniqueness", `${name} ${JSON.stringify(value)} is taken by the User ${holder}`);
  };
  await taken("userName", foldName);
  await taken("externalId", (text) => text);
}

function provisionedPart(id: string, resource: JsonObject): ProvisionedAccount {
  return {
    id,
    active: resource.active !== false,
    userName: String(resource.userName ?? ""),
    externalId: typeof resource.externalId === "string" ? resource.externalId : null,
    addresses: addressesIn(resource, emailValues(resource)),
  };
}

async function rewritten(
  context: ScimContext,
  transaction: Transaction,
  person: Person,
  resource: JsonObject,
  first: boolean,
): Promise<Person> {
  const attributes = keepAttributes(
    person.attributes,
    { provider: context.provider, by: "scim", first, values: saidBy(resource) },
    context.settings.attributes,
  );
  const changed = await withAddresses(transaction, { ...person, attributes, changedAt: context.clock() }, ownerOfAddress(context));
  transaction.put("person", changed);
  return changed;
}

/** Who was, and who is now, this person's manager: a role may depend on it. */
async function touchManagers(transaction: Transaction, before: Person | null, now: Person, outcome: ScimOutcome): Promise<void> {
  if (JSON.stringify(before?.attributes.manager) === JSON.stringify(now.attributes.manager)) return;
  for (const person of [before, now]) {
    const manager = person === null ? null : await managerOf(transaction, person);
    if (manager !== null) outcome.people.add(manager.id);
  }
}

const subjectOf = (person: Person, user: string) => person.accounts.find((one) => one.user?.id === user)?.subject ?? null;

function isSameResource(one: JsonObject, other: JsonObject): boolean {
  const sort = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(sort)
      : isObject(value as JsonObject)
        ? Object.entries(value as JsonObject)
            .map(([name, member]) => [name, sort(member)])
            .toSorted(([first], [second]) => (String(first) < String(second) ? -1 : 1))
        : value;
  return JSON.stringify(sort(one)) === JSON.stringify(sort(other));
}
