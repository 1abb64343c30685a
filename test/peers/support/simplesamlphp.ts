import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestCertificate } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import { ownedFolder } from "../../support/owned.ts";
import { answers, peerEnv, startServerProcess } from "../../support/server-process.ts";

/** How the identity provider behaves; each change counts from the next request on. */
export interface SimpleSamlPhpBehaviour {
  readonly key: TestCertificate;
  /** Announced in the metadata before the one in use, as the documentation of its key roll-over says. */
  readonly nextKey: TestCertificate | null;
  readonly encrypt: boolean;
  /** Login and logout requests, of both sides, travel in forms only. */
  readonly post: boolean;
}
export interface SimpleSamlPhp {
  readonly origin: string;
  readonly metadataUrl: string;
  /** Where a person ends everything at the identity provider; `returnTo` must be on its own host. */
  readonly logoutUrl: string;
  /** Where a login begins that the gateway did not ask for. */
  unsolicitedUrl(entityId: string, relayState: string): string;
  /** Makes the gateway known by the metadata that it publishes itself. */
  trust(serviceProviderMetadata: string): Promise<void>;
  behave(change: Partial<SimpleSamlPhpBehaviour>): Promise<void>;
  output(): string;
  close(): Promise<void>;
}

const home = "/usr/share/simplesamlphp";

/** Debian's SimpleSAMLphp as an identity provider on loopback, with PHP's own server; alice, bob and carol have their names as passwords. */
export async function startSimpleSamlPhp(key: TestCertificate, port?: number): Promise<SimpleSamlPhp> {
  const folder = ownedFolder("vestibule-simplesamlphp-");
  const at = port ?? (await freePort());
  const origin = `http://127.0.0.1:${at}`;
  let behaviour: SimpleSamlPhpBehaviour = { key, nextKey: null, encrypt: false, post: false };
  const write = async () => {
    const { key, nextKey, encrypt, post } = behaviour;
    await writeKey(folder, "idp", key);
    if (nextKey !== null) await writeKey(folder, "next", nextKey);
    await put(join(folder, "metadata", "behaviour.json"), JSON.stringify({ next: nextKey !== null, encrypt, post }));
  };
  for (const name of ["config", "metadata", "cert", "log", "data", "tmp", "sessions"]) await mkdir(join(folder, name));
  await writeFile(join(folder, "config", "config.php"), configPhp(folder, origin));
  await writeFile(join(folder, "config", "authsources.php"), authSourcesPhp);
  await writeFile(join(folder, "metadata", "saml20-idp-hosted.php"), hostedPhp);
  await writeFile(join(folder, "metadata", "saml20-sp-remote.php"), remotePhp);
  await write();
  const peer = await startServerProcess({
    command: "php",
    args: ["-d", "display_errors=stderr", "-S", `127.0.0.1:${at}`, "-t", `${home}/www`],
    cwd: folder,
    folder,
    endBy: "SIGTERM",
    env: peerEnv(folder, { SIMPLESAMLPHP_CONFIG_DIR: join(folder, "config") }),
    // The first request makes Perl and PHP read all of their modules.
    patienceMs: 30_000,
    ready: () => answers(`${origin}/saml2/idp/metadata.php`),
  });
  return {
    origin,
    metadataUrl: `${origin}/saml2/idp/metadata.php`,
    logoutUrl: `${origin}/saml2/idp/SingleLogoutService.php?ReturnTo=${encodeURIComponent(`${origin}/logout.php`)}`,
    unsolicitedUrl: (entityId, relayState) =>
      `${origin}/saml2/idp/SSOService.php?${new URLSearchParams({ spentityid: entityId, RelayState: relayState })}`,
    trust: (metadata) => put(join(folder, "metadata", "sp.xml"), metadata),
    behave: async (change) => {
      behaviour = { ...behaviour, ...change };
      await write();
    },
    output: peer.output,
    close: async () => void (await peer.stop()),
  };
}

