import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { allow, deny } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";

/**
 * Frameworks take the method from a field or the query (Express, Rack, Symfony, ASP.NET …). DELETE is forbidden under `/api`; `/open` is
 * public for GET only.
 */
let gateway: InProcessGateway;
let cookie: string;
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    routes: [
      { path: "/", access: [deny({ methods: ["DELETE"] }), allow({ groups: ["staff"] })], public: [{ method: "GET", glob: "/open/**" }] },
    ],
  });
  ({ cookie } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

const ask = (line: string, fields: readonly string[] = [], credentials = cookie) =>
  exchange(
    gateway,
    `${[`${line} HTTP/1.1`, "Host: wiki.acme.example", `Cookie: ${credentials}`, ...fields, "Content-Length: 0", "Connection: close"].join("\r\n")}\r\n\r\n`,
  );

test.each([
  "X-HTTP-Method-Override: DELETE",
  "x-http-method-override: delete",
  "X-HTTP-Method: DELETE",
  "X-Method-Override: DELETE",
  "X_HTTP_Method_Override: DELETE",
  "X.HTTP.Method: DELETE",
  "X-HTTP-Method-Override: GET, DELETE",
  "X-HTTP-Method-Override:  \tDELETE ",
])("%s is judged as a DELETE, too", async (field) => {
  expect((await ask("POST /api/x", [field])).statuses).toEqual([403]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("several fields are all judged", async () => {
  expect((await ask("POST /api/x", ["X-HTTP-Method: PUT", "X-HTTP-Method: DELETE"])).statuses).toEqual([403]);
  expect((await ask("POST /api/x", ["X-HTTP-Method: PUT", "X-Method-Override: DELETE"])).statuses).toEqual([403]);
});

test.each([
  "_method=DELETE",
  "a=1&_method=delete",
  "a=1;_method=DELETE",
  "%5fmethod=DELETE",
  "_%6dethod=%44ELETE",
  ".method=DELETE",
  "_method[]=DELETE",
  "X-HTTP-Method-Override=DELETE",
  "_HttpMethod=DELETE",
])("?%s is judged as a DELETE, too", async (query) => {
  expect((await ask(`POST /api/x?${query}`)).statuses).toEqual([403]);
  expect(gateway.upstream.requests).toEqual([]);
});

test("what is public for GET does not open for another method by name", async () => {
  expect((await ask("GET /open/x", ["X-HTTP-Method-Override: POST"], "a=b")).statuses).toEqual([401]);
  expect((await ask("GET /open/x", [], "a=b")).statuses).toEqual([200]);
});

test.each([
  { line: "POST /api/x", fields: ["X-HTTP-Method-Override: PATCH"] },
  { line: "POST /api/x", fields: ["X-HTTP-Method: MERGE"] },
  { line: "POST /api/x?method=DELETE&q=_method", fields: [] },
  { line: "POST /api/x?note=100%", fields: [] },
  { line: "POST /api/x", fields: ["X-HTTP-Method-Override: none of yours"] },
])("$line with $fields passes, field and all", async ({ line, fields }) => {
  expect((await ask(line, fields)).statuses).toEqual([200]);
  const [name, value] = (fields[0] ?? "x-none:").split(": ", 2);
  expect(gateway.upstream.requests[0]?.headerValues(name?.toLowerCase() ?? "")).toEqual(value === undefined ? [] : [value]);
});

test("a request that names very many methods is refused", async () => {
  const many = "PUT,PATCH,COPY,MOVE,LOCK,UNLOCK,MKCOL,PROPFIND,SEARCH";
  expect((await ask("POST /api/x", [`X-HTTP-Method: ${many}`])).statuses).toEqual([400]);
});
