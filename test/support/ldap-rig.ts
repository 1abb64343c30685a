import { freePorts } from "./free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import { type RecordingUpstream, startRecordingUpstream } from "./recording-upstream.ts";
import { suffix } from "./slapd.ts";
import { firstForm, type Visitor, type VisitorAnswer } from "./visitor.ts";

/** The product in a process of its own, in front of one recording upstream, with the providers that are given. */
export interface LdapRig {
  readonly gateway: GatewayProcess;
  readonly upstream: RecordingUpstream;
  readonly port: number;
  readonly adminPort: number;
  readonly wiki: string;
  readonly auth: string;
  readonly yaml: string;
  close(): Promise<void>;
}

/** `providers`: YAML below `providers:`, indented by two. `access`, `app`: lines of the only app. */
export async function startLdapRig(options: {
  readonly providers: string;
  readonly app?: string;
  readonly top?: string;
  readonly env?: Record<string, string>;
}): Promise<LdapRig> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const upstream = await startRecordingUpstream();
  const yaml = `version: 1
listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
insecure: { plainHttp: true, plainLdap: true, literalSecrets: true }
auth: { origin: "http://auth.localhost:${port}" }
sessions: { store: memory, secret: ["0123456789abcdef0123456789abcdef-ldap"] }
${options.top ?? ""}
providers:
${options.providers}
apps:
  - name: Wiki
    host: wiki.localhost
    upstream: ${upstream.url}
    sharedSubjects: true
${options.app ?? "    access: [{ allow: { anyone: true } }]\n"}`;
  const gateway = await startGatewayProcess({ yaml, adminPort, env: options.env ?? {} });
  return {
    gateway,
    upstream,
    port,
    adminPort,
    wiki: `http://wiki.localhost:${port}`,
    auth: `http://auth.localhost:${port}`,
    yaml,
    close: async () => {
      await gateway.stop();
      await upstream.close();
    },
  };
}

/** An ldap provider for a test directory: search by uid, groups from memberOf. `more` are further lines below `ldap:`. */
export function ldapYaml(id: string, urls: readonly string[], more = ""): string {
  return `  ${id}:
    name: Acme directory
    ldap:
      urls: [${urls.map((url) => JSON.stringify(url)).join(", ")}]
      bind: { dn: "cn=vestibule,ou=services,${suffix}", password: service-secret }
      userBase: "ou=people,${suffix}"
      userFilter: "(uid={login})"
${more}`;
}

/** Fills the login form in as a person does. */
export function submitPassword(visitor: Visitor, page: VisitorAnswer, username: string, password: string): Promise<VisitorAnswer> {
  const { action, fields } = firstForm(page);
  return visitor.browse(action, { form: { ...fields, username, password } });
}
