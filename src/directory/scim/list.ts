import type { IndexPage } from "../../core/ports/directory-store.ts";
import { foldName } from "../../lib/names.ts";
import { isObject, type Json, type JsonObject } from "../documents.ts";
import type { Transaction } from "../transaction.ts";
import type { Rendered, ScimContext } from "./context.ts";
import { compileFilter, valuesAt } from "./evaluate.ts";
import { type Filter, parseFilter } from "./filter.ts";
import { type AttributePath, findAttribute, type ResourceType } from "./schema.ts";
import { badRequest } from "./scim-error.ts";

/** A query as it came, by URL or in the body of `.search`. */
export interface Query {
  readonly filter: string | null;
  readonly sortBy: string | null;
  readonly descending: boolean;
  /** From 1. */
  readonly startIndex: number;
  readonly count: number;
}

/** What a list is made of: the documents of one type, and how they are shown. */
export interface Listing {
  readonly type: ResourceType;
  /** `user` or `group`: the first word of the index names. */
  readonly index: "user" | "group";
  /** Complete as far as the filter, the sorting and the projection need it. */
  render(transaction: Transaction, ids: readonly string[], full: boolean): Promise<readonly Rendered[]>;
}

export interface Page {
  readonly total: number;
  readonly startIndex: number;
  readonly resources: readonly JsonObject[];
}

/** Answers a page at most this long. */
export const mostResults = 200;
/** The length of a page where none is asked for. */
export const defaultResults = 100;
/** A filter that no index answers looks at so many at most; more is `tooMany`. */
export const mostScanned = 20_000;
const chunk = 500;

/** A page of a provider's Users or Groups, oldest first unless it is sorted. */
export async function listResources(context: ScimContext, transaction: Transaction, listing: Listing, query: Query): Promise<Page> {
  const filter = query.filter === null ? null : parseFilter(query.filter);
  const exact = filter === null ? allOf(listing, context) : exactIndex(filter, listing, context);
  const page = { offset: query.startIndex - 1, limit: query.count };
  if (exact !== null && query.sortBy === null) {
    const { ids, total } = await context.store.find(exact.name, exact.value, { ...exact.range, ...page });
    const rendered = await listing.render(transaction, ids, false);
    return { total, startIndex: query.startIndex, resources: rendered.map(({ resource }) => resource) };
  }
  const ids = await candidates(context, transaction, filter, listing);
  const matches = filter === null ? () => true : compileFilter(filter, listing.type);
  const found: JsonObject[] = [];
  for (let at = 0; at < ids.length; at += chunk) {
    const rendered = await listing.render(transaction, ids.slice(at, at + chunk), true);
    found.push(...rendered.map(({ resource }) => resource).filter(matches));
  }
  const sorted = query.sortBy === null ? found : sort(found, query.sortBy, query.descending, listing.type);
  return { total: found.length, startIndex: query.startIndex, resources: sorted.slice(page.offset, page.offset + page.limit) };
}

interface Index {
  readonly name: string;
  readonly value: string;
  readonly range: Pick<IndexPage, "from" | "to">;
}

function allOf({ index }: Listing, { provider }: ScimContext): Index {
  return { name: `${index}.all:${provider}`, value: "", range: {} };
}

/** Filters that an index answers by itself, in the order of lists and with the right number. */
function exactIndex(filter: Filter, { index, type }: Listing, { provider }: ScimContext): Index | null {
  if (filter.kind !== "compare" || filter.comparator !== "eq") return null;
  const found = findAttribute(type, filter.path);
  const name = found === null || found.urn !== null ? "" : `${found.attribute.name}${found.sub === null ? "" : `.${found.sub.name}`}`;
  const key = (field: string, value: string): Index => ({ name: `${index}.${field}:${provider}`, value, range: {} });
  const { value } = filter;
  if (typeof value === "string") {
    if (name === "userName" || name === "displayName") return key(name, foldName(value));
    if (name === "externalId") return key(name, value);
    if (index === "user" && (name === "emails" || name === "emails.value")) return key("emails.value", foldName(value));
    if (index === "group" && (name === "members" || name === "members.value")) return key("member", value);
  }
  return index === "user" && name === "active" && typeof value === "boolean" ? key(name, String(value)) : null;
}

/** Documents among which all that fit are to be found. Throws `tooMany` where that is more than a scan may look at. */
async function candidates(
  context: ScimContext,
  transaction: Transaction,
  filter: Filter | null,
  listing: Listing,
): Promise<readonly string[]> {
  const narrowed = filter === null ? null : await narrow(context, transaction, filter, listing);
  if (narrowed !== null) return inOrder(context, listing, narrowed);
  return idsOf(context, allOf(listing, context));
}

