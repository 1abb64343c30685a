import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { startGatewayInProcess } from "../support/gateway-in-process.ts";
import { ownedFolder } from "../support/owned.ts";
import { exchange } from "../support/raw-client.ts";
import { answers, startServerProcess } from "../support/server-process.ts";

/** Apache with mod_auth_gssapi and the NTLM mechanism of gss-ntlmssp; curl brings the other half. */
const modules = "/usr/lib/apache2/modules";
const installed = ["/usr/sbin/apache2", `${modules}/mod_auth_gssapi.so`, "/etc/gss/mech.d/mech.ntlmssp.conf", "/usr/bin/curl"].every(
  existsSync,
);

const configuration = (folder: string, port: number) => `
ServerRoot ${folder}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
ErrorLog ${folder}/errors
User www-data
Group www-data
${["mpm_event", "authn_core", "authz_core", "authz_user", "auth_gssapi", "headers"]
  .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`)
  .join("\n")}
DocumentRoot ${folder}/htdocs
KeepAlive On
KeepAliveTimeout 30
<Location />
  AuthType GSSAPI
  AuthName "connection-bound"
  GssapiAllowedMech ntlmssp
  GssapiConnectionBound On
  Require valid-user
  Header always set X-Served-As "expr=%{REMOTE_USER}"
</Location>
`;

test.skipIf(!installed)(
  "Apache with NTLM serves alice alone as alice (skipped without apache2, mod-auth-gssapi, gss-ntlmssp and curl)",
  { timeout: 60_000 },
  async () => {
    const folder = ownedFolder("vestibule-apache-");
    const port = await freePort();
    await chmod(folder, 0o755);
    await mkdir(join(folder, "htdocs"));
    await writeFile(join(folder, "htdocs/index.html"), "hello");
    const users = join(folder, "users");
    await writeFile(users, "TEST:alice:wonderland\n");
    await writeFile(join(folder, "apache.conf"), configuration(folder, port));
    const env = { PATH: process.env.PATH ?? "", NTLM_USER_FILE: users };
    const apache = await startServerProcess({
      command: "/usr/sbin/apache2",
      args: ["-f", join(folder, "apache.conf"), "-DFOREGROUND"],
      env,
      folder,
      ready: () => answers(`http://127.0.0.1:${port}/`),
      endBy: "SIGTERM",
    });
    const gateway = await startGatewayInProcess({
      routes: [{ public: [{ method: null, glob: "/pub/**" }], upstreams: [{ url: `http://127.0.0.1:${port}`, weight: 1 }] }],
    });
    try {
      const alice = await gateway.signIn({ subject: "alice" });
      const bob = await gateway.signIn({ subject: "bob" });
      const url = `http://127.0.0.1:${gateway.port}/index.html`;
      const signsIn = ["-si", "--negotiate", "-u", ":", "-H", "Host: wiki.acme.example", "-H", `Cookie: ${alice.cookie}`, url, url];
      const bare = (path: string, cookie: string) =>
        exchange(gateway, `GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\n${cookie}Connection: close\r\n\r\n`);
      for (let round = 0; round < 5; round += 1) {
        const { stdout } = await promisify(execFile)("/usr/bin/curl", signsIn, { env });
        // The second page is asked for without credentials, on the same connection.
        expect(stdout.match(/^X-Served-As: TEST.alice/gm)).toHaveLength(2);
        for (const answer of [await bare("/index.html", `Cookie: ${bob.cookie}\r\n`), await bare("/pub/index.html", "")]) {
          expect(answer.statuses).toEqual([401]);
          expect(answer.answers[0]?.header("x-served-as")).toBe("");
        }
      }
    } finally {
      await gateway.close();
      await apache.stop();
    }
  },
);
