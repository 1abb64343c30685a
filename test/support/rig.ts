import { freePorts } from "./free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import { demoUsers, type OidcProviderOptions, type OidcUser, type RunningOidcProvider, startOidcProvider } from "./oidc-provider.ts";
import { type RecordingUpstream, startRecordingUpstream } from "./recording-upstream.ts";
import { type RigAdditions, type RigUrls, rigConfig, rigUrls } from "./rig-apps.ts";
import { firstForm, type Visitor, type VisitorAnswer } from "./visitor.ts";

/** A whole world on loopback: a certified provider, recording upstreams, and the product in a process of its own. */
export interface Rig {
  readonly gateway: GatewayProcess;
  readonly provider: RunningOidcProvider;
  readonly wiki: RecordingUpstream;
  readonly reports: RecordingUpstream;
  readonly port: number;
  readonly adminPort: number;
  readonly urls: RigUrls;
  /** The configuration in force at the start, to be changed and written again. */
  readonly yaml: string;
  close(): Promise<void>;
}
export interface RigOptions extends RigAdditions {
  readonly users?: readonly OidcUser[];
  readonly provider?: Partial<OidcProviderOptions>;
  /** Lines under `oidc:` of the provider, indented by six. */
  readonly oidc?: string;
  readonly env?: Record<string, string>;
  readonly client?: Readonly<Record<string, unknown>>;
}

export const rigSecret = "0123456789abcdef0123456789abcdef-rig";
export const clientSecret = "client-secret-of-the-rig-0123456789";

/** Two apps on two root names, wiki for staff (its /admin for admins) and reports for any signed-in visitor. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const wiki = await startRecordingUpstream();
  const reports = await startRecordingUpstream();
  const urls = rigUrls(port);
  const callback = `${urls.auth}/_vestibule/oidc/acme`;
  const provider = await startOidcProvider({
    users: options.users ?? demoUsers(),
    ...options.provider,
    clients: [
      {
        client_id: "vestibule",
        client_secret: clientSecret,
        redirect_uris: [`${callback}/callback`],
        post_logout_redirect_uris: [`${urls.auth}/_vestibule/signed-out`],
        backchannel_logout_uri: `${callback}/backchannel-logout`,
        backchannel_logout_session_required: true,
        ...options.client,
      },
    ],
  });
  const yaml = rigYaml({ port, adminPort, issuer: provider.issuer, wiki: wiki.url, reports: reports.url }, options);
  const gateway = await startGatewayProcess({
    yaml,
    adminPort,
    env: { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: clientSecret, ...options.env },
  });
  return {
    gateway,
    provider,
    wiki,
    reports,
    port,
    adminPort,
    urls,
    yaml,
    close: async () => {
      await gateway.stop();
      await Promise.all([provider.close(), wiki.close(), reports.close()]);
    },
  };
}

/** The configuration of the rig on other ports: for a second instance beside the first. */
export function rigYaml(
  at: { port: number; adminPort: number; issuer: string; wiki: string; reports: string; publicPort?: number },
  options: RigOptions = {},
): string {
  const providers = `  acme:
    name: Acme
    oidc:
      issuer: ${at.issuer}
      clientId: vestibule
      clientSecret: { env: CLIENT_SECRET }
${options.oidc ?? ""}`;
  return rigConfig({ ...at, providers, upstreams: at }, options);
}

/** Fills in the provider's login page that `page` shows and follows the way back to the app. */
export async function signInAt(visitor: Visitor, page: VisitorAnswer, login: string): Promise<VisitorAnswer> {
  const form = firstForm(page);
  return visitor.browse(form.action, { form: { ...form.fields, login, password: login } });
}

/** Opens `url` as a stranger and comes back signed in as `login`. */
export async function signIn(visitor: Visitor, url: string, login: string): Promise<VisitorAnswer> {
  return signInAt(visitor, await visitor.browse(url), login);
}
