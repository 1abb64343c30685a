import type { TestCertificate } from "./certificates.ts";
import { freePorts } from "./free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import type { OidcUser } from "./oidc-provider.ts";
import { type RecordingUpstream, startRecordingUpstream } from "./recording-upstream.ts";
import { rigSecret } from "./rig.ts";
import { type RigAdditions, type RigUrls, rigConfig, rigUrls } from "./rig-apps.ts";
import { type SamlIdp, type SamlIdpBehaviour, startSamlIdp } from "./saml-idp.ts";
import { makeSamlKey } from "./saml-keys.ts";
import { firstForm, newVisitor, type Visitor, type VisitorAnswer } from "./visitor.ts";

/** A whole world on loopback with a SAML provider: real XML both ways, recording upstreams, the product in a process of its own. */
export interface SamlRig {
  readonly gateway: GatewayProcess;
  readonly idp: SamlIdp;
  readonly wiki: RecordingUpstream;
  readonly reports: RecordingUpstream;
  readonly ownKey: TestCertificate;
  readonly port: number;
  readonly adminPort: number;
  readonly urls: RigUrls & { readonly saml: string };
  /** The same configuration on other ports, for a second instance behind the same public address. */
  yamlAt(at: { readonly port: number; readonly adminPort: number }): string;
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}
export interface SamlRigOptions extends RigAdditions {
  readonly users?: readonly OidcUser[];
  readonly behaviour?: Partial<SamlIdpBehaviour>;
  /** Lines under `saml:`, indented by six. */
  readonly saml?: string;
  /** Further providers, indented by two. */
  readonly providers?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The two apps of every rig. */
export async function startSamlRig(options: SamlRigOptions = {}): Promise<SamlRig> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const urls = rigUrls(port);
  const saml = `${urls.auth}/_vestibule/saml/campus`;
  const ownKey = await makeSamlKey("vestibule");
  const [wiki, reports] = await Promise.all([startRecordingUpstream(), startRecordingUpstream()]);
  const idp = await startSamlIdp({
    sp: { entityId: `${saml}/metadata`, acsUrl: `${saml}/acs`, sloUrl: `${saml}/slo`, certificate: ownKey.certificate },
    ...(options.users === undefined ? {} : { users: options.users }),
    behaviour: options.behaviour ?? {},
  });
  const env = { VESTIBULE_SECRET: rigSecret, SAML_CERTIFICATE: ownKey.certificate, SAML_KEY: ownKey.key, ...options.env };
  const upstreams = { wiki: wiki.url, reports: reports.url };
  const yamlAt = (at: { readonly port: number; readonly adminPort: number }) =>
    rigConfig({ ...at, publicPort: port, providers: providersOf(idp.metadataUrl, options), upstreams }, options);
  const gateway = await startGatewayProcess({ yaml: yamlAt({ port, adminPort }), adminPort, env });
  return {
    gateway,
    idp,
    wiki,
    reports,
    ownKey,
    port,
    adminPort,
    urls: { ...urls, saml },
    yamlAt,
    env,
    close: async () => {
      await gateway.stop();
      await Promise.all([idp.close(), wiki.close(), reports.close()]);
    },
  };
}

function providersOf(metadata: string, { saml, providers }: SamlRigOptions): string {
  return `  campus:
    name: Campus
    emailDomains: [acme.example]
    saml:
      metadata: ${metadata}
      keys: [{ certificate: { env: SAML_CERTIFICATE }, key: { env: SAML_KEY } }]
${saml ?? ""}
${providers ?? ""}`;
}

/** Posts the form on `page` as browsers do from another site: without any Lax cookie. Answers what came back, redirects not followed. */
export function postForm(page: VisitorAnswer): Promise<VisitorAnswer> {
  const form = firstForm(page);
  const headers = { "sec-fetch-site": "cross-site", origin: page.url.origin };
  return newVisitor().visit(form.action, { form: form.fields, headers });
}

/** Fills in the provider's login page and follows the way back to the app. */
export async function samlSignInAt(visitor: Visitor, page: VisitorAnswer, login: string): Promise<VisitorAnswer> {
  const form = firstForm(page);
  return finish(visitor, await visitor.visit(form.action, { form: { ...form.fields, login, password: login } }));
}

/** Posts the provider's answer, and goes on with this browser's cookies where the gateway sends it. */
export async function finish(visitor: Visitor, answer: VisitorAnswer): Promise<VisitorAnswer> {
  const parked = await postForm(answer);
  return parked.location === null ? parked : visitor.browse(new URL(parked.location, parked.url).href);
}

/** Opens `url` as a stranger and comes back signed in as `login`. */
export async function samlSignIn(visitor: Visitor, url: string, login: string): Promise<VisitorAnswer> {
  return samlSignInAt(visitor, await visitor.browse(url), login);
}
