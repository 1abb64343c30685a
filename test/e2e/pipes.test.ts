import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ownedFolder, spawnOwned } from "../support/owned.ts";

/**
 * A pipe that nobody writes to, where a file was meant: whoever opens or reads it as a file waits for ever, and with it every visitor of the
 * process. So each file is looked at before it is read. Every reading happens in a process of its own here: one that freezes is ended, and
 * the test says so.
 */
const folder = ownedFolder("vestibule-pipes-");
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const project = new URL("../../", import.meta.url).pathname;
const frozenMs = 20_000;

/** What a process wrote; null when it did not come to its end. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string | null> {
  const child = spawnOwned(process.execPath, args, { cwd: project, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let written = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
  const timer = setTimeout(() => child.kill("SIGKILL"), frozenMs);
  const signal = await new Promise<string | null>((resolve) => child.once("close", (_, by) => resolve(by)));
  clearTimeout(timer);
  return signal === null ? written : null;
}

let made = 0;
function aPipe(): string {
  const path = join(folder, `pipe-${++made}`);
  execFileSync("mkfifo", [path]);
  return path;
}

/** Every key of the configuration that names a file to be read. */
const keys = [
  "listen[0].tls.certificates[0].certificate",
  "listen[0].tls.certificates[0].key",
  "auth.locale.files.de",
  "branding.logo.light",
  "branding.logo.dark",
  "branding.css",
  "sessions.store.redis.url",
  "sessions.store.redis.password",
  "sessions.store.redis.tls.ca",
  "sessions.secret[0]",
  "providers.oidc.oidc.clientSecret",
  "providers.oidc.oidc.privateKey.key",
  "providers.oidc.oidc.decryptionKeys[0].key",
  "providers.oidc.scim.tokens[0]",
  "providers.saml.saml.metadata",
  "providers.saml.saml.metadataSigner",
  "providers.saml.saml.keys[0].certificate",
  "providers.saml.saml.keys[0].key",
  "providers.idp.saml.idp.certificates[0]",
  "providers.ldap.ldap.tls.ca",
  "providers.ldap.ldap.bind.password",
  "providers.kerberos.kerberos.keytab",
  "console.token",
  "apps[0].portal.icon",
  "apps[0].headers.request.set.X-Key",
  "apps[0].headers.request.set.Authorization.basic.password",
  "apps[0].proxy.tls.ca",
  "apps[0].proxy.tls.certificate",
  "apps[0].proxy.tls.key",
] as const;

test("a configuration whose every file is a pipe is refused at once, and each is named", { timeout: 60_000 }, async () => {
  const pipes = new Map(keys.map((key) => [key, aPipe()] as const));
  const at = (key: (typeof keys)[number]) => `{ file: ${pipes.get(key)} }`;
  const file = join(folder, "vestibule.yaml");
  writeFileSync(
    file,
    `listen: [{ address: "127.0.0.1:0", tls: { certificates: [{ certificate: ${at(keys[0])}, key: ${at(keys[1])} }] } }]
auth: { origin: https://auth.acme.example, locale: { default: en, available: [en, de], files: { de: ${at("auth.locale.files.de")} } } }
branding: { logo: { light: ${at("branding.logo.light")}, dark: ${at("branding.logo.dark")} }, css: ${at("branding.css")} }
sessions:
  store: { redis: { url: ${at("sessions.store.redis.url")}, password: ${at("sessions.store.redis.password")}, tls: { ca: ${at("sessions.store.redis.tls.ca")} } } }
  secret: [${at("sessions.secret[0]")}]
providers:
  oidc:
    oidc:
      issuer: https://id.example
      clientId: a
      clientSecret: ${at("providers.oidc.oidc.clientSecret")}
      privateKey: { key: ${at("providers.oidc.oidc.privateKey.key")}, alg: ES256 }
      decryptionKeys: [{ key: ${at("providers.oidc.oidc.decryptionKeys[0].key")} }]
    scim: { tokens: [${at("providers.oidc.scim.tokens[0]")}] }
  saml:
    saml:
      metadata: ${at("providers.saml.saml.metadata")}
      metadataSigner: ${at("providers.saml.saml.metadataSigner")}
      keys: [{ certificate: ${at("providers.saml.saml.keys[0].certificate")}, key: ${at("providers.saml.saml.keys[0].key")} }]
  idp: { saml: { idp: { entityId: "urn:x", ssoUrl: https://idp.example/sso, certificates: [${at("providers.idp.saml.idp.certificates[0]")}] } } }
  ldap:
    ldap:
      urls: [ldaps://dc1.acme.example]
      tls: { ca: ${at("providers.ldap.ldap.tls.ca")} }
      bind: { dn: "cn=v", password: ${at("providers.ldap.ldap.bind.password")} }
      userBase: "dc=acme"
      userFilter: "(uid={login})"
  kerberos: { kerberos: { keytab: ${at("providers.kerberos.kerberos.keytab")}, realms: [ACME.EXAMPLE], networks: [10.0.0.0/8], lookup: ldap, fallback: ldap } }
  local: { local: { file: /none/users.yaml, networks: [10.0.0.0/8], secondFactor: required } }
console: { token: ${at("console.token")} }
directory: { store: memory }
apps:
  - host: wiki.acme.example
    upstream: https://10.0.0.5:8443
    providers: [oidc]
    portal: { icon: ${at("apps[0].portal.icon")} }
    access: [{ allow: { anyone: true } }]
    headers: { request: { set: { X-Key: ${at("apps[0].headers.request.set.X-Key")}, Authorization: { basic: { user: app, password: ${at("apps[0].headers.request.set.Authorization.basic.password")} } } } } }
    proxy: { tls: { ca: ${at("apps[0].proxy.tls.ca")}, certificate: ${at("apps[0].proxy.tls.certificate")}, key: ${at("apps[0].proxy.tls.key")} } }
`,
  );
  const written = await run(["src/main.ts", "check", "--config", file]);
  expect(written, "the process froze").not.toBeNull();
  const unnamed = keys.filter((key) => !new RegExp(`${pipes.get(key)} (cannot be read: it )?is not a (regular )?file`).test(written ?? ""));
  expect(unnamed, written ?? "").toEqual([]);
  expect(await run(["src/main.ts", "check", "--config", aPipe()])).toMatch(/not a regular file/);
});

