import { type Context, Hono } from "hono";
import type { Answer } from "../core/answer.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import { controlPrefix, type Site, type Visit } from "../core/route.ts";
import { within } from "../lib/timing.ts";
import { type Answering, failureAnswer, toResponse, withDefaults } from "./answers.ts";

/** One address under `/_vestibule/`, as data. Everything that is decided about a request before its endpoint runs stands in these fields. */
export interface Endpoint {
  /** Below `/_vestibule`; `:provider` is one segment, which `ControlRequest.provider` holds. */
  readonly path: string;
  /** It is the host's very first page, `/`, and not below the prefix. Only where no app answers on the host. */
  readonly isRoot?: true;
  /** Where it exists: on the auth origin, on the hosts of apps, or on both. */
  readonly on: "auth" | "app" | "any";
  /** HEAD stands only where GET changes nothing: mail scanners and link previews must not spend a ticket. */
  readonly methods: readonly ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE")[];
  /** A stranger can make the gateway work here (opening sealed values, asking providers, verifying signatures): counted for each address. */
  readonly limited: boolean;
  /** Ends sessions: neither kept waiting nor refused when the gateway is full. */
  readonly urgent: boolean;
  run(request: ControlRequest): Answer | Promise<Answer>;
}

/** One control request. All that is judged comes from `visit`, normalised once; `request` is there for its body. */
export interface ControlRequest {
  readonly visit: Visit;
  readonly request: Request;
  readonly query: URLSearchParams;
  /** The `<provider>` of the path; empty where the path has none. */
  readonly provider: string;
}

/** The parameter's value when it stands there exactly once: which of two would be meant is the sender's secret. */
export function onlyParameter(query: URLSearchParams, name: string): string | null {
  const values = query.getAll(name);
  return values.length === 1 ? (values[0] ?? null) : null;
}

/** The only part of the route table that the control plane needs: which site a host name is. */
export interface SiteTable {
  findSite(hostname: string): Site | null;
}

const usualMaxBytes = 64 * 1024;
const maxMs = 10_000;

/** The fields of a form that was posted: `application/x-www-form-urlencoded` only, 64 KiB (or as said) and ten seconds at most. */
export async function readForm(request: Request, maxBytes: number = usualMaxBytes): Promise<URLSearchParams> {
  const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new GatewayError("request.malformed", `a form was expected, not ${type ?? "a body without a type"}`);
  }
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return new URLSearchParams(await readText(request, maxBytes));
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  if (request.body === null) return "";
  const reader = request.body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const readAll = async () => {
    let text = "";
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      text += decoder.decode(value, { stream: true });
    }
  };
  try {
    return await within(maxMs, readAll(), () => {
      throw new GatewayError("request.timeout", "the form did not arrive in time");
    });
  } catch (error) {
    if (error instanceof TypeError) throw new GatewayError("request.malformed", "the form is not UTF-8 or broke off", { cause: error });
    throw error;
  } finally {
    // What is still to come of a refused body is not wanted.
    void reader.cancel().catch(() => {});
  }
}

const tooLarge = (maxBytes: number) => new GatewayError("request.body-too-large", `a form of more than ${maxBytes} bytes`);

/** Answers every request under `/_vestibule/`, on every host. Never rejects. */
export type Control = (request: Request, visit: Visit) => Promise<Response>;

interface RouterDeps extends Answering {
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
