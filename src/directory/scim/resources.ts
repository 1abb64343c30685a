import type { Json, JsonObject, ScimGroup, ScimUser } from "../documents.ts";
import type { Transaction } from "../transaction.ts";
import { etagOf, type Rendered, type ScimContext, type ScimOutcome } from "./context.ts";
import { createGroup, deleteGroup, groupResource, readGroup, renderGroup, writeGroup } from "./groups.ts";
import { defaultResults, type Listing, listResources, mostResults, type Page, type Query } from "./list.ts";
import { normalise } from "./normalise.ts";
import { applyPatch, readPatch } from "./patch.ts";
import { createProjection, type Projection } from "./project.ts";
import { groupType, type ResourceType, userType } from "./schema.ts";
import { badRequest, notAllowed, ScimError } from "./scim-error.ts";
import { createUser, deleteUser, readUser, renderUser, updateUser } from "./users.ts";

export interface ScimAnswer {
  readonly status: number;
  readonly body: object | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A request for one resource, or for a new one (`id` null). */
export interface ResourceRequest {
  readonly method: string;
  readonly id: string | null;
  readonly query: URLSearchParams;
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
  readonly body: JsonObject | null;
}

export interface Handler {
  list(context: ScimContext, transaction: Transaction, query: URLSearchParams): Promise<Page>;
  run(context: ScimContext, transaction: Transaction, request: ResourceRequest, outcome: ScimOutcome): Promise<ScimAnswer>;
}

/** The handler of `Users` or `Groups`. */
export function handlerOf(first: string): Handler | null {
  return first === "Users" ? createHandler(users) : first === "Groups" ? createHandler(groups) : null;
}

/** What Users and Groups do each in their own way. */
interface Kind<Document extends { readonly id: string }> {
  readonly type: ResourceType;
  readonly index: "user" | "group";
  read(context: ScimContext, transaction: Transaction, id: string): Promise<Document>;
  /** What PATCH works on. */
  resourceOf(document: Document): JsonObject;
  create(context: ScimContext, transaction: Transaction, resource: JsonObject, outcome: ScimOutcome): Promise<Document>;
  write(context: ScimContext, transaction: Transaction, document: Document, resource: JsonObject, outcome: ScimOutcome): Promise<Document>;
  remove(context: ScimContext, transaction: Transaction, document: Document, outcome: ScimOutcome): Promise<void>;
  /** `wants` says which of the attributes that are costly to make are wanted. */
  render(context: ScimContext, transaction: Transaction, document: Document, wants: Projection["wants"]): Promise<Rendered>;
}

const users: Kind<ScimUser> = {
  type: userType,
  index: "user",
  read: readUser,
  resourceOf: ({ resource }) => resource,
  create: createUser,
  write: updateUser,
  remove: deleteUser,
  render: (context, transaction, user, wants) => renderUser(context, transaction, user, wants("groups")),
};
const groups: Kind<ScimGroup> = {
  type: groupType,
  index: "group",
  read: readGroup,
  resourceOf: groupResource,
  create: createGroup,
  write: writeGroup,
  remove: deleteGroup,
  render: async (context, transaction, group, wants) => renderGroup(context, transaction, group, wants("members")),
};

function createHandler<Document extends ScimUser | ScimGroup>(kind: Kind<Document>): Handler {
  return {
    list: async (context, transaction, parameters) => {
      const projection = projectionOf(kind.type, parameters);
      const page = await listResources(context, transaction, listingOf(kind, context, projection), queryOf(parameters));
      return { ...page, resources: page.resources.map(projection.apply) };
    },
    run: async (context, transaction, request, outcome) => {
      const projection = projectionOf(kind.type, request.query);
      const shown = async (document: Document) => kind.render(context, transaction, document, projection.wants);
      if (request.id === null) {
        if (request.method !== "POST") throw notAllowed(request.method, "GET, HEAD, POST");
        const document = await kind.create(context, transaction, wholeBody(request, kind.type), outcome);
        return answerWith(201, await shown(document), projection, [["Location", `${context.baseUrl}${kind.type.endpoint}/${document.id}`]]);
      }
      const document = await kind.read(context, transaction, request.id);
      const etag = etagOf(transaction.versionOf(kind.index, document.id));
      if (request.method === "GET") {
        return matchesEtag(request.ifNoneMatch, etag) ? notModified(etag) : answerWith(200, await shown(document), projection);
      }
      if (request.ifMatch !== null && !matchesEtag(request.ifMatch, etag))
        throw new ScimError(412, "invalidVers", `the version is ${etag} now`);
      switch (request.method) {
        case "DELETE":
          await kind.remove(context, transaction, document, outcome);
          return { status: 204, body: null, headers: [] };
        case "PUT":
          return answerWith(
            200,
            await shown(await kind.write(context, transaction, document, wholeBody(request, kind.type), outcome)),
            projection,
          );
        case "PATCH": {
          const body = request.body ?? {};
          requireSchema(body, "urn:ietf:params:scim:api:messages:2.0:PatchOp");
          const before = kind.resourceOf(document);
          const patched = normalise(applyPatch(before, readPatch(body), kind.type), kind.type, before);
          const written = await kind.write(context, transaction, document, patched, outcome);
          if (isLong(written) && !request.query.has("attributes") && !request.query.has("excludedAttributes"))
            return { status: 204, body: null, headers: [["ETag", etagOf(transaction.versionOf(kind.index, written.id))]] };
          return answerWith(200, await shown(written), projection);
        }
        default:
          throw notAllowed(request.method, "GET, HEAD, PUT, PATCH, DELETE");
      }
    },
  };
}

/** From here on a PATCH is answered without a body (RFC 7644 3.5.2): a hundred members more would be answered with megabytes. */
const longGroup = 1_000;

const isLong = (document: ScimUser | ScimGroup) => "members" in document && document.members.length > longGroup;

/** In one page of Groups that is shown with them. */
const mostMembersShown = 200_000;

function listingOf<Document extends ScimUser | ScimGroup>(kind: Kind<Document>, context: ScimContext, { wants }: Projection): Listing {
  return {
    type: kind.type,
    index: kind.index,
    render: async (transaction, ids, full) => {
      const documents = (await transaction.getAll(kind.index, ids)) as unknown as readonly Document[];
      const own = documents.filter(({ provider }) => provider === context.provider);
      const members = own.reduce((sum, document) => sum + ("members" in document ? document.members.length : 0), 0);
      if (!full && members > mostMembersShown && wants("members"))
        throw badRequest("tooMany", `these Groups have ${members} members: ask for fewer, or with excludedAttributes=members`);
      return Promise.all(own.map((document) => kind.render(context, transaction, document, full ? () => true : wants)));
    },
  };
}

/** The message must say what it is (RFC 7644 3.1), in whatever case. */
export function requireSchema({ schemas: said }: JsonObject, schema: string): void {
  const named = Array.isArray(said) ? (said as readonly Json[]) : [];
  if (!named.some((one) => typeof one === "string" && one.toLowerCase() === schema.toLowerCase())) {
    throw badRequest("invalidSyntax", `schemas must name ${schema}`);
  }
}

function wholeBody({ body }: ResourceRequest, type: ResourceType): JsonObject {
  requireSchema(body ?? {}, type.schema.id);
  return normalise(body ?? {}, type);
}

function projectionOf(type: ResourceType, query: URLSearchParams): Projection {
  const names = (parameter: string) =>
    query.getAll(parameter).flatMap((text) =>
      text
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== ""),
    );
  return createProjection(type, names("attributes"), names("excludedAttributes"));
}

