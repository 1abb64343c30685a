import { jsonAnswer } from "../control/answers.ts";
import type { Endpoint } from "../control/endpoint.ts";
import { createOwnCookies } from "../control/own-cookies.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import { createBrowserSessions } from "../login/flow/browser-sessions.ts";
import { keptFormEndpoint } from "../login/flow/kept-form.ts";
import { loginEndpoint } from "../login/flow/login-endpoint.ts";
import { createLoginStates } from "../login/flow/login-state.ts";
import type { FlowParts } from "../login/flow/parts.ts";
import { sessionEndpoint } from "../login/flow/session-endpoint.ts";
import { enterEndpoint } from "../login/flow/ticket.ts";
import type { LoginMethod } from "../login/method.ts";
import { logoutEndpoint } from "../logout/logout-endpoint.ts";
import { signedOutEndpoint } from "../logout/signed-out-endpoint.ts";

/** What the endpoints are made from: one configuration version, and what outlives it. */
export interface EndpointDeps extends Omit<FlowParts, "names" | "browserSessions" | "loginStates"> {
  readonly methods: readonly LoginMethod[];
  /** The public keys of the signed assertion header, as a JWK set. */
  readonly assertionJwks: () => object;
}

/** Every address under `/_vestibule/`: the shared ones, and each login method's own. */
export function composeEndpoints(deps: EndpointDeps): readonly Endpoint[] {
  const { sealer, clock } = deps;
  const names = createOwnCookies(deps.cookies);
  const authHost = deps.settings.auth.origin.hostname;
  const parts: FlowParts = {
    ...deps,
    names,
    browserSessions: createBrowserSessions({ sealer, names, authHost }),
    loginStates: createLoginStates({ sealer, names, authHost, clock }),
  };
  return [
    loginEndpoint(parts),
    enterEndpoint(parts),
    keptFormEndpoint(parts),
    sessionEndpoint(parts),
    logoutEndpoint(parts),
    signedOutEndpoint(parts),
    keysEndpoint(deps.assertionJwks),
    ...deps.methods.flatMap((method) => method.endpoints(parts, providersOf(method, deps.providers))),
  ];
}

/** A method's own providers: what each of them can do besides the general port, only its method knows. */
function providersOf({ id }: LoginMethod, providers: FlowParts["providers"]): ReadonlyMap<string, LoginProvider> {
  return new Map([...providers].filter(([, { kind }]) => kind === id));
}

/** The keys of the signed assertion header: public, and the same on every host. */
function keysEndpoint(jwks: () => object): Endpoint {
  const headers = [
    ["Cache-Control", "public, max-age=300"],
    ["Cross-Origin-Resource-Policy", "cross-origin"],
  ] as const;
  const run = () => jsonAnswer(200, jwks(), headers);
  return { path: "/jwks.json", on: "app", methods: ["GET", "HEAD"], limited: false, urgent: false, run };
}