async function writeKey(folder: string, name: string, { key, certificate }: TestCertificate): Promise<void> {
  await put(join(folder, "cert", `${name}.pem`), key);
  await put(join(folder, "cert", `${name}.crt`), certificate);
}

/** Whole or not at all: PHP reads these files at each request. */
async function put(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

const configPhp = (folder: string, origin: string) => `<?php
$config = [
    'baseurlpath' => '${origin}/',
    'certdir' => '${folder}/cert/',
    'loggingdir' => '${folder}/log/',
    'datadir' => '${folder}/data/',
    'tempdir' => '${folder}/tmp',
    'metadatadir' => '${folder}/metadata/',
    'attributenamemapdir' => '${home}/config/attributemap/',
    'technicalcontact_name' => 'Administrator',
    'technicalcontact_email' => 'na@acme.example',
    'timezone' => 'UTC',
    'secretsalt' => 'a salt of the test only',
    'auth.adminpassword' => 'unused-${process.pid}',
    'admin.checkforupdates' => false,
    'trusted.url.domains' => [],
    'enable.saml20-idp' => true,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'showerrors' => true,
    'errorreporting' => true,
    'logging.level' => SimpleSAML\\Logger::NOTICE,
    'logging.handler' => 'stderr',
    'session.duration' => 8 * 3600,
    'session.cookie.name' => 'SimpleSAMLSessionID',
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'session.phpsession.cookiename' => 'SimpleSAML',
    'session.phpsession.savepath' => '${folder}/sessions',
    'session.phpsession.httponly' => true,
    'language.available' => ['en'],
    'language.default' => 'en',
    'language.cookie.secure' => false,
    'store.type' => 'phpsession',
    'metadata.sources' => [['type' => 'flatfile']],
    'metadata.sign.enable' => false,
    'authproc.idp' => [],
];
`;

const person = (login: string, name: string, groups: string) =>
  `'${login}:${login}' => ['uid' => ['${login}'], 'mail' => ['${login}@acme.example'], 'displayName' => ['${name}'], 'groups' => [${groups}]],`;
const authSourcesPhp = `<?php
$config = [
    'people' => [
        'exampleauth:UserPass',
        ${person("alice", "Alice Archer", "'staff', 'admins'")}
        ${person("bob", "Bob Baker", "'staff'")}
        ${person("carol", "Carol Cook", "")}
    ],
];
`;

const hostedPhp = `<?php
$behaviour = json_decode(file_get_contents(__DIR__ . '/behaviour.json'), true);
$metadata['__DYNAMIC:1__'] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.pem',
    'certificate' => 'idp.crt',
    'auth' => 'people',
    'sign.logout' => true,
    'redirect.sign' => true,
    'redirect.validate' => true,
    'validate.authnrequest' => true,
    'validate.logout' => true,
    'assertion.encryption' => $behaviour['encrypt'],
] + ($behaviour['next'] ? ['new_privatekey' => 'next.pem', 'new_certificate' => 'next.crt'] : [])
  + ($behaviour['post'] ? array_fill_keys(['SingleSignOnServiceBinding', 'SingleLogoutServiceBinding'], SAML2\\Constants::BINDING_HTTP_POST) : []);
`;

/** It reads the gateway's metadata with its own parser. */
const remotePhp = `<?php
if (file_exists(__DIR__ . '/sp.xml')) {
    $parsed = SimpleSAML\\Metadata\\SAMLParser::parseString(file_get_contents(__DIR__ . '/sp.xml'))->getMetadata20SP();
    if (json_decode(file_get_contents(__DIR__ . '/behaviour.json'), true)['post']) {
        $parsed['SingleLogoutService'] = array_values(array_filter(
            $parsed['SingleLogoutService'], fn($one) => $one['Binding'] === SAML2\\Constants::BINDING_HTTP_POST));
    }
    $metadata[$parsed['entityid']] = $parsed;
}
`;