function queryOf(query: URLSearchParams): Query {
  const sortOrder = query.get("sortOrder")?.toLowerCase() ?? "ascending";
  if (sortOrder !== "ascending" && sortOrder !== "descending") throw badRequest("invalidValue", "sortOrder is ascending or descending");
  return {
    filter: query.get("filter") || null,
    sortBy: query.get("sortBy") || null,
    descending: sortOrder === "descending",
    startIndex: Math.max(1, wholeNumber(query, "startIndex", 1)),
    count: Math.min(mostResults, Math.max(0, wholeNumber(query, "count", defaultResults))),
  };
}

const largestNumber = 1e15;

function wholeNumber(query: URLSearchParams, name: string, preset: number): number {
  const text = query.get(name);
  if (text === null || text === "") return preset;
  if (!/^-?\d+$/.test(text)) throw badRequest("invalidValue", `${name} is a whole number`);
  // No list is so long, and every store can count so far.
  return Math.max(-largestNumber, Math.min(largestNumber, Number(text)));
}

/** `*`, or one of several; strong or weak makes no difference for a resource in one form (RFC 9110 8.8.3.2). */
function matchesEtag(field: string | null, etag: string): boolean {
  if (field === null) return false;
  const plain = (text: string) => text.trim().replace(/^W\//i, "");
  return field.split(",").some((one) => one.trim() === "*" || plain(one) === plain(etag));
}

function notModified(etag: string): ScimAnswer {
  return { status: 304, body: null, headers: [["ETag", etag]] };
}

function answerWith(status: number, { resource, version }: Rendered, projection: Projection, more: ScimAnswer["headers"] = []): ScimAnswer {
  return { status, body: projection.apply(resource), headers: [["ETag", etagOf(version)], ...more] };
}
