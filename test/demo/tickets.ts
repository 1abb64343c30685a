import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeAuthority } from "../support/certificates.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { startKdc } from "../support/kdc.ts";
import { ownedFolder } from "../support/owned.ts";
import { type DemoPorts, withPorts } from "./ports.ts";

const written = new URL("../../config/demo-kerberos.yaml", import.meta.url).pathname;
const realm = "CORP.EXAMPLE";
const signIn = "auth.intranet.localhost";

/** What the demo's sign-on by ticket needs and this machine lacks, as Debian's packages; empty when all is there. */
export function missingForTickets(): readonly string[] {
  const parts = { "krb5-kdc": "/usr/sbin/krb5kdc", "krb5-admin-server": "/usr/sbin/kadmin.local", openssl: "/usr/bin/openssl" };
  return Object.entries(parts).flatMap(([name, file]) => (existsSync(file) ? [] : [name]));
}

export interface DemoTickets {
  /** What to try, for the welcome. */
  readonly words: string;
  close(): Promise<void>;
}

/** A KDC for the people of the demo's directory, and a second gateway over TLS that takes their tickets. */
export async function startTickets(ports: DemoPorts): Promise<DemoTickets> {
  const folder = ownedFolder("vestibule-demo-tickets-");
  const parts: { close(): Promise<unknown> }[] = [];
  const close = async () => {
    await Promise.all(parts.map((part) => part.close()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [kdc, authority] = await Promise.all([startKdc(realm, { grace: "grace", heidi: "heidi" }), makeAuthority("Vestibule demo")]);
    parts.push({ close: kdc.stop });
    const [{ certificate, key }, keytab] = await Promise.all([
      authority.issue(`DNS:${signIn}`, "DNS:intranet.localhost"),
      kdc.keytab("http.keytab", [`HTTP/${signIn}`]),
    ]);
    await Promise.all([
      writeFile(join(folder, "ca.crt"), authority.certificate),
      writeFile(join(folder, "server.crt"), certificate),
      writeFile(join(folder, "server.key"), key, { mode: 0o600 }),
      writeFile(join(folder, "http.keytab"), await readFile(keytab), { mode: 0o600 }),
      writeBrowserState(join(folder, "browser")),
    ]);
    const yaml = withPorts(await readFile(written, "utf8"), ports).replace(/(?<=file: )(?=[\w.]+ })/g, `${folder}/`);
    const gateway = await startGatewayProcess({ yaml, adminPort: ports.intranetAdmin });
    parts.push({ close: gateway.stop });
    return { words: words(`https://intranet.localhost:${ports.intranet}`, folder, kdc.env.KRB5_CONFIG ?? ""), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** On Linux Chromium loads the system's Kerberos library only after a site has asked for a ticket once: to this one, a site has. */
async function writeBrowserState(profile: string): Promise<void> {
  await mkdir(profile);
  await writeFile(join(profile, "Local State"), JSON.stringify({ net: { received_http_auth_negotiate_headers: true } }));
}

const words = (url: string, folder: string, krb5Config: string) => `
Sign-on by ticket (Kerberos), on ${url}, with a certificate of the demo's own. Who has no ticket comes to the form, as grace or heidi.

  export KRB5_CONFIG=${krb5Config} KRB5CCNAME=FILE:${folder}/tickets
  echo grace | kinit grace
  curl --negotiate -u : -s --location-trusted -c ${folder}/jar -b ${folder}/jar --cacert ${folder}/ca.crt -H 'Accept: text/html' ${url}/
  chromium --user-data-dir=${folder}/browser --auth-server-allowlist=${signIn} --ignore-certificate-errors ${url}/
`;
