import { startKdc, type TestKdc } from "./kdc.ts";
import { baseEntries, group, person, personDn, startSlapd, suffix, type TestSlapd } from "./slapd.ts";
import { startTlsRig, type TlsRig } from "./tls-rig.ts";

/** A KDC, a directory, and the product in a process of its own, with TLS, on `auth.localhost` and `wiki.localhost`. */
export interface KerberosRig extends TlsRig {
  readonly kdc: TestKdc;
  readonly slapd: TestSlapd;
  readonly wiki: string;
  readonly keytab: string;
}

export interface KerberosRigOptions {
  /** Lines below `kerberos:`, indented by six. */
  readonly kerberos?: string;
  /** Lines of the only app. */
  readonly app?: string;
  readonly top?: string;
  readonly store?: string;
  readonly instances?: number;
}

/** Started and ready, with the people alice, bob and carol. */
export async function startKerberosRig(options: KerberosRigOptions = {}): Promise<KerberosRig> {
  const [kdc, slapd] = await Promise.all([
    startKdc(),
    startSlapd({
      ldif:
        baseEntries +
        person("alice", { cn: "Alice Adams" }) +
        person("bob") +
        person("carol") +
        group("staff", ...["alice", "bob", "carol"].map(personDn)),
    }),
  ]);
  const keytab = await kdc.keytab("http.keytab", ["HTTP/auth.localhost"]);
  const rig = await startTlsRig({
    hosts: ["wiki.localhost"],
    env: kdc.env,
    ...(options.top === undefined ? {} : { top: options.top }),
    ...(options.store === undefined ? {} : { store: options.store }),
    ...(options.instances === undefined ? {} : { instances: options.instances }),
    providers: `  corp:
    name: Acme directory
    ldap:
      urls: ["${slapd.url}"]
      bind: { dn: "cn=vestibule,ou=services,${suffix}", password: service-secret }
      userBase: "ou=people,${suffix}"
      userFilter: "(uid={login})"
      timeout: 2s
      acr: urn:acme:password
  windows:
    name: Windows sign-on
    kerberos:
      keytab: { file: ${keytab} }
      realms: [ACME.EXAMPLE]
      networks: [127.0.0.0/8]
      lookup: corp
      fallback: corp
${options.kerberos ?? ""}`,
    apps: `  - name: Wiki
    host: wiki.localhost
    upstream: {upstream}
${options.app ?? "    access: [{ allow: { groups: [staff] } }]\n    routes: [{ path: /vault, access: [{ allow: { groups: [staff], acr: [urn:acme:password] } }] }]\n"}`,
  });
  return {
    ...rig,
    kdc,
    slapd,
    wiki: rig.urlOf("wiki.localhost"),
    keytab,
    close: async () => {
      await rig.close();
      await Promise.all([kdc.stop(), slapd.stop()]);
    },
  };
}
