import { isObject, type Json, type JsonObject } from "../documents.ts";
import { TakenError, transact } from "../transaction.ts";
import { type RunOne, runBulk } from "./bulk.ts";
import { committed, conclude, newOutcome, type ScimContext, type ScimOutcome } from "./context.ts";
import { mostBytes, resourceTypes, schemas, serviceProviderConfig } from "./discovery.ts";
import { defaultResults, mostResults, type Page } from "./list.ts";
import { handlerOf, type ResourceRequest, requireSchema, type ScimAnswer } from "./resources.ts";
import { badRequest, notAllowed, ScimError, scimErrorBody } from "./scim-error.ts";

/** One SCIM request, already known to come from the provider. */
export interface ScimRequest {
  readonly method: string;
  /** Below `/v2`: `/Users/1`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
  /** Null = none was sent. */
  readonly body: string | null;
  readonly request: string;
  readonly client: string;
}

/** Answers as RFC 7644 says; rejects only with GatewayErrors (`directory.unavailable`). */
export async function serveScim(context: ScimContext, request: ScimRequest): Promise<ScimAnswer> {
  const outcome = newOutcome();
  let answer: ScimAnswer;
  try {
    answer = await route(context, request, outcome);
  } catch (error) {
    // A bulk request may have committed some of its operations: their effects do not wait for its end.
    await conclude(context, outcome, request);
    if (error instanceof TakenError) return failure(new ScimError(409, "uniqueness", "somebody else took this name at the same moment"));
    if (error instanceof ScimError) return failure(error);
    throw error;
  }
  await conclude(context, outcome, request);
  return answer;
}

function failure(error: ScimError): ScimAnswer {
  return { status: error.status, body: scimErrorBody(error), headers: error.headers };
}

