/** One identity header as the file may write it, complete. */
export interface IdentityHeaderFile {
  readonly value: string;
  readonly separator: string;
  readonly only: readonly string[] | null;
}
type Set = Readonly<Record<string, IdentityHeaderFile>>;

const one = (value: string, separator = ","): IdentityHeaderFile => ({ value, separator, only: null });
const remoteUser: Set = { "Remote-User": one("{subject}"), "Remote-Email": one("{email}"), "Remote-Name": one("{name}") };

/**
 * What well-known applications read, by the names of their own documentation; `docs/apps/` has what to switch on in each. An empty set is
 * an application that reads none: nothing is sent to it.
 */
export const headerPresets = {
  airflow: { "Remote-User": one("{subject}") },
  gitea: { "X-WEBAUTH-USER": one("{subject}"), "X-WEBAUTH-EMAIL": one("{email}"), "X-WEBAUTH-FULLNAME": one("{name}") },
  grafana: {
    "X-WEBAUTH-USER": one("{subject}"),
    "X-WEBAUTH-EMAIL": one("{email}"),
    "X-WEBAUTH-NAME": one("{name}"),
    "X-WEBAUTH-GROUPS": one("{groups}"),
  },
  "home-assistant": { "X-Forwarded-Preferred-Username": one("{subject}") },
  jenkins: {
    "X-Forwarded-User": one("{subject}"),
    "X-Forwarded-Mail": one("{email}"),
    "X-Forwarded-DisplayName": one("{name}"),
    "X-Forwarded-Groups": one("{groups}", "|"),
  },
  jupyter: { "Remote-User": one("{subject}") },
  kibana: { "es-security-runas-user": one("{subject}") },
  miniflux: { "Remote-User": one("{subject}") },
  netbox: { "Remote-User": one("{subject}"), "Remote-Email": one("{email}"), "Remote-Groups": one("{groups}", "|") },
  nextcloud: { ...remoteUser, "Remote-Groups": one("{groups}") },
  nexus: { "X-SSO-USER": one("{subject}") },
  "opensearch-dashboards": { "x-proxy-user": one("{subject}"), "x-proxy-roles": one("{groups}") },
  "paperless-ngx": { "Remote-User": one("{subject}") },
  prometheus: {},
  radicale: { "X-Remote-User": one("{subject}") },
  sonarqube: {
    "X-Forwarded-Login": one("{subject}"),
    "X-Forwarded-Name": one("{name}"),
    "X-Forwarded-Email": one("{email}"),
    "X-Forwarded-Groups": one("{groups}"),
  },
  superset: { "Remote-User": one("{subject}") },
  vaultwarden: {},
} as const satisfies Readonly<Record<string, Set>>;
export type HeaderPreset = keyof typeof headerPresets;

/** The identity headers that are sent: the preset's with those of `set` laid over them, else those of `set`, else the default ones. */
export function effectiveHeaders({
  preset,
  set,
}: {
  readonly preset?: HeaderPreset | null | undefined;
  readonly set?: Set | undefined;
}): Set {
  if (preset != null) return { ...headerPresets[preset], ...set };
  return set ?? Object.fromEntries(Object.entries(defaultIdentityHeaders).map(([name, value]) => [name, one(value)]));
}

/** The placeholders of a header template, or what is wrong with its braces. */
type Template = { readonly ok: true; readonly placeholders: readonly string[] } | { readonly ok: false; readonly why: string };

/** Placeholders that every identity can fill, `extra.x` aside. Tokens are sent only because a rule asks for them by name. */
export const placeholders = ["subject", "email", "name", "groups", "provider", "acr", "accessToken", "idToken"];

/** These need a directory. */
export const directoryPlaceholders = ["person", "roles", "teams", "manager"];

export function readTemplate(text: string): Template {
  const names = [...text.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? "");
  if (/[{}]/.test(text.replaceAll(/\{[^{}]*\}/g, ""))) return { ok: false, why: "a brace stands alone: placeholders are written {email}" };
  return { ok: true, placeholders: names };
}

/** What apps get when the file says nothing about identity headers. */
export const defaultIdentityHeaders: Readonly<Record<string, string>> = {
  "Remote-User": "{subject}",
  "Remote-Email": "{email}",
  "Remote-Name": "{name}",
  "Remote-Groups": "{groups}",
};
