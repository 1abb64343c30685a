import { z } from "zod";
import { peopleRoutes } from "./people.ts";
import { type ApiRoute, apiRoutes } from "./routes.ts";
import { problem } from "./schemas.ts";
import { tokenRoutes } from "./tokens.ts";

/** All operations of the API. */
export const allRoutes: readonly ApiRoute[] = [...apiRoutes, ...tokenRoutes, ...peopleRoutes];

/** The JSON Schema of a shape, in what is sent or in what is answered. */
type Describe = (schema: z.ZodType, io?: "input" | "output") => object;

/** The API's OpenAPI 3.1 document, made from the schemas that check it. */
export function openApi(version: string): object {
  const schemas: Record<string, object> = {};
  const describe = describeInto(schemas);
  const paths: Record<string, Record<string, object>> = {};
  for (const route of allRoutes) {
    const path = `/api/v1${route.path.replace(/:(\w+)/g, "{$1}")}`;
    paths[path] = { ...paths[path], [route.method]: operation(route, describe) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Vestibule", version, description: "Who is signed in, and end it. On the admin listener; bearer: console.token." },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      responses: { Problem: { description: "RFC 9457", content: { "application/problem+json": { schema: describe(problem) } } } },
      schemas,
    },
  };
}

function operation({ method, path, summary, query, body, answer }: ApiRoute, describe: Describe): object {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const json = (schema: z.ZodType, io?: "input") => ({ "application/json": { schema: describe(schema, io) } });
  const good = answer === null ? { "204": { description: "Done." } } : { "200": { description: summary, content: json(answer) } };
  return {
    operationId: `${method}${path.replace(/[^a-z]+(\w)/gi, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    parameters: [...inPath, ...(query === undefined ? [] : inQuery(query, describe))],
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body, "input") } }),
    responses: { ...good, default: { $ref: "#/components/responses/Problem" } },
  };
}

function inQuery(query: z.ZodObject, describe: Describe): readonly object[] {
  const { properties = {} } = describe(query, "input") as { properties?: Record<string, { description?: string }> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({ name, in: "query", description, schema }));
}

/** Named shapes go into `schemas`, once: a reference in a document begins at the document's root, not at the shape that holds it. */
function describeInto(schemas: Record<string, object>): Describe {
  return (schema, io = "output") => {
    const whole = z.toJSONSchema(schema, { target: "draft-2020-12", io, unrepresentable: "any" });
    const {
      $schema: _,
      $defs = {},
      ...rest
    } = JSON.parse(
      JSON.stringify(whole, (key, value: unknown) =>
        key === "$ref" && typeof value === "string" ? value.replace("#/$defs/", "#/components/schemas/") : value,
      ),
    ) as { readonly $schema?: string; readonly $defs?: Record<string, object> };
    Object.assign(schemas, $defs);
    return rest;
  };
}
