import { Hono } from "hono";
import type { Answer } from "../core/answer.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { LoginDoor } from "../core/ports/login-redirect.ts";
import type { Visit } from "../core/route.ts";
import { loginEndpoint } from "../login/flow/login-endpoint.ts";
import { createLoginDoor } from "../login/flow/login-redirect.ts";
import { enterEndpoint } from "../login/flow/ticket.ts";
import { backchannelEndpoint, callbackEndpoint, frontchannelEndpoint, postedCallbackEndpoint } from "../login/oidc/endpoints.ts";
import { acsEndpoint, finishEndpoint, metadataEndpoint } from "../login/saml/endpoints.ts";
import { sloEndpoint } from "../login/saml/slo-endpoint.ts";
import { logoutEndpoint } from "../logout/logout-endpoint.ts";
import { signedOutEndpoint } from "../logout/signed-out-endpoint.ts";
import { failureAnswer, jsonAnswer, toResponse, withDefaults } from "./answers.ts";
import type { ControlRequest } from "./control-request.ts";
import type { ControlDeps } from "./deps.ts";
import { assembleParts, type ControlParts } from "./parts.ts";
import { sessionEndpoint } from "./session-endpoint.ts";

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

type Handler = (parts: ControlParts, request: ControlRequest) => Answer | Promise<Answer>;

/** One address of the control plane: where it exists, and what it does for which method. */
interface Endpoint {
  readonly path: string;
  readonly on: "auth" | "app" | "any";
  readonly methods: Readonly<Partial<Record<"GET" | "HEAD" | "POST", Handler>>>;
}

const under = "/_vestibule";
const oidc = `${under}/oidc/:provider`;
const saml = `${under}/saml/:provider`;

/** All of them. HEAD is answered only where GET changes nothing: mail scanners and link previews must not spend a ticket. */
function controlEndpoints(door: LoginDoor): readonly Endpoint[] {
  const session: Handler = (parts, request) => sessionEndpoint(parts, door, request);
  return [
    { path: `${under}/login`, on: "auth", methods: { GET: loginEndpoint } },
    { path: `${oidc}/callback`, on: "auth", methods: { GET: callbackEndpoint, POST: postedCallbackEndpoint } },
    { path: `${oidc}/backchannel-logout`, on: "auth", methods: { POST: backchannelEndpoint } },
    { path: `${oidc}/frontchannel-logout`, on: "auth", methods: { GET: frontchannelEndpoint } },
    { path: `${saml}/metadata`, on: "auth", methods: { GET: metadataEndpoint, HEAD: metadataEndpoint } },
    { path: `${saml}/acs`, on: "auth", methods: { POST: acsEndpoint } },
    { path: `${saml}/finish`, on: "auth", methods: { GET: finishEndpoint } },
    { path: `${saml}/slo`, on: "auth", methods: { GET: sloEndpoint, POST: sloEndpoint } },
    { path: `${under}/signed-out`, on: "auth", methods: { GET: signedOutEndpoint, HEAD: signedOutEndpoint } },
    { path: `${under}/enter`, on: "app", methods: { GET: enterEndpoint } },
    { path: `${under}/session`, on: "app", methods: { GET: session, HEAD: session } },
    { path: `${under}/jwks.json`, on: "app", methods: { GET: jwks, HEAD: jwks } },
    { path: `${under}/logout`, on: "any", methods: { GET: logoutEndpoint, POST: logoutEndpoint } },
  ];
}

/** The keys of the signed assertion header: public, and the same on every host. */
const jwks: Handler = (parts) =>
  jsonAnswer(200, parts.assertionJwks(), [
    ["Cache-Control", "public, max-age=300"],
    ["Cross-Origin-Resource-Policy", "cross-origin"],
  ]);

/** Runs the endpoint for this method at this site, or says why there is none. */
function runEndpoint(endpoint: Endpoint, parts: ControlParts, request: ControlRequest): Answer | Promise<Answer> {
  const { site, incoming } = request.visit;
  const exists = endpoint.on === "any" || (endpoint.on === "auth" ? site.isAuth : site.app !== null);
  if (!exists) throw new GatewayError("request.not-found", `${endpoint.path} is not on this host`);
  const handler = Object.entries(endpoint.methods).find(([method]) => method === incoming.method)?.[1];
  if (handler === undefined) throw new GatewayError("request.method-not-allowed", `${incoming.method} ${endpoint.path}`);
  return handler(parts, request);
}
