import { isOut, type Person, type Team } from "../core/person.ts";
import type { IndexKey } from "../core/ports/directory-store.ts";
import { foldName } from "../lib/names.ts";

/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** One provider's SCIM User, as it was provisioned. */
export interface ScimUser {
  readonly id: string;
  readonly provider: string;
  /** The person that it belongs to. */
  readonly person: string;
  readonly createdAt: number;
  readonly changedAt: number;
  /** Its attributes by their names in the schema; without `id`, `meta`, `schemas` and `groups`, which are made at reading. */
  readonly resource: JsonObject;
}

/** One provider's SCIM Group. */
export interface ScimGroup {
  readonly id: string;
  readonly provider: string;
  readonly createdAt: number;
  readonly changedAt: number;
  readonly displayName: string;
  readonly externalId: string | null;
  readonly members: readonly ScimMember[];
}
export interface ScimMember {
  /** The id of a User or Group of the same provider. */
  readonly value: string;
  readonly type: "User" | "Group";
}

/** Something to remember that is no person: proofs of mail domains, the latest SCIM requests. Not part of an export. */
export interface Note {
  readonly id: string;
  /** `domain-proof`, `scim-requests`: what it is found by, in the order of `at`. */
  readonly about: string;
  readonly at: number;
  readonly text: string;
}

/** The type of each kind of document. */
export interface Documents {
  readonly person: Person;
  readonly user: ScimUser;
  readonly group: ScimGroup;
  readonly team: Team;
  readonly note: Note;
}

/** Under which keys each document is found. Whatever is looked for somewhere is entered here. */
export const keysOf: { readonly [Kind in keyof Documents]: (document: Documents[Kind]) => readonly IndexKey[] } = {
  person: (person) => {
    const key = (name: string, value: string, unique = false): IndexKey => ({ name, value, at: person.createdAt, unique });
    return [
      key("person", ""),
      ...person.accounts.flatMap(({ provider, subject }) =>
        subject === null ? [] : [key("account", accountName(provider, subject), true)],
      ),
      ...person.addresses.map((address) => key("address", address, true)),
      ...person.accounts.map(({ provider }) => key("provider", provider)),
      ...(isOut(person) ? [key("out", "")] : []),
      ...managerKeys(person).map((value) => key("manager", value)),
      ...searchWords(person).map((word) => key("word", word)),
    ];
  },
  user: (user) => {
    const { provider, resource } = user;
    const key = (name: string, value: string, unique = false): IndexKey => ({
      name: `user.${name}:${provider}`,
      value,
      at: user.createdAt,
      unique,
    });
    const text = (name: string) => (typeof resource[name] === "string" ? resource[name] : null);
    const [userName, externalId, displayName] = [text("userName"), text("externalId"), text("displayName")];
    return [
      { name: "user", value: "", at: user.createdAt, unique: false },
      key("all", ""),
      { ...key("changed", ""), at: user.changedAt },
      ...(userName === null ? [] : [key("userName", foldName(userName), true)]),
      ...(externalId === null ? [] : [key("externalId", externalId, true)]),
      ...(displayName === null ? [] : [key("displayName", foldName(displayName))]),
      ...emailValues(resource).map((address) => key("emails.value", foldName(address))),
      key("active", String(resource.active !== false)),
    ];
  },
  group: (group) => {
    const { provider, externalId } = group;
    const key = (name: string, value: string, unique = false): IndexKey => ({
      name: `group.${name}:${provider}`,
      value,
      at: group.createdAt,
      unique,
    });
    return [
      { name: "group", value: "", at: group.createdAt, unique: false },
      key("all", ""),
      { ...key("changed", ""), at: group.changedAt },
      key("displayName", foldName(group.displayName), true),
      ...(externalId === null ? [] : [key("externalId", externalId, true)]),
      ...group.members.map(({ value }) => key("member", value)),
    ];
  },
  team: (team) => {
    const key = (name: string, value: string, unique = false): IndexKey => ({ name: `team${name}`, value, at: team.createdAt, unique });
    return [key("", ""), key(".name", foldName(team.name), true), ...team.groupIds.map((id) => key(".group", id, true))];
  },
  note: (note) => [{ name: "note", value: note.about, at: note.at, unique: false }],
};

/** The account (provider, subject) as one text. */
export function accountName(provider: string, subject: string): string {
  return JSON.stringify([provider, subject]);
}

/** The values of `emails`, as written. */
export function emailValues(resource: JsonObject): readonly string[] {
  const { emails } = resource;
  if (!Array.isArray(emails)) return [];
  return (emails as readonly Json[]).flatMap((email) => {
    const value = isObject(email) ? email.value : null;
    return typeof value === "string" ? [value] : [];
  });
}

/** A JSON object, not a list and not null. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The manager of this person, as the provider that said so names people: an id only means something there. */
function managerKeys(person: Person): readonly string[] {
  const kept = person.attributes.manager;
  return kept === undefined
    ? []
    : kept.values.flatMap((value) => [accountName(kept.from, foldName(value)), accountName("", foldName(value))]);
}

/** What an operator types to find a person: the beginnings of names and addresses are looked for among these. */
function searchWords(person: Person): readonly string[] {
  const texts = [
    ...(person.attributes.name?.values ?? []),
    ...person.accounts.flatMap(({ email, subject, user }) => [email ?? "", subject ?? "", user?.userName ?? "", user?.externalId ?? ""]),
    ...person.addresses,
  ];
  return texts.flatMap((text) => [foldName(text), ...foldName(text).split(/[\s,@]+/)]).filter((word) => word !== "");
}
