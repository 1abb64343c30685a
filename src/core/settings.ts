import type { BrandImage, BrandingSettings } from "./branding.ts";
import type { DirectorySettings, GraphSettings, ScimSettings } from "./directory-settings.ts";
import type { HeadLimits, LimitSettings } from "./limits.ts";
import type { Origin } from "./origin.ts";
import type { TracingSettings } from "./ports/tracing.ts";
import type { PathSpec, PolicyTest, RuleSpec } from "./rules.ts";
import type { Secret } from "./secret.ts";
import type { ServiceTokenSettings } from "./service-tokens.ts";

/** The configuration as the rest of the program sees it: complete, defaults applied, inheritance resolved, units in names. */
export interface Settings {
  readonly listen: readonly ListenSettings[];
  readonly admin: Address & { /** Host names that it answers to, besides addresses and localhost. */ readonly names: readonly string[] };
  /** Number of processes; "auto" already resolved. */
  readonly workers: number;
  /** CIDR networks. */
  readonly trustedProxies: readonly string[];
  /** The file for audit events beside standard output; null = none. */
  readonly audit: { readonly file: string | null };
  /** Who may ask about requests of their own; null = no proxy. */
  readonly forwardAuth: { /** CIDR networks. */ readonly peers: readonly string[] } | null;
  /** Null = no traces. */
  readonly tracing: TracingSettings | null;
  readonly log: { readonly level: LogLevel; readonly format: "json" | "pretty" };
  readonly insecure: InsecureSettings;
  readonly limits: LimitSettings;
  readonly auth: { readonly origin: Origin; readonly locale: LocaleSettings };
  readonly branding: BrandingSettings;
  readonly sessions: SessionSettings;
  readonly providers: readonly ProviderSettings[];
  readonly apps: readonly AppSettings[];
  readonly directory: DirectorySettings | null;
  readonly portal: PortalSettings;
  readonly console: ConsoleSettings;
  readonly serviceTokens: readonly ServiceTokenSettings[];
  readonly personalTokens: PersonalTokenSettings | null;
  readonly tests: readonly PolicyTest[];
}
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";
export interface LocaleSettings {
  readonly default: string;
  readonly available: readonly string[];
  /** The sentences of `auth.locale.files` by language and key; what is missing falls back. */
  readonly sentences?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
/** What the auth origin's first page is. */
export interface PortalSettings {
  readonly enabled: boolean;
  /** Where that page leads instead. */
  readonly home: string | null;
}
/** How one app stands on the portal. */
export interface AppPortalSettings {
  readonly hidden: boolean;
  readonly description: string | null;
  readonly icon: BrandImage | null;
  readonly category: string | null;
}
export interface ConsoleSettings {
  /** Null = no sign-in with a token. */
  readonly token: Secret | null;
  /** The host of the app that publishes the console; that app is among `apps`. */
  readonly host: string | null;
}
export interface PersonalTokenSettings {
  readonly lifetimeMs: number;
  readonly perUser: number;
}
export interface Address {
  readonly host: string;
  readonly port: number;
}
export interface ListenSettings extends Address {
  /** Further ones are closed as they come; no limit when it is left out. */
  readonly maxConnections?: number;
  /** The same for one address (IPv6: one /64), trusted proxies aside; no limit when it is left out. */
  readonly maxConnectionsPerAddress?: number;
  /** Networks of proxies that speak for many visitors. */
  readonly trustedProxies?: readonly string[];
  /** What the parser takes of a request before its body; our own limits lie below it. */
  readonly maxHeadBytes?: number;
  readonly tls: { readonly certificates: readonly CertificateFiles[] } | null;
}
/** Paths, not contents: certificates are re-read when the files change. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Holes opened on purpose; each one set is logged at every start. */
export interface InsecureSettings {
  readonly plainHttp: boolean;
  readonly httpProviders: boolean;
  readonly literalSecrets: boolean;
  readonly plainLdap: boolean;
  readonly publicEmailDomains: boolean;
  readonly skipUpstreamVerify: boolean;
}

export interface SessionSettings {
  readonly store: { readonly kind: "memory" } | ({ readonly kind: "redis" } & RedisSettings);
  /** Newest first: the first seals, all open. */
  readonly secrets: readonly Secret[];
  readonly idleMs: number;
  readonly lifetimeMs: number;
  readonly perUser: number;
  /** How long a session verified just before is still believed while the store is silent; 0 = refuse at once. */
  readonly graceMs: number;
  /** Without the `__Host-` prefix, which is added over https. */
  readonly cookieName: string;
}
export interface RedisSettings {
  readonly target:
    | { readonly kind: "single"; readonly url: Secret }
    | { readonly kind: "sentinel"; readonly sentinels: readonly Address[]; readonly name: string }
    | { readonly kind: "cluster"; readonly nodes: readonly Address[] };
  readonly username: string | null;
  readonly password: Secret | null;
  readonly tls: { readonly ca: string | null; readonly serverName: string | null } | null;
  readonly keyPrefix: string;
}

export interface ProviderSettings {
  /** The key in the file. */
  readonly id: string;
  readonly name: string;
  /** Lower case. These addresses sign in here and nowhere else. */
  readonly emailDomains: readonly string[];
  readonly protocol: MethodSettings;
  readonly attributes: AttributeSettings;
  /** The provider's group ids to the names that rules use. */
  readonly groupNames: Readonly<Record<string, string>>;
  /** Between the groups of one text; absent or null = a text is one group. */
  readonly groupsSeparator?: string | null;
  /** Stands before every group of this provider in rules and headers; absent or null = nothing. */
  readonly groupsPrefix?: string | null;
  /** It provisions people; null = it does not. */
  readonly scim: ScimSettings | null;
  /** What Microsoft Graph is asked; null = nothing. */
  readonly graph: GraphSettings | null;
  /** `dns`: its mail domains count only while their TXT record is there. */
  readonly domainProof: "none" | "dns";
}
/** How a provider is spoken to, in the words of its login method; `kind` is the method's key in the file. */
export interface MethodSettings {
  readonly kind: string;
}
/** How what the provider says becomes an identity. Paths are claim or attribute paths: `realm_access.roles`. */
export interface AttributeSettings {
  readonly subject: string;
  readonly email: string;
  /** Paths or templates `"{given_name} {family_name}"`; the first that yields something wins. */
  readonly name: readonly string[];
  readonly groups: string | null;
  readonly extra: Readonly<Record<string, string>>;
}

export interface AppSettings {
  readonly name: string;
  /** Lower case; `*.acme.example` matches one label. */
  readonly hosts: readonly string[];
  /** As visitors see it; null = auth.origin's scheme and port with the request's host. */
  readonly origin: Origin | null;
  readonly providers: readonly string[];
  readonly session: { readonly idleMs: number; readonly lifetimeMs: number };
  readonly logoutPaths: readonly PathSpec[];
  /** A form that a login interrupts is kept and shown again. */
  readonly keepForms: boolean;
  /** How it stands on the portal; absent = plainly. */
  readonly portal?: AppPortalSettings;
  /** Of requests to this app. */
  readonly head: HeadLimits;
  /** `fold`: its server may fold names. `rawBytes`: escapes that are not UTF-8 (`%E9`) are let through. */
  readonly paths: { readonly fold: boolean; readonly rawBytes: boolean };
  /** Longest prefix first; the last is `/`. Everything a route did not say is already inherited. */
  readonly routes: readonly RouteSettings[];
}
export interface RouteSettings {
  /** `/` or `/admin` (no trailing slash): matches on segment borders. */
  readonly path: string;
  readonly upstreams: readonly { readonly url: string; readonly weight: number }[];
  readonly stripPath: boolean;
  readonly access: readonly RuleSpec[];
  readonly public: readonly PathSpec[];
  readonly optional: readonly PathSpec[];
  /** Providers whose JWTs are accepted; empty = none. */
  readonly bearer: readonly string[];
  /** A 401 names Basic, so that git, WebDAV and registry clients ask for a name and a token. */
  readonly basicChallenge: boolean;
  readonly headers: HeaderSettings;
  /** CORS preflights that the gateway answers itself; null leaves them to the rules and the app. */
  readonly preflight: PreflightSettings | null;
  readonly enforce: boolean;
  readonly proxy: ProxySettings;
}
/** Which pages of other origins may ask, and what. */
export interface PreflightSettings {
  /** As browsers write them. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeMs: number;
}
export interface HeaderSettings {
  readonly set: readonly IdentityHeaderSettings[];
  readonly encoding: "utf8" | "percent" | "rfc8187";
  readonly assertion: { readonly header: string } | null;
  /** Values that came from the environment or a file are secrets. */
  readonly request: HeaderEdits<string | Secret>;
  readonly response: HeaderEdits;
}
/** One identity header. `template` holds `{subject}`, `{email}`, `{groups}`, `{extra.x}` …; its names were checked at load. */
export interface IdentityHeaderSettings {
  readonly name: string;
  readonly template: string;
  /** For a list value: what stands between its members. */
  readonly separator: string;
  /** For a list value: keep members that match one of these (`app-*`); null = all. */
  readonly only: readonly string[] | null;
}
export interface HeaderEdits<V = string> {
  readonly remove: readonly string[];
  readonly set: Readonly<Record<string, V>>;
}
export interface ProxySettings {
  readonly preserveHost: boolean;
  readonly websocket: boolean;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  /** 0 = none. */
  readonly idleTimeoutMs: number;
  /** How long an idle connection may be used again; 0 = never. */
  readonly keepAliveMs: number;
  readonly maxRequestBodyBytes: number | null;
  /** The Destination of COPY and MOVE is written as this upstream is reached; false = as the visitor reaches it. */
  readonly rewriteDestination: boolean;
  /** Caches in front may keep answers that were made for one caller, as the application says. */
  readonly sharedCaches: boolean;
  readonly tls: {
    /** PEM texts. */
    readonly ca: string | null;
    readonly certificate: string | null;
    readonly key: Secret | null;
    readonly serverName: string | null;
    readonly insecureSkipVerify: boolean;
  };
}
