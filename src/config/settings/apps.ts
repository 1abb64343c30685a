import { formatOrigin } from "../../core/origin.ts";
import type { RuleSpec } from "../../core/rules.ts";
import { makeSecret, type Secret } from "../../core/secret.ts";
import type {
  AppPortalSettings,
  AppSettings,
  HeaderSettings,
  IdentityHeaderSettings,
  PreflightSettings,
  ProxySettings,
  RouteSettings,
} from "../../core/settings.ts";
import { methods } from "../../login/methods.ts";
import type { KeyPath } from "../problems/report.ts";
import type { RuleFile } from "../schema/access.ts";
import {
  type AppFile,
  type HeadersFile,
  type InheritableFile,
  type ProxyFile,
  proxy as proxySchema,
  type RequestValueFile,
  simpleHeaders,
  simpleSettings,
  upstreamTls,
} from "../schema/apps.ts";
import { effectiveHeaders, type IdentityHeaderFile } from "../schema/header-presets.ts";
import { methodOf } from "../schema/providers.ts";
import type { References } from "../values/references.ts";
import { filled } from "../values/schema-values.ts";
import { bareRecord, type SettingsContext } from "./context.ts";
import { type ResolvedRoute, resolveRoutes } from "./inheritance.ts";
import { brandImage } from "./pages.ts";

/** One app with its defaults applied and its routes complete. */
export function appSettings(app: AppFile, path: KeyPath, context: SettingsContext): AppSettings {
  const hosts = app.host === undefined ? (app.hosts ?? []) : [app.host];
  const { sessions, providers, limits } = context.file;
  const lifetimeMs = app.session.lifetime ?? sessions.lifetime;
  return {
    name: app.name ?? hosts[0] ?? "",
    hosts,
    origin: app.origin,
    providers: withFallbacks(app.providers ?? Object.keys(providers), providers),
    session: { idleMs: Math.min(app.session.idle ?? sessions.idle, lifetimeMs), lifetimeMs },
    logoutPaths: app.logoutPaths,
    keepForms: app.keepForms,
    portal: portalOf(app.portal, context.references),
    paths: app.paths,
    head: {
      fields: app.limits.headerFields ?? limits.headerFields,
      fieldBytes: app.limits.headerBytes ?? limits.headerBytes,
      targetBytes: app.limits.targetBytes ?? limits.targetBytes,
    },
    routes: resolveRoutes(app, path).map((route) => routeSettings(route, context)),
  };
}

/** The providers that an app names, and those that take over from them. */
function withFallbacks(names: readonly string[], providers: SettingsContext["file"]["providers"]): readonly string[] {
  const led = names.flatMap((name) => {
    const provider = providers[name];
    if (provider === undefined) return [];
    return Object.values(methods).flatMap((method) => {
      const file = methodOf(provider, method.id);
      return file === undefined ? [] : (method.leadsTo?.(file) ?? []);
    });
  });
  return [...new Set([...names, ...led])];
}

function portalOf({ icon, ...portal }: AppFile["portal"], references: References): AppPortalSettings {
  return { ...portal, icon: icon === null ? null : brandImage(references.bytes(icon)) };
}

function routeSettings(route: ResolvedRoute, context: SettingsContext): RouteSettings {
  const { upstream = [], access, headers = {}, proxy = {}, ...said } = route.says;
  const own = filled(simpleSettings, said);
  return {
    ...own,
    path: route.path,
    upstreams: upstream,
    access: accessRules(access, route.saidAt("access"), context),
    bearer: [...new Set(own.bearer)],
    preflight: preflightSettings(own.preflight),
    headers: headerSettings(headers, context.references),
    proxy: proxySettings(proxy, context.references),
  };
}

function preflightSettings(preflight: NonNullable<InheritableFile["preflight"]> | null): PreflightSettings | null {
  if (preflight === null) return null;
  const { origins, methods, headers, credentials, maxAge } = preflight;
  return { origins: origins.map(formatOrigin), methods, headers, credentials, maxAgeMs: maxAge };
}

function accessRules(access: InheritableFile["access"], path: KeyPath, context: SettingsContext): readonly RuleSpec[] {
  if (access === undefined) return [];
  if (typeof access !== "string") return withPlaces(access, path, context);
  const { policies } = context.file;
  const rules = Object.hasOwn(policies, access) ? (policies[access] ?? []) : [];
  return withPlaces(rules, ["policies", access], context);
}

export function withPlaces(rules: readonly RuleFile[], path: KeyPath, context: SettingsContext): readonly RuleSpec[] {
  return rules.map((rule, at) => ({ effect: rule.effect, when: rule.when, origin: context.placeOf([...path, at]) }));
}

export function headerSettings(headers: HeadersFile, references: References): HeaderSettings {
  return {
    set: Object.entries(effectiveHeaders(headers)).map(([name, header]) => identityHeader(name, header)),
    ...filled(simpleHeaders, { encoding: headers.encoding, assertion: headers.assertion }),
    request: {
      remove: headers.request?.remove ?? [],
      set: bareRecord(Object.entries(headers.request?.set ?? {}).map(([name, value]) => [name, requestValue(value, references)] as const)),
    },
    response: { remove: headers.response?.remove ?? [], set: bareRecord(Object.entries(headers.response?.set ?? {})) },
  };
}

function requestValue(value: RequestValueFile, references: References): string | Secret {
  if (value.kind === "text") return value.text;
  if (value.kind === "secret") return references.secret(value);
  const credentials = `${value.basic.user}:${references.secret(value.basic.password).reveal()}`;
  return makeSecret(`Basic ${Buffer.from(credentials, "utf8").toString("base64")}`);
}

function identityHeader(name: string, header: IdentityHeaderFile): IdentityHeaderSettings {
  return { name, template: header.value, separator: header.separator, only: header.only };
}

export function proxySettings(proxy: ProxyFile, references: References): ProxySettings {
  const said = filled(proxySchema, { ...proxy, tls: proxy.tls ?? {} });
  const tls = filled(upstreamTls, said.tls);
  return {
    preserveHost: said.preserveHost,
    websocket: said.websocket,
    connectTimeoutMs: said.connectTimeout,
    headersTimeoutMs: said.headersTimeout,
    idleTimeoutMs: said.idleTimeout,
    keepAliveMs: said.keepAlive,
    maxRequestBodyBytes: said.maxRequestBody,
    sharedCaches: said.sharedCaches,
    rewriteDestination: said.rewriteDestination,
    tls: {
      ca: tls.ca === null ? null : references.pem(tls.ca),
      certificate: tls.certificate === null ? null : references.pem(tls.certificate),
      key: tls.key === null ? null : references.secret(tls.key),
      serverName: tls.serverName,
      insecureSkipVerify: tls.insecureSkipVerify,
    },
  };
}
