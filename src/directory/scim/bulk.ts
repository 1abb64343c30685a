import { isObject, type Json, type JsonObject } from "../documents.ts";
import { TakenError } from "../transaction.ts";
import { mostBulkOperations } from "./discovery.ts";
import type { ResourceRequest, ScimAnswer } from "./resources.ts";
import { badRequest, ScimError, scimErrorBody } from "./scim-error.ts";

/** Runs one request at `/Users` or `/Groups`, committed when it settles. */
export type RunOne = (first: string, request: ResourceRequest) => Promise<ScimAnswer>;

interface Operation {
  readonly method: string;
  readonly bulkId: string | null;
  readonly path: string;
  readonly data: Json;
  readonly version: string | null;
  /** The bulkIds that it names, in its path and its data. */
  readonly names: readonly string[];
}
interface Result {
  readonly method: string;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly status: string;
  readonly response?: object;
}

/**
 * Runs the operations of a bulk request (RFC 7644 3.7). Each is a transaction of its own. One that names the `bulkId` of another waits
 * for it; those that wait for each other in a circle fail with 409. Throws for a request that is wrong as a whole.
 */
export async function runBulk(body: JsonObject, run: RunOne): Promise<JsonObject> {
  const { Operations: said, failOnErrors } = body;
  if (!Array.isArray(said)) throw badRequest("invalidSyntax", "Operations is a list");
  if (said.length > mostBulkOperations) throw new ScimError(413, null, `more than ${mostBulkOperations} operations`);
  const limit = typeof failOnErrors === "number" && failOnErrors > 0 ? failOnErrors : Number.POSITIVE_INFINITY;
  const operations = (said as readonly Json[]).map(readOperation);
  const results = new Map<number, Result>();
  const made = new Map<string, string>();
  /** POSTs still to run, by bulkId. Counting them for each operation would cost a billion steps where a thousand wait for one another. */
  const open = new Map<string, number>();
  const note = ({ method, bulkId }: Operation, by: 1 | -1) => {
    if (method === "POST" && bulkId !== null) open.set(bulkId, (open.get(bulkId) ?? 0) + by);
  };
  for (const operation of operations) note(operation, 1);
  const waitsFor = ({ names }: Operation) => names.filter((bulkId) => !made.has(bulkId) && (open.get(bulkId) ?? 0) > 0);
  let failures = 0;
  const settle = (at: number, operation: Operation, result: Result) => {
    results.set(at, result);
    note(operation, -1);
    if (Number(result.status) >= 400) failures += 1;
  };
  for (let progress = true; progress && failures < limit; ) {
    progress = false;
    for (const [at, operation] of operations.entries()) {
      if (results.has(at) || failures >= limit || waitsFor(operation).length > 0) continue;
      progress = true;
      settle(at, operation, await runOperation(operation, made, run));
    }
  }
  // All at once: each of them waits for another one of them.
  const stuck = [...operations.entries()].flatMap(([at, operation]) =>
    results.has(at) ? [] : [[at, operation, waitsFor(operation).join(", ")] as const],
  );
  for (const [at, operation, names] of stuck) {
    if (failures >= limit) break;
    settle(at, operation, failed(operation, new ScimError(409, "invalidValue", `bulkId ${names} is not resolved`)));
  }
  const ordered = [...results].toSorted(([one], [other]) => one - other).map(([, result]) => result);
  return { schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], Operations: ordered as unknown as Json };
}

function readOperation(said: Json, at: number): Operation {
  const place = `Operations[${at}]`;
  if (!isObject(said)) throw badRequest("invalidSyntax", `${place} is an object`);
  const method = String(said.method ?? "").toUpperCase();
  if (!["POST", "PUT", "PATCH", "DELETE"].includes(method))
    throw badRequest("invalidSyntax", `${place}.method is POST, PUT, PATCH or DELETE`);
  if (typeof said.path !== "string") throw badRequest("invalidSyntax", `${place}.path is a text`);
  const bulkId = typeof said.bulkId === "string" && said.bulkId !== "" ? said.bulkId : null;
  if (method === "POST" && bulkId === null) throw badRequest("invalidSyntax", `${place}.bulkId is required for POST`);
  const { path, data = null, version } = said;
  const names = [...new Set([...namedIn(data), ...path.split("/").flatMap((part) => reference.exec(part)?.[1] ?? [])])];
  return { method, bulkId, path, data, version: typeof version === "string" ? version : null, names };
}

const reference = /^bulkId:(.+)$/;

/** The bulkIds that a value names. */
function namedIn(value: Json): readonly string[] {
  if (typeof value === "string") return [reference.exec(value)?.[1] ?? []].flat();
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap(namedIn);
  return isObject(value) ? Object.values(value).flatMap(namedIn) : [];
}

function resolved(value: Json, made: ReadonlyMap<string, string>): Json {
  if (typeof value === "string") return made.get(reference.exec(value)?.[1] ?? "") ?? value;
  if (Array.isArray(value)) return (value as readonly Json[]).map((one) => resolved(one, made));
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolved(one, made)])) : value;
}

async function runOperation(operation: Operation, made: Map<string, string>, run: RunOne): Promise<Result> {
  const { method, bulkId, data, version } = operation;
  try {
    const { first, id } = placeOf(operation, made);
    const whole = resolved(data, made);
    if (method !== "DELETE" && !isObject(whole)) throw badRequest("invalidSyntax", "data is an object");
    const body = isObject(whole) ? whole : null;
    const answer = await run(first, { method, id, query: new URLSearchParams(), ifMatch: version, ifNoneMatch: null, body });
    const { id: newId, meta } = (answer.body ?? {}) as {
      readonly id?: string;
      readonly meta?: { readonly location?: string; readonly version?: string };
    };
    if (method === "POST" && bulkId !== null && newId !== undefined) made.set(bulkId, newId);
    return {
      method,
      ...(bulkId === null ? {} : { bulkId }),
      ...(meta?.location === undefined ? {} : { location: meta.location }),
      ...(meta?.version === undefined ? {} : { version: meta.version }),
      status: String(answer.status),
    };
  } catch (error) {
    if (error instanceof TakenError) return failed(operation, new ScimError(409, "uniqueness", "this name is taken"));
    if (error instanceof ScimError) return failed(operation, error);
    throw error;
  }
}

/** Exactly `/Users`, `/Groups`, or one of them with an id: `/Users/1/../../Groups` is none of these, and deletes nothing. */
function placeOf({ method, path }: Operation, made: ReadonlyMap<string, string>): { readonly first: string; readonly id: string | null } {
  const match = /^\/(Users|Groups)(?:\/([^/?#\\]+))?$/.exec(path);
  if (match === null) throw badRequest("invalidPath", `${JSON.stringify(path)} is not /Users, /Groups, or one of them with an id`);
  const id = match[2] === undefined ? null : String(resolved(match[2], made));
  if (id !== null && !/^[A-Za-z0-9-]+$/.test(id)) throw new ScimError(404, null, `there is nothing at ${path}`);
  if ((method === "POST") !== (id === null))
    throw badRequest("invalidPath", method === "POST" ? "POST goes to /Users or /Groups" : `${method} needs an id`);
  return { first: match[1] ?? "", id };
}

function failed({ method, bulkId }: Operation, error: ScimError): Result {
  return { method, ...(bulkId === null ? {} : { bulkId }), status: String(error.status), response: scimErrorBody(error) };
}
