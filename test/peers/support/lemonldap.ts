import { generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { ownedFolder } from "../../support/owned.ts";
import { answers, peerEnv, startServerProcess } from "../../support/server-process.ts";

/** What the portal knows of the gateway. */
export interface LemonLdapPartners {
  /** The metadata that the gateway publishes; null = it speaks no SAML with it. */
  readonly saml: string | null;
  readonly oidc: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly redirectUri: string;
    readonly postLogoutRedirectUri: string;
    readonly frontchannelLogoutUri: string;
    readonly accessTokenSeconds: number;
  } | null;
}
export interface LemonLdap {
  readonly origin: string;
  readonly logoutUrl: string;
  output(): string;
  close(): Promise<void>;
}

export const lemonLdapMetadataUrl = (port: number) => `http://127.0.0.1:${port}/saml/metadata`;
/** With the slash that it announces. */
export const lemonLdapIssuer = (port: number) => `http://127.0.0.1:${port}/`;

/**
 * Debian's LemonLDAP::NG portal on loopback, as SAML and OpenID Connect provider, run by Plack's own server. Its demonstration accounts
 * are replaced by alice (two groups), bob (one) and carol (none), whose passwords are their names.
 */
export async function startLemonLdap(partners: LemonLdapPartners, port?: number): Promise<LemonLdap> {
  const folder = ownedFolder("vestibule-lemonldap-");
  const at = port ?? (await freePort());
  const origin = `http://127.0.0.1:${at}`;
  for (const name of ["conf", "cache", "sessions", "sessions/lock", "psessions", "psessions/lock", "notifications"]) {
    await mkdir(join(folder, name));
  }
  await writeFile(join(folder, "lemonldap-ng.ini"), iniOf(folder));
  await writeFile(join(folder, "portal.psgi"), portalPsgi);
  await writeFile(join(folder, "conf", "lmConf-1.json"), JSON.stringify(configurationOf(folder, origin, partners)));
  const peer = await startServerProcess({
    command: "plackup",
    args: ["-E", "deployment", "-s", "HTTP::Server::PSGI", "-o", "127.0.0.1", "-p", String(at), join(folder, "portal.psgi")],
    cwd: folder,
    folder,
    endBy: "SIGTERM",
    env: peerEnv(folder, { LLNG_DEFAULTCONFFILE: join(folder, "lemonldap-ng.ini") }),
    // The first request makes Perl and PHP read all of their modules.
    patienceMs: 30_000,
    ready: () => answers(`${origin}/`),
  });
  return {
    origin,
    logoutUrl: `${origin}/?logout=1`,
    output: peer.output,
    close: async () => void (await peer.stop()),
  };
}

const iniOf = (folder: string) => `[all]
logLevel = warn
[configuration]
type = File
dirName = ${folder}/conf
localStorage = Cache::FileCache
localStorageOptions = { 'namespace' => 'conf', 'default_expires_in' => 600, 'directory_umask' => '077', 'cache_root' => '${folder}/cache', 'cache_depth' => 1 }
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
`;

/** The portal always loads a captcha module, wanted or not; the one that comes with it needs a graphics library. */
const portalPsgi = `use strict;
BEGIN {
  package Lemonldap::NG::Portal::Captcha::None;
  use Mouse;
  extends 'Lemonldap::NG::Common::Module';
  sub init { 1 }
  $INC{'Lemonldap/NG/Portal/Captcha/None.pm'} = __FILE__;
}
use Lemonldap::NG::Portal::UserDB::Demo;
%Lemonldap::NG::Portal::UserDB::Demo::demoAccounts = (
  alice => { uid => 'alice', cn => 'Alice Archer', mail => 'alice@acme.example' },
  bob   => { uid => 'bob',   cn => 'Bob Baker',    mail => 'bob@acme.example' },
  carol => { uid => 'carol', cn => 'Carol Cook',   mail => 'carol@acme.example' },
);
%Lemonldap::NG::Portal::UserDB::Demo::demoGroups = ( staff => [qw(alice bob)], admins => [qw(alice)] );
require Lemonldap::NG::Portal::Main;
Lemonldap::NG::Portal::Main->run( {} );
`;

