import { Hono } from "hono";
import type { Answer } from "../core/answer.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { Visit } from "../core/site.ts";
import { toResponse, withDefaults } from "./answers.ts";
import type { ControlDeps } from "./deps.ts";
import { controlEndpoints, type Endpoint, runEndpoint } from "./endpoints.ts";
import { failureAnswer } from "./failure.ts";
import { createLoginDoor } from "./login/door.ts";
import { assembleParts } from "./parts.ts";

/** Answers every request under `/_vestibule/`, on every host. Never rejects. */
export type Control = (request: Request, visit: Visit) => Promise<Response>;

interface Env {
  readonly Bindings: { readonly visit: Visit };
}

/** The gateway's own pages and endpoints: login, callbacks, logout, who-am-I, keys. */
export function createControl(deps: ControlDeps): Control {
  const parts = assembleParts(deps);
  // The path that was judged decides, not the one in `request.url`, which hono would decode in its own way.
  const app = new Hono<Env>({ getPath: (_, options) => judgedPath(options?.env?.visit) });

  const answerTo = async (visit: Visit, headers: Answer["headers"], run: () => Answer | Promise<Answer>): Promise<Response> => {
    let answer: Answer;
    try {
      answer = await run();
    } catch (error) {
      const allow = asGatewayError(error).code === "request.method-not-allowed" ? headers : [];
      answer = failureAnswer(parts, visit.incoming, error, { headers: allow });
    }
    return toResponse(withDefaults(answer, visit.incoming.id));
  };
  for (const endpoint of controlEndpoints(createLoginDoor(deps))) {
    app.all(endpoint.path, (context) => {
      const { visit } = context.env;
      const query = new URLSearchParams(visit.incoming.query);
      const request = { visit, request: context.req.raw, query, provider: context.req.param("provider") ?? "" };
      return answerTo(visit, [["Allow", allowed(endpoint)]], () => {
        const run = () => runEndpoint(endpoint, parts, request);
        return isLogin(endpoint) ? parts.loginLimits.within(visit.incoming.client, run) : run();
      });
    });
  }
  app.notFound((context) =>
    answerTo(context.env.visit, [], () => {
      throw new GatewayError("request.not-found", "no such control endpoint");
    }),
  );
  return async (request, visit) => app.fetch(request, { visit });
}

/** An address that could be read in two ways is none of ours. */
function judgedPath(visit: Visit | undefined): string {
  const [path, ...others] = visit?.incoming.readings ?? [];
  return path === undefined || others.length > 0 ? "/" : path;
}

/** Where a stranger can make the gateway work: reading sealed cookies, asking providers, verifying signatures. */
const isLogin = ({ path }: Endpoint) => /\/(?:login|callback|acs)$/.test(path);

const allowed = ({ methods }: Endpoint) => Object.keys(methods).join(", ");
