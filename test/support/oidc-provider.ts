import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";
import { createMemoryAdapter } from "oidc-provider/lib/adapters/memory_adapter.js";
import { Agent, type RequestInit as UndiciRequestInit, fetch as undiciFetch } from "undici";
import { freePort } from "./free-port.ts";
import { loginPage, logoutPage } from "./oidc-provider-pages.ts";

/** Somebody who can sign in. Their claims are read at every userinfo request: change them to see a refresh at work. */
export interface OidcUser {
  /** What is typed in; also found by e-mail address. */
  readonly login: string;
  readonly password: string;
  /** Claims but `sub`, which is the login. */
  claims: Record<string, unknown>;
}
export interface OidcClient {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly redirect_uris: readonly string[];
  readonly post_logout_redirect_uris?: readonly string[];
  /** Anything else of the registration metadata: `token_endpoint_auth_method`, `jwks`, `backchannel_logout_uri` … */
  readonly [member: string]: unknown;
}
export interface OidcProviderOptions {
  readonly clients: readonly OidcClient[];
  readonly users?: readonly OidcUser[];
  /** Default: a free one. */
  readonly port?: number;
  /** The issuer's host name, 127.0.0.1 or localhost: what the gateway and the browser both reach. */
  readonly host?: string;
  readonly accessTokenSeconds?: number;
  /** Refresh tokens are used once (default). */
  readonly rotate?: boolean;
  readonly requirePushed?: boolean;
  /** Values that a login may be asked for; the first asked for is the one given. */
  readonly acrValues?: readonly string[];
  readonly title?: string;
  /** Laid over the configuration of `oidc-provider`. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}
export interface RunningOidcProvider {
  readonly issuer: string;
  readonly port: number;
  readonly users: Map<string, OidcUser>;
  /** Requests by method and path, `POST /token`, in order. */
  readonly requests: readonly string[];
  /** What the provider reported: `backchannel.success`, `grant.error: …`. */
  readonly events: readonly string[];
  close(): Promise<void>;
}

const loopback = new Agent({ connect: { lookup: (_host, _options, found) => found(null, [{ address: "127.0.0.1", family: 4 }]) } });

/** alice (staff, admins), bob (staff) and carol (no group at all), each with their name as password. */
export function demoUsers(domain = "acme.example"): OidcUser[] {
  const person = (login: string, name: string, groups: readonly string[] | null): OidcUser => {
    const [given_name, family_name] = name.split(" ");
    const claims = { name, given_name, family_name, email: `${login}@${domain}`, email_verified: true };
    return { login, password: login, claims: groups === null ? claims : { ...claims, groups } };
  };
  return [person("alice", "Alice Archer", ["staff", "admins"]), person("bob", "Bob Baker", ["staff"]), person("carol", "Carol Cook", null)];
}

/**
 * The certified `oidc-provider` on loopback. Its login page is a plain HTML form (`login`, `password`, posted to its own address) and
 * consent is given silently, so that a test signs in with two HTTP requests and no browser.
 */
