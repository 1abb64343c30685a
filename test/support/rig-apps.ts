/** Where the two apps of a rig and its auth origin are, on one port. */
export interface RigUrls {
  readonly wiki: string;
  readonly reports: string;
  readonly auth: string;
}

export const rigUrls = (port: number): RigUrls => ({
  wiki: `http://wiki.localhost:${port}`,
  reports: `http://reports.internal.localhost:${port}`,
  auth: `http://auth.localhost:${port}`,
});

export interface RigConfig {
  readonly port: number;
  readonly adminPort: number;
  /** Where visitors find it, when that is not `port`. */
  readonly publicPort?: number;
  /** Under `providers:`, indented by two. */
  readonly providers: string;
  /** The upstreams of the apps. */
  readonly upstreams: { readonly wiki: string; readonly reports: string };
}

/** What a test adds to it. */
export interface RigAdditions {
  /** Lines under `sessions:`; in memory unless they say otherwise. */
  readonly sessions?: string;
  /** Lines under the apps, indented by four. */
  readonly wiki?: string;
  readonly reports?: string;
  /** Further top-level YAML, or further apps, indented by two. */
  readonly top?: string;
}

/** The configuration of a rig: two apps on two root names, wiki for staff (its /admin for admins) and reports for any signed-in visitor. */
export function rigConfig(config: RigConfig, { sessions, wiki, reports, top }: RigAdditions): string {
  const { port, adminPort, publicPort = port, providers, upstreams } = config;
  return `version: 1
listen:
  - address: 127.0.0.1:${port}
admin: { address: 127.0.0.1:${adminPort} }
insecure: { plainHttp: true, httpProviders: true }
auth: { origin: "${rigUrls(publicPort).auth}" }
sessions:
  secret: [{ env: VESTIBULE_SECRET }]
${sessions ?? "  store: memory"}
providers:
${providers}
apps:
  - name: Wiki
    host: wiki.localhost
    upstream: ${upstreams.wiki}
    sharedSubjects: true
    access:
      - allow: { groups: [staff] }
    public: ["/healthz"]
    routes:
      - path: /admin
        access:
          - allow: { groups: [admins] }
${wiki ?? ""}
  - name: Reports
    host: reports.internal.localhost
    upstream: ${upstreams.reports}
    sharedSubjects: true
    access:
      - allow: { anyone: true }
${reports ?? ""}
${top ?? ""}
`;
}
