import type { RedisSettings } from "../../src/core/settings.ts";
import type { FakeOidc } from "../support/fake-oidc.ts";
import type { App } from "./app.ts";

export interface RigOptions {
  /** Two, unless said otherwise. */
  readonly instances?: number;
  /** Of each instance: two, unless said otherwise; one where there is one instance, whose figures are those of one process. */
  readonly workers?: number;
  /** Lines under `sessions:`, indented by two. */
  readonly sessions?: string;
  readonly oidc?: string;
  /** Further providers, indented by two. */
  readonly providers?: string;
  /** Under the wiki app, indented by four. */
  readonly wiki?: string;
  readonly apps?: string;
  readonly top?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly redisOptions?: readonly string[];
  /** What stands at `store:`; the Redis behind the fault proxy when it is left out. */
  readonly store?: string;
  /** Where sessions are made, when that is not the Redis of the rig. */
  readonly target?: RedisSettings["target"];
  readonly waitForReady?: boolean;
  /** Where standard output goes, instead of to the rig. */
  readonly output?: string;
  /** Not through the fault proxy, which stands still whenever this process does. */
  readonly direct?: boolean;
  readonly idp?: FakeOidc;
}

export interface Places {
  readonly port: number;
  readonly adminPort: number;
  readonly publicPort: number;
  readonly idp: FakeOidc;
  readonly app: App;
}

export const instancesIn = ({ instances = 2 }: RigOptions) => instances;
export const workersIn = (options: RigOptions) => options.workers ?? (instancesIn(options) === 1 ? 1 : 2);

/** The file of one instance. */
export function configuration({ port, adminPort, publicPort, idp, app }: Places, options: RigOptions): string {
  return `version: 1
listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
workers: ${workersIn(options)}
insecure: { plainHttp: true, httpProviders: true }
auth: { origin: "http://auth.localhost:${publicPort}" }
sessions:
  store: ${options.store ?? "{ redis: { url: { env: REDIS_URL } } }"}
  secret: [{ env: VESTIBULE_SECRET }]
${options.sessions ?? ""}
providers:
  acme:
    name: Acme
    oidc:
      issuer: ${idp.issuer}
      clientId: ${idp.clientId}
      clientSecret: { env: CLIENT_SECRET }
${options.oidc ?? ""}
${options.providers ?? ""}
apps:
  - name: Wiki
    host: wiki.localhost
    upstream: ${app.url}
    sharedSubjects: true
    access:
      - allow: { groups: [staff] }
    public: ["/healthz"]
${options.wiki ?? ""}
${options.apps ?? ""}
${options.top ?? ""}
`;
}