function configurationOf(folder: string, origin: string, { saml, oidc }: LemonLdapPartners): object {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const files = (name: string) => ({
    Directory: `${folder}/${name}`,
    LockDirectory: `${folder}/${name}/lock`,
    generateModule: "Lemonldap::NG::Common::Apache::Session::Generate::SHA256",
  });
  return {
    cfgNum: 1,
    cfgAuthor: "tests",
    cfgDate: "1627287638",
    cfgVersion: "2.16.1",
    key: "a key of the test only",
    portal: `${origin}/`,
    domain: "127.0.0.1",
    securedCookie: 0,
    cookieName: "lemonldap",
    authentication: "Demo",
    userDB: "Same",
    passwordDB: "Null",
    registerDB: "Null",
    whatToTrace: "_whatToTrace",
    macros: { _whatToTrace: "$uid" },
    demoExportedVars: { uid: "uid", cn: "cn", mail: "mail" },
    locationRules: { "127.0.0.1": { default: "accept" } },
    globalStorage: "Apache::Session::File",
    globalStorageOptions: files("sessions"),
    persistentStorage: "Apache::Session::File",
    persistentStorageOptions: files("psessions"),
    localSessionStorage: "Cache::FileCache",
    localSessionStorageOptions: { namespace: "sessions", default_expires_in: 1, cache_root: `${folder}/cache`, cache_depth: 1 },
    notification: 0,
    captcha: "::Captcha::None",
    captcha_login_enabled: 0,
    captcha_mail_enabled: 0,
    captcha_register_enabled: 0,
    portalDisplayRegister: 0,
    portalDisplayResetPassword: 0,
    ...(saml === null
      ? {}
      : {
          issuerDBSAMLActivation: 1,
          samlServicePrivateKeySig: privateKey,
          samlServicePublicKeySig: publicKey,
          samlServiceUseCertificateInResponse: 0,
          samlSPMetaDataXML: { vestibule: { samlSPMetaDataXML: saml } },
          samlSPMetaDataOptions: {
            vestibule: {
              samlSPMetaDataOptionsCheckSSOMessageSignature: 1,
              samlSPMetaDataOptionsCheckSLOMessageSignature: 1,
              samlSPMetaDataOptionsSignSSOMessage: 1,
              samlSPMetaDataOptionsSignSLOMessage: 1,
              samlSPMetaDataOptionsNameIDFormat: "transient",
              samlSPMetaDataOptionsSessionNotOnOrAfterTimeout: 72_000,
              samlSPMetaDataOptionsNotOnOrAfterTimeout: 72_000,
            },
          },
          samlSPMetaDataExportedAttributes: {
            vestibule: { uid: "1;uid;;User", mail: "0;mail;;Mail", cn: "0;cn;;Name", groups: "0;groups;;Groups" },
          },
        }),
    ...(oidc === null
      ? {}
      : {
          issuerDBOpenIDConnectActivation: 1,
          oidcServicePrivateKeySig: privateKey,
          oidcServicePublicKeySig: publicKey,
          oidcServiceKeyIdSig: "first",
          oidcServiceAllowAuthorizationCodeFlow: 1,
          oidcRPMetaDataExportedVars: { vestibule: { email: "mail", name: "cn", groups: "groups" } },
          oidcRPMetaDataOptionsExtraClaims: { vestibule: { groups: "groups" } },
          oidcRPMetaDataOptions: {
            vestibule: {
              oidcRPMetaDataOptionsClientID: oidc.clientId,
              oidcRPMetaDataOptionsClientSecret: oidc.clientSecret,
              oidcRPMetaDataOptionsRedirectUris: oidc.redirectUri,
              oidcRPMetaDataOptionsPostLogoutRedirectUris: oidc.postLogoutRedirectUri,
              oidcRPMetaDataOptionsLogoutUrl: oidc.frontchannelLogoutUri,
              oidcRPMetaDataOptionsLogoutType: "front",
              oidcRPMetaDataOptionsLogoutSessionRequired: 1,
              oidcRPMetaDataOptionsLogoutBypassConfirm: 1,
              oidcRPMetaDataOptionsBypassConsent: 1,
              oidcRPMetaDataOptionsIDTokenSignAlg: "RS256",
              oidcRPMetaDataOptionsUserIDAttr: "uid",
              oidcRPMetaDataOptionsRefreshToken: 1,
              oidcRPMetaDataOptionsAccessTokenExpiration: oidc.accessTokenSeconds,
            },
          },
        }),
  };
}
