import { jsonAnswer } from "../control/answers.ts";
import type { ControlRequest, Endpoint } from "../control/router.ts";
import type { Answer } from "../core/answer.ts";
import { asGatewayError } from "../core/errors.ts";
import { formatOrigin } from "../core/origin.ts";
import type { ScimLog } from "../core/ports/directory.ts";
import { controlPrefix } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";
import { failureWindowMs, type ScimAccess } from "../directory/scim/access.ts";
import type { ScimContext } from "../directory/scim/context.ts";
import type { ScimAnswer } from "../directory/scim/resources.ts";
import { ScimError, scimErrorBody } from "../directory/scim/scim-error.ts";
import { serveScim } from "../directory/scim/server.ts";
import { headerOf } from "../http/fields.ts";

export interface ScimEndpointDeps {
  readonly settings: Settings;
  readonly access: ScimAccess;
  readonly requests: ScimLog;
  readonly context: Omit<ScimContext, "provider" | "baseUrl">;
}

/** `/_vestibule/scim/<provider>/v2/…`: where providers provision people. Only the auth origin has it, and only for those with tokens. */
export function scimEndpoint(deps: ScimEndpointDeps): Endpoint {
  return {
    path: "/scim/:provider/v2/*",
    on: "auth",
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    limited: false,
    urgent: false,
    run: (request) => answerTo(deps, request),
  };
}

async function answerTo(deps: ScimEndpointDeps, control: ControlRequest): Promise<Answer> {
  const { incoming } = control.visit;
  const { provider } = control;
  const base = `${controlPrefix}/scim/${provider}/v2`;
  const path = (incoming.readings[0] ?? "").slice(base.length);
  let answer: ScimAnswer;
  try {
    answer = await judged(deps, control, path, `${formatOrigin(deps.settings.auth.origin)}${base}`);
  } catch (error) {
    const { status, code, message } = asGatewayError(error);
    deps.context.log.error({ error, request: incoming.id, provider, code }, "a SCIM request failed");
    answer = {
      status,
      body: scimErrorBody({ status, scimType: null, message: code }),
      headers: status === 503 ? [["Retry-After", "5"]] : [],
    };
    if (status < 500) answer = { ...answer, body: scimErrorBody({ status, scimType: null, message }) };
  }
  const detail = answer.body !== null && "detail" in answer.body ? String(answer.body.detail) : null;
  const entry = {
    at: deps.context.clock(),
    provider,
    client: incoming.client,
    request: incoming.id,
    method: incoming.method,
    path,
    status: answer.status,
    detail,
  };
  deps.requests.add(entry);
  deps.context.log.info({ ...entry, at: undefined }, "scim");
  return toControlAnswer(answer);
}

async function judged(
  { settings, access, context }: ScimEndpointDeps,
  { visit, request, query, provider }: ControlRequest,
  path: string,
  baseUrl: string,
): Promise<ScimAnswer> {
  const { incoming } = visit;
  const known = settings.providers.find(({ id }) => id === provider);
  if (known === undefined || known.scim === null) return refusal(404, `the provider ${provider} has no SCIM here`);
  const verdict = await access.check(provider, headerOf(incoming, "authorization"), incoming.client);
  if (verdict === "too-many")
    return refusal(429, "too many requests with a wrong token", [["Retry-After", String(failureWindowMs / 1_000)]]);
  if (verdict === "refused")
    return refusal(401, "the bearer token is not one of those that are configured", [["WWW-Authenticate", 'Bearer realm="scim"']]);
  return serveScim(
    { ...context, provider, baseUrl },
    {
      // The body of HEAD's answer stays behind when it is sent.
      method: incoming.method === "HEAD" ? "GET" : incoming.method,
      path,
      query,
      ifMatch: headerOf(incoming, "if-match"),
      ifNoneMatch: headerOf(incoming, "if-none-match"),
      body: request.body === null ? null : await request.text(),
      request: incoming.id,
      client: incoming.client,
    },
  );
}

function refusal(status: number, message: string, headers: ScimAnswer["headers"] = []): ScimAnswer {
  return { status, body: scimErrorBody(new ScimError(status, null, message)), headers };
}

function toControlAnswer({ status, body, headers }: ScimAnswer): Answer {
  if (body === null) return { status, headers, body: "", close: false };
  return { ...jsonAnswer(status, body), headers: [["Content-Type", "application/scim+json; charset=utf-8"], ...headers] };
}
