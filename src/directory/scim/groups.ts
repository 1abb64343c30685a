import { foldName } from "../../lib/names.ts";
import { isObject, type Json, type JsonObject, type ScimGroup, type ScimMember } from "../documents.ts";
import { newDirectoryId } from "../ids.ts";
import type { Transaction } from "../transaction.ts";
import { etagOf, type Rendered, type ScimContext, type ScimOutcome } from "./context.ts";
import { badRequest, ScimError } from "./scim-error.ts";

/** The Group with this id, if it is this provider's. */
export async function readGroup(context: ScimContext, transaction: Transaction, id: string): Promise<ScimGroup> {
  const group = await transaction.get("group", id);
  if (group === null || group.provider !== context.provider) throw new ScimError(404, null, `there is no Group ${id}`);
  return group;
}

export async function createGroup(
  context: ScimContext,
  transaction: Transaction,
  resource: JsonObject,
  outcome: ScimOutcome,
): Promise<ScimGroup> {
  const now = context.clock();
  const group: ScimGroup = {
    id: newDirectoryId(),
    provider: context.provider,
    createdAt: now,
    changedAt: now,
    displayName: "",
    externalId: null,
    members: [],
  };
  return writeGroup(context, transaction, group, resource, outcome);
}

/** Writes what POST, PUT or PATCH made of a Group; those who come, go, or stay in a renamed one are judged again. */
export async function writeGroup(
  context: ScimContext,
  transaction: Transaction,
  group: ScimGroup,
  resource: JsonObject,
  outcome: ScimOutcome,
): Promise<ScimGroup> {
  const displayName = String(resource.displayName ?? "");
  const externalId = typeof resource.externalId === "string" ? resource.externalId : null;
  await refuseTaken(context, transaction, group.id, displayName, externalId);
  const members = await readMembers(context, transaction, group, resource.members);
  const isNew = transaction.versionOf("group", group.id) === 0;
  const isRenamed = group.displayName !== displayName || group.externalId !== externalId;
  const had = new Set(group.members.map(({ value }) => value));
  const has = new Set(members.map(({ value }) => value));
  const moved = [...members.filter(({ value }) => !had.has(value)), ...group.members.filter(({ value }) => !has.has(value))];
  await touch(context, transaction, isRenamed && !isNew ? [...members, ...moved] : moved, outcome);
  if (!isNew && !isRenamed && moved.length === 0) return group;
  const written = { ...group, displayName, externalId, members, changedAt: context.clock() };
  transaction.put("group", written);
  return written;
}

export async function deleteGroup(context: ScimContext, transaction: Transaction, group: ScimGroup, outcome: ScimOutcome): Promise<void> {
  await touch(context, transaction, group.members, outcome);
  transaction.drop("group", group.id);
  for (const parent of await transaction.getAll("group", await transaction.find(`group.member:${context.provider}`, group.id))) {
    const members = parent.members.filter(({ value }) => value !== group.id);
    transaction.put("group", { ...parent, members, changedAt: context.clock() });
  }
}

/** The Group as PATCH works on it: in the schema's own form. */
export function groupResource({ displayName, externalId, members }: ScimGroup): JsonObject {
  return {
    displayName,
    ...(externalId === null ? {} : { externalId }),
    ...(members.length === 0 ? {} : { members: members.map(({ value, type }) => ({ value, type })) }),
  };
}

export function renderGroup({ baseUrl }: ScimContext, transaction: Transaction, group: ScimGroup, withMembers: boolean): Rendered {
  const version = transaction.versionOf("group", group.id) || 1;
  const { members: _, ...own } = groupResource(group);
  const members = group.members.map(({ value, type }) => ({ value, type, $ref: `${baseUrl}/${type}s/${value}` }));
  return {
    id: group.id,
    version,
    resource: {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
      id: group.id,
      ...own,
      ...(withMembers ? { members } : {}),
      meta: {
        resourceType: "Group",
        created: new Date(group.createdAt).toISOString(),
        lastModified: new Date(group.changedAt).toISOString(),
        location: `${baseUrl}/Groups/${group.id}`,
        version: etagOf(version),
      },
    },
  };
}

async function refuseTaken(
  { provider }: ScimContext,
  transaction: Transaction,
  self: string,
  displayName: string,
  externalId: string | null,
): Promise<void> {
  const taken = async (name: string, value: string) => {
    const [holder] = await transaction.find(`group.${name}:${provider}`, value, { offset: 0, limit: 1 });
    if (holder !== undefined && holder !== self) throw new ScimError(409, "uniqueness", `${name} is taken by the Group ${holder}`);
  };
  await taken("displayName", foldName(displayName));
  if (externalId !== null) await taken("externalId", externalId);
}

/** Each member once, and only such as exist: a member who does not could be a person made later with that id. */
async function readMembers(
  context: ScimContext,
  transaction: Transaction,
  group: ScimGroup,
  said: Json | undefined,
): Promise<readonly ScimMember[]> {
  const known = new Map(group.members.map((member) => [member.value, member]));
  const wanted = (Array.isArray(said) ? (said as readonly Json[]) : []).flatMap((one) =>
    isObject(one) && typeof one.value === "string" ? [one.value] : [],
  );
  const fresh = [...new Set(wanted)].filter((value) => !known.has(value));
  const users = new Set(
    (await transaction.getAll("user", fresh)).filter(({ provider }) => provider === context.provider).map(({ id }) => id),
  );
  const groups = new Set(
    (
      await transaction.getAll(
        "group",
        fresh.filter((id) => !users.has(id)),
      )
    )
      .filter(({ provider }) => provider === context.provider)
      .map(({ id }) => id),
  );
  return [...new Set(wanted)].map((value): ScimMember => {
    if (value === group.id) throw badRequest("invalidValue", "members: a group is not its own member");
    const member = known.get(value) ?? (users.has(value) ? { value, type: "User" } : groups.has(value) ? { value, type: "Group" } : null);
    if (member === null) throw badRequest("invalidValue", `members: there is no User or Group ${value}`);
    return member;
  });
}

const deepest = 16;

/** The people behind members, those of groups within included. */
async function touch(context: ScimContext, transaction: Transaction, members: readonly ScimMember[], outcome: ScimOutcome): Promise<void> {
  const seen = new Set<string>();
  let left = members;
  for (let depth = 0; depth < deepest && left.length > 0; depth += 1) {
    const ids = (type: ScimMember["type"]) => left.filter((one) => one.type === type && !seen.has(one.value)).map(({ value }) => value);
    const [users, groups] = [ids("User"), ids("Group")];
    for (const id of [...users, ...groups]) seen.add(id);
    // Read beside the transaction: whether they change meanwhile does not matter to the group.
    for (const user of await readAside<{ readonly person: string }>(context, "user", users)) outcome.people.add(user.person);
    left = (await transaction.getAll("group", groups)).flatMap((group) => group.members);
  }
}

async function readAside<Document>({ store }: ScimContext, kind: "user", ids: readonly string[]): Promise<readonly Document[]> {
  return (await store.read(kind, ids)).flatMap((stored) => (stored === null ? [] : [stored.document as Document]));
}
