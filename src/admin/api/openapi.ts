import { z } from "zod";
import { peopleRoutes } from "./people.ts";
import { type ApiRoute, apiRoutes } from "./routes.ts";
import { problem } from "./schemas.ts";
import { tokenRoutes } from "./tokens.ts";

/** All operations of the API. */
export const allRoutes: readonly ApiRoute[] = [...apiRoutes, ...tokenRoutes, ...peopleRoutes];

/** The API's OpenAPI 3.1 document, made from the schemas that check it. */
export function openApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of allRoutes) {
    const path = `/api/v1${route.path.replace(/:(\w+)/g, "{$1}")}`;
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Vestibule", version, description: "Who is signed in, and end it. On the admin listener; bearer: console.token." },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      responses: { Problem: { description: "RFC 9457", content: { "application/problem+json": { schema: jsonSchema(problem) } } } },
    },
  };
}

function operation({ method, path, summary, query, body, answer }: ApiRoute): object {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const good = answer === null ? { "204": { description: "Done." } } : { "200": { description: summary, content: json(answer) } };
  return {
    operationId: `${method}${path.replace(/[^a-z]+(\w)/gi, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    parameters: [...inPath, ...(query === undefined ? [] : inQuery(query))],
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body, "input") } }),
    responses: { ...good, default: { $ref: "#/components/responses/Problem" } },
  };
}

function inQuery(query: z.ZodObject): readonly object[] {
  const { properties = {} } = jsonSchema(query, "input") as { properties?: Record<string, { description?: string }> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({ name, in: "query", description, schema }));
}

const json = (schema: z.ZodType, io: "input" | "output" = "output") => ({ "application/json": { schema: jsonSchema(schema, io) } });

function jsonSchema(schema: z.ZodType, io: "input" | "output" = "output"): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: "draft-2020-12", io, unrepresentable: "any" });
  return rest;
}
