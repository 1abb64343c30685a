import type { Answer } from "../core/answer.ts";
import { GatewayError } from "../core/errors.ts";
import type { LoginDoor } from "../core/ports/login-door.ts";
import { jsonAnswer } from "./answers.ts";
import type { ControlRequest } from "./control-request.ts";
import { callbackEndpoint } from "./login/callback-endpoint.ts";
import { enterEndpoint } from "./login/enter-endpoint.ts";
import { loginEndpoint } from "./login/login-endpoint.ts";
import { postedCallbackEndpoint } from "./login/provider-answer.ts";
import { backchannelEndpoint } from "./logout/backchannel-endpoint.ts";
import { frontchannelEndpoint } from "./logout/frontchannel-endpoint.ts";
import { logoutEndpoint } from "./logout/logout-endpoint.ts";
import { signedOutEndpoint } from "./logout/signed-out-endpoint.ts";
import type { ControlParts } from "./parts.ts";
import { acsEndpoint } from "./saml/acs-endpoint.ts";
import { finishEndpoint } from "./saml/finish-endpoint.ts";
import { metadataEndpoint } from "./saml/metadata-endpoint.ts";
import { sloEndpoint } from "./saml/slo-endpoint.ts";
import { sessionEndpoint } from "./session-endpoint.ts";

type Handler = (parts: ControlParts, request: ControlRequest) => Answer | Promise<Answer>;

/** One address of the control plane: where it exists, and what it does for which method. */
export interface Endpoint {
  readonly path: string;
  readonly on: "auth" | "app" | "any";
  readonly methods: Readonly<Partial<Record<"GET" | "HEAD" | "POST", Handler>>>;
}

const under = "/_vestibule";
const oidc = `${under}/oidc/:provider`;
const saml = `${under}/saml/:provider`;

/** All of them. HEAD is answered only where GET changes nothing: mail scanners and link previews must not spend a ticket. */
export function controlEndpoints(door: LoginDoor): readonly Endpoint[] {
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
export function runEndpoint(endpoint: Endpoint, parts: ControlParts, request: ControlRequest): Answer | Promise<Answer> {
  const { site, incoming } = request.visit;
  const exists = endpoint.on === "any" || (endpoint.on === "auth" ? site.isAuth : site.app !== null);
  if (!exists) throw new GatewayError("request.not-found", `${endpoint.path} is not on this host`);
  const handler = Object.entries(endpoint.methods).find(([method]) => method === incoming.method)?.[1];
  if (handler === undefined) throw new GatewayError("request.method-not-allowed", `${incoming.method} ${endpoint.path}`);
  return handler(parts, request);
}
