import type { DirectorySettings } from "../../core/directory-settings.ts";
import type { HeadLimits, LimitSettings } from "../../core/limits.ts";
import type { TracingSettings } from "../../core/ports/tracing.ts";
import type { PolicyTest } from "../../core/rules.ts";
import type { RedisSettings, SessionSettings, Settings } from "../../core/settings.ts";
import type { ConfigFile, TestFile } from "../schema/file.ts";
import type { References } from "../values/references.ts";
import { appSettings } from "./apps.ts";
import { consoleApp } from "./console.ts";
import { bareRecord, type SettingsContext } from "./context.ts";
import { brandingSettings, localeSettings } from "./pages.ts";
import { providerSettings } from "./providers.ts";

/** The file as the rest of the program sees it. Only for a file without problems. */
export function toSettings(context: SettingsContext): Settings {
  const { file, references } = context;
  const limits = limitSettings(file.limits);
  const apps = [...file.apps.map((app, at) => appSettings(app, ["apps", at], context)), ...consoleApp(context, limits.head)];
  return {
    listen: file.listen.map(({ address, tls }) => ({
      ...address,
      maxConnections: file.limits.connections,
      maxConnectionsPerAddress: limits.connectionsPerAddress,
      trustedProxies: file.trustedProxies,
      maxHeadBytes: maxHeadBytes([limits.head, ...apps.map((app) => app.head)]),
      tls: tls == null ? null : { certificates: certificates(tls, references) },
    })),
    admin: { ...file.admin.address, names: [...file.admin.names, ...(file.console.host === null ? [] : [file.console.host])] },
    workers: file.workers === "auto" ? Math.max(1, navigator.hardwareConcurrency) : file.workers,
    trustedProxies: file.trustedProxies,
    log: file.log,
    audit: { file: file.audit.file === null ? null : references.absolute(file.audit.file.file) },
    forwardAuth: file.forwardAuth,
    tracing: tracingSettings(file.tracing, references),
    insecure: file.insecure,
    limits,
    auth: { origin: file.auth.origin, locale: localeSettings(file.auth, references) },
    branding: brandingSettings(file.branding, references),
    sessions: sessionSettings(file.sessions, references),
    providers: Object.entries(file.providers).map(([id, provider]) => providerSettings(id, provider, context)),
    apps: apps,
    portal: file.portal,
    console: { token: file.console.token === null ? null : references.secret(file.console.token), host: file.console.host },
    serviceTokens: Object.entries(file.serviceTokens).map(([name, { hash, groups, networks, expires }]) => {
      return { name, sha256: hash.slice("sha256:".length), groups, networks, expiresAt: expires };
    }),
    personalTokens:
      file.personalTokens === null ? null : { lifetimeMs: file.personalTokens.lifetime, perUser: file.personalTokens.perUser },
    directory: directorySettings(file.directory, references),
    tests: file.tests.map((test, at) => policyTest(test, context.placeOf(["tests", at]))),
  };
}

function tracingSettings(tracing: ConfigFile["tracing"], references: References): TracingSettings | null {
  if (tracing === null) return null;
  const headers = Object.entries(tracing.headers).map(([name, value]) => [name, references.secret(value)] as const);
  return { url: tracing.otlp, sample: tracing.sample, headers: bareRecord(headers) };
}

function limitSettings({ headerFields, headerBytes, targetBytes, ...limits }: ConfigFile["limits"]): LimitSettings {
  return {
    ...limits,
    connectionsPerAddress: limits.connectionsPerAddress ?? Math.ceil(limits.connections / 2),
    head: { fields: headerFields, fieldBytes: headerBytes, targetBytes },
  };
}

/** Room beyond the largest limits, so that they answer (414, 431) rather than the parser. */
function maxHeadBytes(heads: readonly HeadLimits[]): number {
  return Math.max(...heads.map(({ fieldBytes, targetBytes }) => fieldBytes + targetBytes)) + 8 * 1024;
}

type TlsFile = NonNullable<ConfigFile["listen"][number]["tls"]>;

function certificates(tls: TlsFile, references: References) {
  return tls.certificates.map(({ certificate, key }) => ({
    certificateFile: references.path(certificate),
    keyFile: references.path(key),
  }));
}

function sessionSettings(sessions: ConfigFile["sessions"], references: References): SessionSettings {
  const { store } = sessions;
  return {
    store: store === "memory" ? { kind: "memory" } : { kind: "redis", ...redisSettings(store.redis, references) },
    secrets: sessions.secret.map((reference) => references.secret(reference)),
    idleMs: sessions.idle,
    lifetimeMs: sessions.lifetime,
    perUser: sessions.perUser,
    graceMs: sessions.whenStoreIsDown.grace,
    cookieName: sessions.cookie.name,
  };
}

type RedisFile = Exclude<ConfigFile["sessions"]["store"], "memory">["redis"];

function redisSettings(redis: RedisFile, references: References): RedisSettings {
  return {
    target: redisTarget(redis, references),
    username: redis.username,
    password: redis.password === null ? null : references.secret(redis.password),
    tls: redisTls(redis.tls, references),
    keyPrefix: redis.keyPrefix,
  };
}

function redisTarget(redis: RedisFile, references: References): RedisSettings["target"] {
  if (redis.url !== undefined) return { kind: "single", url: references.secret(redis.url) };
  if (redis.sentinels !== undefined) return { kind: "sentinel", sentinels: redis.sentinels, name: redis.name ?? "" };
  return { kind: "cluster", nodes: redis.cluster ?? [] };
}

function redisTls(tls: RedisFile["tls"], references: References): RedisSettings["tls"] {
  if (tls === null || tls === false) return null;
  if (tls === true) return { ca: null, serverName: null };
  return { ca: tls.ca === null ? null : references.pem(tls.ca), serverName: tls.serverName };
}

function policyTest(test: TestFile, origin: string): PolicyTest {
  const { as, method, url, address, at, expect } = test;
  return { as: as === null ? null : visitor(as), method, url, address, at, expect, origin };
}

function visitor(as: NonNullable<TestFile["as"]>): NonNullable<PolicyTest["as"]> {
  return {
    subject: as.subject ?? null,
    email: as.email ?? null,
    name: as.name ?? null,
    groups: as.groups,
    provider: as.provider ?? null,
    acr: as.acr ?? null,
    claims: bareRecord(Object.entries(as.claims)),
  };
}

/** The directory with its file named in full; null where the gateway keeps no people itself. */
export function directorySettings(directory: ConfigFile["directory"], references: References): DirectorySettings | null {
  if (directory === null) return null;
  const { store, attributes, roles, teams, ...same } = directory;
  return {
    ...same,
    store: typeof store === "string" ? { kind: store } : { kind: "sqlite", file: references.absolute(store.sqlite.file) },
    attributes: bareRecord(Object.entries(attributes)),
    roles: bareRecord(Object.entries(roles)),
    teams: { ...teams, names: bareRecord(Object.entries(teams.names)) },
  };
}