const quiet = "{ debug() {}, info() {}, warn() {}, error() {} }";

/** Files that are opened while the gateway serves, each read as the gateway reads it. */
test.each([
  {
    what: "the users of emergency accounts",
    code: (pipe: string) =>
      `const { createUsersFile } = await import("./src/login/local/users-file.ts"); await createUsersFile("${pipe}").read();`,
    says: /not a regular file/,
  },
  {
    what: "a keytab",
    code: (pipe: string) => `const { readRegularFile } = await import("./src/lib/regular-file.ts"); readRegularFile("${pipe}", 1024);`,
    says: /not a regular file/,
  },
  {
    what: "a listener's certificate",
    code: (pipe: string) =>
      `const { createCertificates } = await import("./src/http/listener/certificates.ts"); createCertificates({ files: [{ certificateFile: "${pipe}", keyFile: "${pipe}" }], log: ${quiet} });`,
    says: /not a regular file/,
  },
  {
    what: "a SAML metadata document",
    code: (pipe: string) =>
      `const { metadataOrigin } = await import("./src/login/saml/metadata/kept.ts"); await metadataOrigin({ kind: "file", path: "${pipe}" }, null, 1024)(null);`,
    says: /not a regular file/,
  },
  {
    what: "a directory's database",
    code: (pipe: string) =>
      `const { openSqliteDirectory } = await import("./src/directory/sqlite/store.ts"); openSqliteDirectory("${pipe}");`,
    says: /directory\.unavailable/,
  },
])("$what that is a pipe is an error, and no wait", { timeout: 60_000 }, async ({ code, says }) => {
  const text = `try { ${code(aPipe())} console.log("was read"); } catch (error) { console.log(error.code, error.message); }`;
  const written = await run(["--input-type=module", "-e", text]);
  expect(written, "the process froze").not.toBeNull();
  expect(written).toMatch(says);
});

test("an audit file that is a pipe without a reader costs its lines, and no thread; with a reader it has them", {
  timeout: 60_000,
}, async () => {
  const pipe = aPipe();
  // Four threads open files in a process of Node's; each of these would take one for ever.
  const text = `
    const { createAuditFile } = await import("./src/observe/log.ts");
    const { readFile } = await import("node:fs/promises");
    const { spawn } = await import("node:child_process");
    let lost = 0;
    const files = Array.from({ length: 5 }, () => createAuditFile({ path: "${pipe}", clock: Date.now, onDrop: (lines) => { lost += lines; } }));
    for (const one of files) one.note({ event: "logout", request: "r", client: "c" });
    await Promise.all(files.map((one) => one.flush(5_000)));
    const read = (await readFile("package.json", "utf8")).length > 0;
    console.log(JSON.stringify({ lost, read, ok: files.map((one) => one.health().ok) }));
    const reader = spawn("head", ["-n", "1", "${pipe}"]);
    reader.stdout.once("data", (line) => { console.log(String(line)); process.exit(0); });
    setInterval(() => files[0].note({ event: "logout", request: "again", client: "c" }), 50);`;
  const written = await run(["--input-type=module", "-e", text]);
  expect(written, "the process froze").not.toBeNull();
  const [first = "", second = ""] = (written ?? "").split("\n");
  expect(JSON.parse(first)).toEqual({ lost: 5, read: true, ok: [false, false, false, false, false] });
  expect(JSON.parse(second)).toMatchObject({ event: "logout", request: "again" });
});