async function route(context: ScimContext, request: ScimRequest, outcome: ScimOutcome): Promise<ScimAnswer> {
  const [first = "", id, ...more] = request.path.replace(/^\//, "").replace(/\/$/, "").split("/");
  if (more.length > 0) throw notFound(request.path);
  const found = discovery(context, first, id);
  if (found !== null) {
    if (request.method !== "GET") throw notAllowed(request.method, "GET, HEAD");
    // RFC 7644 4: a filter here is refused, because a client could believe that it did something.
    if (request.query.has("filter")) throw new ScimError(403, null, "filters are not supported here");
    return { status: 200, body: found, headers: [] };
  }
  if (first === "Me") throw new ScimError(501, null, "the caller is a provider and no User");
  if (first === "Bulk" && id === undefined) return bulk(context, request, outcome);
  if (first === ".search" && id === undefined) return searchAll(context, request);
  const handler = handlerOf(first);
  if (handler === null) throw notFound(request.path);
  if (id === ".search") {
    if (request.method !== "POST") throw notAllowed(request.method, "POST");
    const body = readBody(request, "urn:ietf:params:scim:api:messages:2.0:SearchRequest");
    return transact(context.store, async (transaction) => listAnswer(await handler.list(context, transaction, searchParameters(body))));
  }
  if (id === undefined && request.method === "GET") {
    return transact(context.store, async (transaction) => listAnswer(await handler.list(context, transaction, request.query)));
  }
  const one = resourceRequest(request, id ?? null);
  return committed(context, outcome, (transaction, attempt) => handler.run(context, transaction, one, attempt));
}

/** RFC 7644 3.4.3 at the root: Users first, then Groups. A filter that means nothing for a type finds none of it. */
async function searchAll(context: ScimContext, request: ScimRequest): Promise<ScimAnswer> {
  if (request.method !== "POST") throw notAllowed(request.method, "POST");
  const query = searchParameters(readBody(request, "urn:ietf:params:scim:api:messages:2.0:SearchRequest"));
  const pages: Page[] = [];
  const unfit: ScimError[] = [];
  await transact(context.store, async (transaction) => {
    pages.length = 0;
    unfit.length = 0;
    for (const name of ["Users", "Groups"]) {
      const before = pages[0] ?? { total: 0, startIndex: 1, resources: [] };
      const own = new URLSearchParams(query);
      if (pages.length > 0) {
        own.set("startIndex", String(Math.max(1, before.startIndex - before.total)));
        own.set("count", String(Math.max(0, countOf(query) - before.resources.length)));
      }
      try {
        const page = await handlerOf(name)?.list(context, transaction, own);
        if (page !== undefined) pages.push(page);
      } catch (error) {
        if (!(error instanceof ScimError) || (error.scimType !== "invalidFilter" && error.scimType !== "invalidPath")) throw error;
        unfit.push(error);
      }
    }
  });
  const [first] = pages;
  if (first === undefined) throw unfit[0] ?? notFound(request.path);
  const total = pages.reduce((sum, page) => sum + page.total, 0);
  return listAnswer({ total, startIndex: first.startIndex, resources: pages.flatMap(({ resources }) => resources) });
}

const countOf = (query: URLSearchParams) => (query.has("count") ? Math.min(mostResults, Number(query.get("count"))) : defaultResults);

function discovery({ baseUrl }: ScimContext, first: string, id: string | undefined): JsonObject | null {
  if (first === "ServiceProviderConfig" && id === undefined) return serviceProviderConfig(baseUrl);
  const lists: Readonly<Record<string, (baseUrl: string) => readonly JsonObject[]>> = { ResourceTypes: resourceTypes, Schemas: schemas };
  const list = Object.hasOwn(lists, first) ? lists[first]?.(baseUrl) : undefined;
  if (list === undefined) return null;
  if (id === undefined) return listBody({ total: list.length, startIndex: 1, resources: list });
  const found = list.find((one) => String(one.id).toLowerCase() === id.toLowerCase());
  if (found === undefined) throw notFound(`/${first}/${id}`);
  return found;
}

function resourceRequest(request: ScimRequest, id: string | null): ResourceRequest {
  const { method, query, ifMatch, ifNoneMatch } = request;
  const body = method === "POST" || method === "PUT" || method === "PATCH" ? readBody(request, null) : null;
  return { method, id, query, ifMatch, ifNoneMatch, body };
}

async function bulk(context: ScimContext, request: ScimRequest, outcome: ScimOutcome): Promise<ScimAnswer> {
  if (request.method !== "POST") throw notAllowed(request.method, "POST");
  const body = readBody(request, "urn:ietf:params:scim:api:messages:2.0:BulkRequest");
  const run: RunOne = (first, one) => {
    const handler = handlerOf(first);
    if (handler === null) throw notFound(`/${first}`);
    return committed(context, outcome, (transaction, attempt) => handler.run(context, transaction, one, attempt));
  };
  return { status: 200, body: await runBulk(body, run), headers: [] };
}

/** A JSON object, at most as large as is announced; with `schema` it must name it. */
function readBody({ body }: ScimRequest, schema: string | null): JsonObject {
  if (body === null || body.trim() === "") throw badRequest("invalidSyntax", "a JSON body was expected");
  if (body.length > mostBytes) throw new ScimError(413, null, `more than ${mostBytes} bytes`);
  let parsed: Json;
  try {
    parsed = JSON.parse(body) as Json;
  } catch (error) {
    throw badRequest("invalidSyntax", `this is no JSON: ${error instanceof Error ? error.message : ""}`);
  }
  if (!isObject(parsed)) throw badRequest("invalidSyntax", "a JSON object was expected");
  if (isDeeper(parsed, deepestBody)) throw badRequest("invalidSyntax", `nested deeper than ${deepestBody}`);
  if (schema !== null) requireSchema(parsed, schema);
  return parsed;
}

/** A bulk request with a PATCH in it needs ten. */
const deepestBody = 40;

/** Level by level: what walks through a body later calls itself, and a body of brackets alone would fill the stack. */
function isDeeper(value: Json, most: number): boolean {
  let level: readonly Json[] = [value];
  for (let depth = 0; depth < most && level.length > 0; depth += 1) {
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? (Object.values(one) as readonly Json[]) : []));
  }
  return level.length > 0;
}

/** The members of a SearchRequest as the query of a GET. */
function searchParameters(body: JsonObject): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    if (name === "schemas" || value === null) continue;
    query.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  return query;
}

function listAnswer(page: Page): ScimAnswer {
  return { status: 200, body: listBody(page), headers: [] };
}

function listBody({ total, startIndex, resources }: Page): JsonObject {
  return {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
    totalResults: total,
    itemsPerPage: resources.length,
    startIndex,
    Resources: resources,
  };
}

function notFound(path: string): ScimError {
  return new ScimError(404, null, `there is nothing at ${path}`);
}
