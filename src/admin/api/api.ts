import { createHash, timingSafeEqual } from "node:crypto";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Operations } from "../operations.ts";
import { allRoutes, openApi } from "./openapi.ts";
import { ApiProblem, problemAnswer } from "./problem.ts";
import type { ApiRoute } from "./routes.ts";

export interface ApiDeps {
  readonly operations: Operations;
  readonly log: Log;
  readonly clock: Clock;
}
interface Env {
  readonly Bindings: { readonly address: string };
}

const maxBodyBytes = 256 * 1024;
const document = "/openapi.json";

/**
 * `/api/v1` on the admin listener. Everything in it needs `console.token` as a bearer, which no browser sends by itself: so no other
 * site's page can use it.
 */
export function createApi({ operations, log, clock }: ApiDeps): Hono<Env> {
  const api = new Hono<Env>();
  api.use(async (context, next) => {
    requireToken(operations, context.req.header("authorization") ?? null);
    await next();
  });
  api.use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: () => {
        throw new ApiProblem("request.body-too-large", `a body has at most ${maxBodyBytes} bytes`);
      },
    }),
  );
  api.get(document, (context) => context.json(openApi(operations.version)));
  const paths = [...new Set(allRoutes.map((route) => route.path))];
  // Fixed paths first: what a method is not for at `/sessions/end` must not be asked of a session with that name.
  for (const path of [document, ...paths.toSorted((one, other) => Number(one.includes(":")) - Number(other.includes(":")))]) {
    const routes = allRoutes.filter((route) => route.path === path);
    for (const route of routes) {
      api.on(route.method.toUpperCase(), path, async (context) => {
        const answer = await route.run({
          operations,
          operator: { name: "token", address: context.env.address, mayAct: true },
          handle: context.req.param("handle") ?? "",
          query: readQuery(route, new URL(context.req.url).searchParams),
          body: route.body === undefined ? null : route.body.parse(await readJson(context.req.raw)),
          now: clock(),
        });
        return answer === null ? context.body(null, 204) : context.json(answer);
      });
    }
    const methods = path === document ? ["get"] : routes.map(({ method }) => method);
    // hono answers HEAD by what GET answers.
    const allowed = methods.flatMap((method) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]));
    api.all(path, () => {
      throw new ApiProblem("request.method-not-allowed", `write ${allowed.join(" or ")}`, { Allow: allowed.join(", ") });
    });
  }
  api.all("*", () => {
    throw new ApiProblem("request.not-found", "there is no such address; see /api/v1/openapi.json");
  });
  api.onError((error) => {
    const answer = problemAnswer(error);
    if (answer.status >= 500) log.warn({ error }, "an API request failed");
    return answer;
  });
  return api;
}

function requireToken(operations: Operations, authorization: string | null): void {
  const { token } = operations.settings().console;
  if (token === null) {
    throw new ApiProblem("console.no-token", "the API is closed: write console: { token: { file: PATH } } into the configuration");
  }
  const given = /^bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (given === undefined || !isSame(given, token.reveal())) {
    throw new ApiProblem("console.token-rejected", "send Authorization: Bearer with console.token", {
      "WWW-Authenticate": 'Bearer realm="vestibule"',
    });
  }
}

/** In constant time, whatever the lengths are. */
export function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

function readQuery({ query }: ApiRoute, given: URLSearchParams): unknown {
  if (query === undefined) return null;
  const names = [...given.keys()];
  if (new Set(names).size !== names.length) throw new ApiProblem("request.malformed", "a parameter stands there twice");
  return query.parse(Object.fromEntries(given));
}

async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new ApiProblem("request.not-json", "send Content-Type: application/json");
  try {
    return (await request.json()) as unknown;
  } catch {
    throw new ApiProblem("request.malformed", "this is no JSON");
  }
}
