import { noBranding } from "../../src/core/branding.ts";
import type { Identity, Known } from "../../src/core/identity.ts";
import type { Incoming } from "../../src/core/incoming.ts";
import type { RuleSpec } from "../../src/core/rules.ts";
import { makeSecret } from "../../src/core/secret.ts";
import type { Principal } from "../../src/core/session.ts";
import type { AppSettings, HeaderSettings, ProviderSettings, RouteSettings, Settings } from "../../src/core/settings.ts";
import { createReadIncoming, requestHead } from "../../src/http/read-incoming.ts";
import { parseNetworks } from "../../src/lib/networks.ts";
import { readPath } from "../../src/lib/path.ts";
export const anonymous: Identity = { kind: "anonymous" };

import type { OidcSettings } from "../../src/login/oidc/settings.ts";

export function aPrincipal(change: Partial<Principal> = {}): Principal {
  return {
    provider: "entra",
    subject: "s-1",
    email: "alice@acme.example",
    name: "Alice",
    groups: { kind: "known", names: ["staff"] },
    extra: {},
    claims: {},
    authenticatedAt: 0,
    acr: null,
    ...change,
  };
}

export function known(change: Partial<Principal> = {}, via: "session" | "bearer" = "session"): Known {
  const principal = aPrincipal(change);
  return via === "session"
    ? { kind: "known", principal, session: null, via }
    : { kind: "known", principal, session: null, via, expiresAt: Number.POSITIVE_INFINITY };
}

const readIncoming = createReadIncoming({ trusted: parseNetworks([]), clock: () => 0, newRequestId: () => "r-1" });

/** A GET of a page, read as the listener reads it; `change` is laid over what came out. */
export function anIncoming(change: Partial<Incoming> = {}): Incoming {
  const { method = "GET", hostname = "wiki.acme.example", path = "/", query = "" } = change;
  // What no parser would let through is judged all the same, as the path it says.
  const whole = readPath(path).ok ? path + query : `/${query}`;
  const target = whole.length > 8_192 ? path : whole;
  const fields = [["Host", hostname] as const, ["Accept", "text/html"] as const];
  const read = readIncoming(requestHead({ method, target, fields, address: "192.0.2.7", encrypted: true }));
  return { ...read, rawHeaders: [], ...change };
}

export function headerSettings(change: Partial<HeaderSettings> = {}): HeaderSettings {
  const rule = (name: string, template: string) => ({ name, template, separator: ",", only: null });
  return {
    set: [
      rule("Remote-User", "{subject}"),
      rule("Remote-Email", "{email}"),
      rule("Remote-Name", "{name}"),
      rule("Remote-Groups", "{groups}"),
    ],
    encoding: "utf8",
    assertion: null,
    request: { remove: [], set: {} },
    response: { remove: [], set: {} },
    ...change,
  };
}

export function aRoute(change: Partial<RouteSettings> = {}): RouteSettings {
  return {
    path: "/",
    upstreams: [{ url: "http://127.0.0.1:9", weight: 1 }],
    stripPath: false,
    access: [allow({ anyone: true })],
    public: [],
    optional: [],
    bearer: [],
    basicChallenge: false,
    headers: headerSettings(),
    preflight: null,
    enforce: true,
    proxy: {
      preserveHost: true,
      websocket: true,
      connectTimeoutMs: 5_000,
      headersTimeoutMs: 60_000,
      idleTimeoutMs: 60_000,
      keepAliveMs: 4_000,
      maxRequestBodyBytes: null,
      rewriteDestination: true,
      sharedCaches: false,
      tls: { ca: null, certificate: null, key: null, serverName: null, insecureSkipVerify: false },
    },
    ...change,
  };
}

export function anApp(change: Partial<AppSettings> = {}): AppSettings {
  return {
    name: "Wiki",
    hosts: ["wiki.acme.example"],
    origin: null,
    providers: ["entra"],
    session: { idleMs: 60_000, lifetimeMs: 60_000 },
    logoutPaths: [],
    keepForms: true,
    paths: { fold: true, rawBytes: false },
    head: { fields: 100, fieldBytes: 16 * 1024, targetBytes: 8 * 1024 },
    routes: [aRoute()],
    ...change,
  };
}

export function aProvider(id: string, emailDomains: readonly string[] = []): ProviderSettings {
  return {
    id,
    name: id,
    emailDomains,
    protocol: {
      kind: "oidc",
      issuer: `https://${id}.example`,
      clientId: "c",
      clientSecret: null,
      clientAuth: "none",
      privateKey: null,
      scopes: ["openid"],
      responseMode: "query",
      signingAlgorithms: [],
      prompt: null,
      maxAgeSeconds: null,
      acrValues: [],
      stepUpPrompt: true,
      bearerAudiences: [],
      userinfo: "auto",
      discovery: null,
      tenants: [],
      parameters: {},
      clientAssertionAudience: "issuer",
      decryptionKeys: [],
      logoutTokens: { requireExp: true, sidFromSub: false },
      refresh: false,
      pushedAuthorization: "auto",
      rpInitiatedLogout: true,
      clockToleranceMs: 0,
    } as OidcSettings,
    attributes: { subject: "sub", email: "email", name: ["name"], groups: "groups", extra: {} },
    groupNames: {},
    scim: null,
    graph: null,
    domainProof: "none",
  };
}

export function someSettings(apps: readonly AppSettings[], change: Partial<Settings> = {}): Settings {
  return {
    listen: [{ host: "127.0.0.1", port: 0, tls: null }],
    admin: { host: "127.0.0.1", port: 0, names: [] },
    workers: 1,
    trustedProxies: [],
    audit: { file: null },
    tracing: null,
    forwardAuth: null,
    log: { level: "info", format: "json" },
    insecure: {
      plainHttp: false,
      httpProviders: false,
      literalSecrets: false,
      plainLdap: false,
      publicEmailDomains: false,
      skipUpstreamVerify: false,
    },
    limits: {
      connections: 1_000,
      connectionsPerAddress: 1_000,
      requests: 1_000,
      loginsPerAddress: 1_000,
      loginsPerAddressAtOnce: 100,
      head: { fields: 100, fieldBytes: 16 * 1024, targetBytes: 8 * 1024 },
    },
    auth: { origin: { scheme: "https", hostname: "auth.acme.example", port: 443 }, locale: { default: "en", available: ["en"] } },
    branding: noBranding,
    serviceTokens: [],
    sessions: {
      store: { kind: "memory" },
      secrets: [makeSecret("x".repeat(32))],
      idleMs: 60_000,
      lifetimeMs: 60_000,
      perUser: 20,
      graceMs: 0,
      cookieName: "vestibule",
    },
    providers: [aProvider("entra", ["acme.example"]), aProvider("google")],
    apps,
    directory: null,
    portal: { enabled: true, home: null },
    console: { token: null, host: null },
    personalTokens: null,
    tests: [],
    ...change,
  };
}

export function allow(when: RuleSpec["when"], origin = "allow"): RuleSpec {
  return { effect: "allow", when, origin };
}

export function deny(when: RuleSpec["when"], origin = "deny"): RuleSpec {
  return { effect: "deny", when, origin };
}