async function narrow(
  context: ScimContext,
  transaction: Transaction,
  filter: Filter,
  listing: Listing,
): Promise<ReadonlySet<string> | null> {
  if (filter.kind === "and") {
    for (const part of filter.parts) {
      const ids = await narrow(context, transaction, part, listing);
      if (ids !== null) return ids;
    }
    return null;
  }
  if (filter.kind === "or") {
    const parts = await Promise.all(filter.parts.map((part) => narrow(context, transaction, part, listing)));
    return parts.every((part) => part !== null) ? new Set(parts.flatMap((part) => [...(part ?? [])])) : null;
  }
  const exact = exactIndex(filter, listing, context) ?? changedIndex(filter, listing, context);
  if (exact !== null) return new Set(await idsOf(context, exact));
  return filter.kind === "compare" && filter.comparator === "eq" && typeof filter.value === "string"
    ? byOtherIds(transaction, filter.path, filter.value, listing)
    : null;
}

/** `id`, and a User's `groups` by the members of the group. */
async function byOtherIds(
  transaction: Transaction,
  path: string,
  value: string,
  { type, index }: Listing,
): Promise<ReadonlySet<string> | null> {
  const found = findAttribute(type, path);
  if (found?.attribute.name === "id") return new Set([value]);
  if (index !== "user" || found?.attribute.name !== "groups" || (found.sub !== null && found.sub.name !== "value")) return null;
  return new Set((await transaction.get("group", value))?.members.map((member) => member.value));
}

function changedIndex(filter: Filter, { index, type }: Listing, { provider }: ScimContext): Index | null {
  if (filter.kind !== "compare" || typeof filter.value !== "string") return null;
  const found = findAttribute(type, filter.path);
  if (found?.attribute.name !== "meta" || found.sub?.name !== "lastModified") return null;
  const at = Date.parse(filter.value);
  const ranges: Readonly<Record<string, Pick<IndexPage, "from" | "to">>> = {
    eq: { from: at, to: at },
    gt: { from: at + 1 },
    ge: { from: at },
    lt: { to: at - 1 },
    le: { to: at },
  };
  const range = Number.isNaN(at) ? undefined : ranges[filter.comparator];
  return range === undefined ? null : { name: `${index}.changed:${provider}`, value: "", range };
}

async function idsOf({ store }: ScimContext, { name, value, range }: Index): Promise<readonly string[]> {
  const { ids, total } = await store.find(name, value, { ...range, offset: 0, limit: mostScanned });
  if (total > mostScanned) {
    throw badRequest(
      "tooMany",
      `${total} resources would have to be looked at, at most ${mostScanned} are: narrow the filter down, or page without it`,
    );
  }
  return ids;
}

/** Lists are in one order, whatever index found their members: it is that of `createdAt`, which the documents say. */
async function inOrder({ store }: ScimContext, { index }: Listing, ids: ReadonlySet<string>): Promise<readonly string[]> {
  if (ids.size > mostScanned) throw badRequest("tooMany", `more than ${mostScanned} resources would have to be looked at`);
  const stored = (await store.read(index, [...ids])).flatMap((one) => one ?? []);
  const createdAt = (one: { readonly document: unknown }) => (one.document as { readonly createdAt: number }).createdAt;
  return stored.toSorted((one, other) => createdAt(one) - createdAt(other) || (one.id < other.id ? -1 : 1)).map(({ id }) => id);
}

/** Without a value is last, or first when descending (RFC 7644 3.4.2.3); of a list the primary or the first value counts. */
function sort(resources: readonly JsonObject[], sortBy: string, descending: boolean, type: ResourceType): readonly JsonObject[] {
  const path = findAttribute(type, sortBy);
  if (path === null) throw badRequest("invalidPath", `there is no attribute ${sortBy} to sort by`);
  const exact = (path.sub ?? path.attribute).caseExact;
  const keyed = resources.map((resource) => ({ resource, key: sortKey(resource, path, exact) }));
  const order = (one: string | null, other: string | null) =>
    one === other ? 0 : one === null ? 1 : other === null ? -1 : one < other ? -1 : 1;
  return keyed.toSorted((one, other) => order(one.key, other.key) * (descending ? -1 : 1)).map(({ resource }) => resource);
}

function sortKey(resource: JsonObject, path: AttributePath, exact: boolean): string | null {
  const [value] = path.sub === null ? preferred(valuesAt(resource, path)) : preferredOf(resource, path);
  const plain = isObject(value) ? value.value : value;
  return plain === undefined || plain === null ? null : exact ? String(plain) : foldName(String(plain));
}

function preferredOf(resource: JsonObject, path: AttributePath): readonly Json[] {
  const elements = preferred(valuesAt(resource, { ...path, sub: null }));
  return elements.flatMap((element) => (isObject(element) && path.sub !== null ? [element[path.sub.name] ?? null] : []));
}

function preferred(values: readonly Json[]): readonly Json[] {
  const primary = values.filter((value) => isObject(value) && value.primary === true);
  return primary.length > 0 ? primary : values;
}
