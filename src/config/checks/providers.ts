import type { KeyObject } from "node:crypto";
import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import type { OidcFile, ProviderFile, SamlFile } from "../schema/providers.ts";
import type { References } from "../values/references.ts";
import { checkKey, readCertificate } from "./certificates.ts";

/** Who owns which mail domain, and how each provider is spoken to. */
export function checkProviders(draft: Draft, references: References, report: Report): void {
  const owners = new Map<string, string>();
  const httpAllowed = draft.insecure?.httpProviders !== false;
  for (const [id, provider] of draft.providers) {
    if (provider === null) continue;
    const path = ["providers", id];
    checkDomains(id, provider, owners, draft.insecure?.publicEmailDomains !== false, report);
    if (provider.oidc !== undefined) checkOidc(provider.oidc, [...path, "oidc"], httpAllowed, references, report);
    if (provider.saml !== undefined) checkSaml(provider.saml, [...path, "saml"], httpAllowed, references, report);
  }
}

function checkDomains(id: string, provider: ProviderFile, owners: Map<string, string>, publicAllowed: boolean, report: Report): void {
  for (const [at, domain] of provider.emailDomains.entries()) {
    const path = ["providers", id, "emailDomains", at];
    const owner = owners.get(domain);
    if (owner !== undefined) {
      const where =
        owner === id ? "stands here twice: remove one" : `already belongs to the provider ${owner}: an address signs in at one place`;
      report.problem(path, `${domain} ${where}`);
    } else owners.set(domain, id);
    if (!publicAllowed && isPublicEmailDomain(domain)) {
      report.problem(
        path,
        `${domain} is a public mail domain, anyone can have an address there: remove it (or set insecure.publicEmailDomains)`,
      );
    }
  }
}

function checkOidc(oidc: OidcFile, path: KeyPath, httpAllowed: boolean, references: References, report: Report): void {
  checkHttps(oidc.issuer, [...path, "issuer"], httpAllowed, report);
  if (oidc.issuer.includes("?")) report.problem([...path, "issuer"], "an issuer has no query (OpenID Connect Discovery 3)");
  checkClientAuth(oidc, path, report);
  if (oidc.privateKey === null) return;
  const key = checkKey(null, references.secret(oidc.privateKey.key).reveal(), [...path, "privateKey", "key"], report);
  const fitting = key === null ? null : algorithmsOf(key);
  if (fitting !== null && !fitting.includes(oidc.privateKey.alg)) {
    report.problem([...path, "privateKey", "alg"], `${oidc.privateKey.alg} does not fit this key: write ${fitting.join(" or ")}`);
  }
}

/** The algorithms of JWS that a private key can sign with (RFC 7518 3.1, RFC 8037); null for a kind of key that none of them uses. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] | null {
  if (asymmetricKeyType === "rsa") return ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
  if (asymmetricKeyType === "ed25519") return ["EdDSA", "Ed25519"];
  const curves: Readonly<Record<string, string>> = { prime256v1: "ES256", secp384r1: "ES384", secp521r1: "ES512" };
  const algorithm = curves[asymmetricKeyDetails?.namedCurve ?? ""];
  return algorithm === undefined ? null : [algorithm];
}

function checkClientAuth(oidc: OidcFile, path: KeyPath, report: Report): void {
  const method = oidc.clientAuth ?? "client_secret_basic";
  const usesSecret = method === "client_secret_basic" || method === "client_secret_post";
  if (usesSecret && oidc.clientSecret === null) {
    report.problemAtKey(path, `clientAuth ${method} needs clientSecret: write { env: NAME } (or clientAuth: none for a public client)`);
  }
  if (method === "private_key_jwt" && oidc.privateKey === null) {
    report.problemAtKey(path, "clientAuth private_key_jwt needs privateKey: write { key: { file: PATH }, kid: …, alg: ES256 }");
  }
  if (!usesSecret && oidc.clientSecret !== null) {
    report.problem([...path, "clientSecret"], `with clientAuth ${method} a clientSecret is never used: remove one of the two`);
  }
  if (method !== "private_key_jwt" && oidc.privateKey !== null) {
    report.problem([...path, "privateKey"], "a privateKey is only used with clientAuth: private_key_jwt");
  }
}

/** Where a SAML provider is found, and whether the keys and certificates are what they should be. */
function checkSaml(saml: SamlFile, path: KeyPath, httpAllowed: boolean, references: References, report: Report): void {
  if (typeof saml.metadata === "string") checkHttps(saml.metadata, [...path, "metadata"], httpAllowed, report);
  if (saml.metadataSigner !== null) readCertificate(references.pem(saml.metadataSigner), [...path, "metadataSigner"], report);
  if (saml.idp !== null) {
    checkHttps(saml.idp.ssoUrl, [...path, "idp", "ssoUrl"], httpAllowed, report);
    if (saml.idp.sloUrl !== null) checkHttps(saml.idp.sloUrl, [...path, "idp", "sloUrl"], httpAllowed, report);
    for (const [at, certificate] of saml.idp.certificates.entries()) {
      readCertificate(references.pem(certificate), [...path, "idp", "certificates", at], report);
    }
  }
  checkKeys(saml, path, references, report);
}

