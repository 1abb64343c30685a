import { jsonAnswer } from "../control/answers.ts";
import { createOwnCookies } from "../control/browser-state.ts";
import type { Endpoint } from "../control/router.ts";
import type { BrandingSettings } from "../core/branding.ts";
import { formatOrigin } from "../core/origin.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { App } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";
import { createBrowserSessions, sessionEndpoint, signedInHere } from "../login/flow/browser-sessions.ts";
import { loginEndpoint } from "../login/flow/login-endpoint.ts";
import { keptFormEndpoint } from "../login/flow/login-redirect.ts";
import { createLoginStates } from "../login/flow/login-state.ts";
import type { FlowParts } from "../login/flow/parts.ts";
import { confirmEndpoint, enterEndpoint } from "../login/flow/ticket.ts";
import type { LoginMethod } from "../login/method.ts";
import { signedOutEndpoint } from "../logout/leave-providers.ts";
import { logoutEndpoint } from "../logout/logout-endpoint.ts";
import { type OwnDataDeps, ownDataEndpoint, type PortalDeps, portalEndpoint } from "../portal/portal-endpoint.ts";
import { ownSessionsEndpoints } from "../portal/sessions-endpoint.ts";

/** What the endpoints are made from: one configuration version, and what outlives it. */
export interface EndpointDeps extends Omit<FlowParts, "names" | "browserSessions" | "loginStates" | "portalApp" | "settings"> {
  readonly settings: Settings;
  readonly appsFor: PortalDeps["appsFor"];
  readonly tokens: SessionStore;
  /** Null without a directory. */
  readonly people: OwnDataDeps["people"];
  readonly methods: readonly LoginMethod[];
  readonly branding: BrandingSettings;
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
    portalApp: portalApp(deps.settings),
    names,
    browserSessions: createBrowserSessions({ sealer, names, authHost }),
    loginStates: createLoginStates({ sealer, names, authHost, clock }),
  };
  return [
    loginEndpoint(parts),
    enterEndpoint(parts),
    confirmEndpoint(parts),
    keptFormEndpoint(parts),
    sessionEndpoint(parts),
    logoutEndpoint(parts),
    portalEndpoint({ ...parts, portal: deps.settings.portal, appsFor: deps.appsFor, loginUrl: loginHere(deps.settings) }),
    ownDataEndpoint({ ...parts, ...namesOf(deps.settings), people: deps.people, loginUrl: loginHere(deps.settings) }),
    ...ownSessionsEndpoints({
      ...{ ...parts, ...namesOf(deps.settings), loginUrl: loginHere(deps.settings) },
      ...{ tokens: deps.tokens, personalTokens: deps.settings.personalTokens },
    }),
    signedOutEndpoint({ ...parts, signedInHere: (incoming) => signedInHere(parts, incoming) }),
    ...logoEndpoints(deps.branding),
    keysEndpoint(deps.assertionJwks),
    ...deps.methods.flatMap((method) => method.endpoints(parts, providersOf(method, deps.providers))),
  ];
}

/** What stands for an app where people sign in to see which apps they have: every provider, and the sessions' own limits. */
function portalApp({ branding, auth, providers, sessions, limits }: Settings): App {
  const { hostname } = auth.origin;
  return {
    id: hostname,
    settings: {
      ...{ name: branding.name ?? hostname, hosts: [hostname], origin: auth.origin, providers: providers.map(({ id }) => id) },
      session: { idleMs: sessions.idleMs, lifetimeMs: sessions.lifetimeMs },
      head: limits.head,
      ...{ logoutPaths: [], paths: { fold: true, rawBytes: false }, keepForms: false, routes: [] },
    },
    routes: [],
    ...{ isLogoutPath: () => false, namesMethods: false, branchesUnder: () => [], hasBranches: false, folded: null },
  };
}

/** The login that comes back to the auth origin's first page. */
const loginHere = ({ auth }: Settings) => `/_vestibule/login?return=${encodeURIComponent(`${formatOrigin(auth.origin)}/`)}`;

/** Providers and apps as visitors know them. */
function namesOf({ providers, apps }: Settings): { providerName(id: string): string; appName(id: string): string } {
  return {
    providerName: (id) => providers.find((provider) => provider.id === id)?.name ?? id,
    appName: (id) => apps.find(({ hosts }) => hosts[0] === id)?.name ?? id,
  };
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

/** The operators' logo, for each ground. By its content in the query, so a browser may keep it; a script in an SVG runs nowhere. */
function logoEndpoints({ logo }: BrandingSettings): readonly Endpoint[] {
  if (logo === null) return [];
  return (["light", "dark"] as const).map((ground): Endpoint => {
    const { type, bytes } = logo[ground];
    const headers = [
      ["Content-Type", type],
      ["Cache-Control", "public, max-age=86400"],
      ["Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"],
    ] as const;
    const run = () => ({ status: 200, headers, body: "", bytes, close: false });
    return { path: `/branding/logo-${ground}`, on: "any", methods: ["GET", "HEAD"], limited: false, urgent: false, run };
  });
}