export async function startOidcProvider(options: OidcProviderOptions): Promise<RunningOidcProvider> {
  const port = options.port ?? (await freePort());
  const issuer = `http://${options.host ?? "127.0.0.1"}:${port}`;
  const users = new Map((options.users ?? demoUsers()).map((user) => [user.login, user]));
  const requests: string[] = [];
  const events: string[] = [];
  const provider = new Provider(issuer, await configurationOf(options, users));
  for (const name of ["backchannel.success", "backchannel.error", "grant.error", "authorization.error", "server_error", "userinfo.error"]) {
    provider.on(name, (...args) => events.push(`${name}: ${String(args.find((arg) => arg instanceof Error) ?? "")}`));
  }
  const handle = provider.callback();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", issuer);
    requests.push(`${request.method} ${pathname}`);
    if (pathname.startsWith("/interaction/")) {
      interact(provider, users, options, request, response).catch((error: unknown) => {
        events.push(`interaction: ${String(error)}`);
        response.writeHead(400, { "content-type": "text/plain" }).end("This login has expired.");
      });
    } else handle(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    issuer,
    port: (server.address() as AddressInfo).port,
    users,
    requests,
    events,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function configurationOf(options: OidcProviderOptions, users: ReadonlyMap<string, OidcUser>): Promise<Record<string, unknown>> {
  const profile = new Set([
    "name",
    "given_name",
    "family_name",
    "groups",
    "department",
    "picture",
    ...[...users.values()].flatMap(({ claims }) => Object.keys(claims)),
  ]);
  for (const name of ["email", "email_verified"]) profile.delete(name);
  return {
    adapter: createMemoryAdapter(15),
    clients: options.clients.map((client) => ({
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      ...client,
    })),
    jwks: { keys: await signingKeys() },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: [...profile],
      acr: null,
      auth_time: null,
      iss: null,
      sid: null,
    },
    acrValues: options.acrValues ?? [],
    scopes: ["openid", "offline_access"],
    findAccount: (_context: unknown, sub: string) => {
      const user = users.get(sub);
      return user === undefined ? undefined : { accountId: sub, claims: async () => ({ ...user.claims, sub }) };
    },
    issueRefreshToken: async (_context: unknown, client: { grantTypeAllowed(type: string): boolean }) =>
      client.grantTypeAllowed("refresh_token"),
    rotateRefreshToken: () => options.rotate !== false,
    loadExistingGrant: silentConsent,
    interactions: { url: (_context: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      encryption: { enabled: true }, // so that the key for encryption is published too
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: options.requirePushed === true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (context: { body: string }, form: string) => {
          context.body = logoutPage(form, options.title);
        },
      },
    },
    ttl: {
      AccessToken: options.accessTokenSeconds ?? 3600,
      AuthorizationCode: 60,
      IdToken: 3600,
      Interaction: 3600,
      Grant: 86_400,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    // It refuses loopback addresses by the dispatcher it passes along; here every name is on loopback, *.localhost too.
    fetch: (url: string, init: UndiciRequestInit) => undiciFetch(url, { ...init, dispatcher: loopback }),
    renderError: (context: { type: string; body: string }, out: Record<string, string>) => {
      context.type = "text/plain";
      context.body = Object.entries(out)
        .map(([name, value]) => `${name}: ${value}`)
        .join("\n");
    },
    ...options.configuration,
  };
}

/** Two keys to sign with, and one for encryption that must be ignored. */
async function signingKeys(): Promise<Record<string, unknown>[]> {
  const make = async (alg: string, members: Record<string, string>) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    return { ...(await exportJWK(privateKey)), ...members };
  };
  return Promise.all([
    make("RSA-OAEP-256", { kid: "encryption", use: "enc" }),
    make("ES256", { kid: "elliptic", use: "sig" }),
    make("RS256", { kid: "rsa", use: "sig" }),
  ]);
}

interface SilentContext {
  readonly oidc: {
    readonly provider: Provider;
    readonly client: { readonly clientId: string };
    readonly session: { readonly accountId: string; grantIdFor(clientId: string): string | undefined };
    readonly params: { readonly scope?: string };
  };
}
async function silentConsent({ oidc }: SilentContext): Promise<unknown> {
  const existing = oidc.session.grantIdFor(oidc.client.clientId);
  const found = existing === undefined ? undefined : await oidc.provider.Grant.find(existing);
  if (found !== undefined) return found;
  const grant = new oidc.provider.Grant({ accountId: oidc.session.accountId, clientId: oidc.client.clientId });
  grant.addOIDCScope("openid profile email offline_access");
  await grant.save();
  return grant;
}

async function interact(
  provider: Provider,
  users: ReadonlyMap<string, OidcUser>,
  options: OidcProviderOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (prompt.name !== "login") throw new Error(`unexpected prompt ${prompt.name}`);
  const show = (status: number, typed: string, problem: string | null) =>
    response
      .writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" })
      .end(loginPage({ title: options.title ?? "Sign in", action: request.url ?? "", typed, problem, users: [...users.values()] }));
  if (request.method !== "POST") {
    show(200, typeof params.login_hint === "string" ? params.login_hint : "", null);
    return;
  }
  const form = new URLSearchParams(await textOf(request));
  if (form.has("cancel")) {
    const refusal = { error: "access_denied", error_description: "the person cancelled the login" };
    return provider.interactionFinished(request, response, refusal, { mergeWithLastSubmission: false });
  }
  const typed = form.get("login") ?? "";
  const user = users.get(typed) ?? [...users.values()].find(({ claims }) => claims.email === typed);
  if (user === undefined || form.get("password") !== user.password) {
    show(401, typed, "Unknown user or wrong password.");
    return;
  }
  const wanted = String(params.acr_values ?? "").split(" ");
  const acr = wanted.find((value) => options.acrValues?.includes(value)) ?? options.acrValues?.[0];
  const login = { accountId: user.login, remember: true, ...(acr === undefined ? {} : { acr }) };
  await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