function checkHttps(url: string, path: KeyPath, httpAllowed: boolean, report: Report): void {
  if (httpAllowed || /^https:/i.test(url)) return;
  report.problem(path, "a provider over http:// can be anybody: write https:// (or set insecure.httpProviders)");
}

function checkKeys({ keys, signRequests, singleLogout }: SamlFile, path: KeyPath, references: References, report: Report): void {
  for (const [at, pair] of keys.entries()) {
    const here = [...path, "keys", at];
    const certificate = readCertificate(references.pem(pair.certificate), [...here, "certificate"], report);
    checkKey(certificate, references.secret(pair.key).reveal(), [...here, "key"], report);
  }
  if (keys.length === 0 && (signRequests || singleLogout)) {
    report.warning(path, "without keys requests are not signed, assertions cannot be encrypted, and there is no single logout");
  }
}

/** Where anybody can have an address: owning such a domain would send strangers to one provider and shut out the others. */
const exact = new Set(
  [
    "gmail.com googlemail.com outlook.com live.com msn.com passport.com icloud.com me.com mac.com proton.me protonmail.com pm.me",
    "protonmail.ch aol.com aim.com zoho.com zohomail.com zohomail.eu mail.com email.com usa.com post.com yandex.com yandex.ru ya.ru",
    "mail.ru bk.ru inbox.ru list.ru internet.ru rambler.ru fastmail.com fastmail.fm hey.com tutanota.com tutanota.de tuta.io tuta.com tutamail.com",
    "keemail.me hushmail.com mailbox.org posteo.de posteo.net runbox.com disroot.org riseup.net web.de freenet.de t-online.de arcor.de",
    "mail.de email.de online.de vodafone.de orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr numericable.fr club-internet.fr",
    "libero.it virgilio.it tiscali.it alice.it tin.it tim.it aruba.it poste.it pec.it email.it wp.pl o2.pl onet.pl interia.pl op.pl gazeta.pl",
    "seznam.cz centrum.cz email.cz post.cz azet.sk zoznam.sk freemail.hu citromail.hu abv.bg mail.bg ukr.net i.ua meta.ua bluewin.ch sunrise.ch",
    "telenet.be skynet.be proximus.be ziggo.nl kpnmail.nl xs4all.nl planet.nl home.nl hetnet.nl telia.com telenor.no online.no mail.dk",
    "btinternet.com btopenworld.com virginmedia.com ntlworld.com sky.com talktalk.net blueyonder.co.uk tiscali.co.uk",
    "comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net optonline.net juno.com netzero.net",
    "rogers.com shaw.ca sympatico.ca bell.net telus.net videotron.ca bigpond.com bigpond.net.au optusnet.com.au xtra.co.nz",
    "uol.com.br bol.com.br terra.com.br ig.com.br globo.com globomail.com rediffmail.com sify.com qq.com foxmail.com 163.com 126.com yeah.net",
    "sina.com sina.cn sohu.com aliyun.com 139.com 189.cn naver.com hanmail.net daum.net kakao.com nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp",
    "duck.com mozmail.com privaterelay.appleid.com simplelogin.com anonaddy.com mailinator.com guerrillamail.com yopmail.com 10minutemail.com",
    "temp-mail.org trashmail.com sharklasers.com gmx.com rocketmail.com ymail.com windowslive.com caramail.com lycos.com excite.com",
  ].flatMap((line) => line.split(" ")),
);
/** Families that end in a country: `hotmail.co.uk`, `yahoo.fr`, `gmx.at`, `outlook.de`. */
const family = /^(hotmail|outlook|live|yahoo|ymail|rocketmail|gmx|yandex|aol)(\.[a-z]{2,3}){1,2}$/;

/** True for a mail domain (canonical) where anybody can have an address. */
function isPublicEmailDomain(domain: string): boolean {
  return exact.has(domain) || family.test(domain);
}
