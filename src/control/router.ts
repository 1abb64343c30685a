import { type Context, Hono } from "hono";
import type { Answer } from "../core/answer.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import { controlPrefix, type Visit } from "../core/route.ts";
import { type Answering, failureAnswer, toResponse, withDefaults } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";

/** Answers every request under `/_vestibule/`, on every host. Never rejects. */
export type Control = (request: Request, visit: Visit) => Promise<Response>;

export interface RouterDeps extends Answering {
  readonly endpoints: readonly Endpoint[];
  /** Runs `work` for a request of `address`, or throws `login.too-many`. */
  readonly limit: (address: string, work: () => Answer | Promise<Answer>) => Promise<Answer>;
}

interface Env {
  readonly Bindings: { readonly visit: Visit };
}

/** The gateway's own pages and endpoints in one hono application, with its 404 and 405. */
export function createControl(deps: RouterDeps): Control {
  // The path that was judged decides, not the one in `request.url`, which hono would decode in its own way.
  const app = new Hono<Env>({ getPath: (_, options) => judgedPath(options?.env?.visit) });
  for (const endpoint of deps.endpoints) {
    // hono answers HEAD by the route for GET: whether HEAD is meant, too, is judged with the request.
    const methods = endpoint.methods.filter((method) => method !== "HEAD");
    app.on(methods, addressOf(endpoint), (context, next) => {
      const { visit } = context.env;
      if (!isHere(endpoint, visit) || !isFor(endpoint, visit)) return next();
      return answerTo(deps, visit, () => run(deps, endpoint, context));
    });
  }
  for (const path of new Set(deps.endpoints.map(addressOf))) {
    app.all(path, (context, next) => {
      const { visit } = context.env;
      const here = deps.endpoints.filter((endpoint) => addressOf(endpoint) === path && isHere(endpoint, visit));
      if (here.length === 0) return next();
      const allowed = [...new Set(here.flatMap(({ methods }) => methods))].join(", ");
      return answerTo(deps, visit, () => {
        throw new MethodRefused(`${visit.incoming.method} ${path}`, allowed);
      });
    });
  }
  app.notFound((context) =>
    answerTo(deps, context.env.visit, () => {
      throw new GatewayError("request.not-found", "no such control endpoint on this host");
    }),
  );
  return async (request, visit) => app.fetch(request, { visit });
}

const addressOf = ({ isRoot, path }: Endpoint) => (isRoot === true ? "/" : controlPrefix + path);

/** 405 needs to say what is allowed (RFC 9110 15.5.6). */
class MethodRefused extends GatewayError {
  readonly allowed: string;
  constructor(detail: string, allowed: string) {
    super("request.method-not-allowed", detail);
    this.allowed = allowed;
  }
}

async function answerTo(deps: RouterDeps, visit: Visit, work: () => Answer | Promise<Answer>): Promise<Response> {
  let answer: Answer;
  try {
    answer = await work();
  } catch (error) {
    const headers: Answer["headers"] = error instanceof MethodRefused ? [["Allow", error.allowed]] : [];
    answer = failureAnswer(deps, visit.incoming, asGatewayError(error), { headers });
  }
  return toResponse(withDefaults(answer, visit.incoming.id));
}

function run({ limit }: RouterDeps, endpoint: Endpoint, context: Context<Env>): Answer | Promise<Answer> {
  const { visit } = context.env;
  const query = new URLSearchParams(visit.incoming.query);
  const request = { visit, request: context.req.raw, query, provider: context.req.param("provider") ?? "" };
  return endpoint.limited ? limit(visit.incoming.client, () => endpoint.run(request)) : endpoint.run(request);
}

const isHere = ({ on }: Endpoint, { site }: Visit) => on === "any" || (on === "auth" ? site.isAuth : site.app !== null);
const isFor = ({ methods }: Endpoint, { incoming }: Visit) => methods.some((method) => method === incoming.method);

/** An address that could be read in two ways is none of ours. */
function judgedPath(visit: Visit | undefined): string {
  const [path, ...others] = visit?.incoming.readings ?? [];
  return path === undefined || others.length > 0 ? controlPrefix : path;
}
